using System.Xml.Linq;
using Cnn.Host.Benchmarks;
using Cnn.Host.Experiments;
using Cnn.Host.Output;
using Cnn.Host.Recipes;
using Cnn.Host.Runs;
using Cnn.Host.Training;
using static Cnn.Host.Reports.Html;

namespace Cnn.Host.Reports;

/// <summary>
/// A run for people: one page that needs nothing but itself, no network and no script, on phones and in the dark too.
/// </summary>
/// <param name="Start">How it started.</param>
/// <param name="Epochs">The epochs that are over.</param>
/// <param name="Result">What the run gave.</param>
/// <param name="Judged">How the model did on the images that it was judged on; null where it was not.</param>
/// <param name="Mistakes">The mistakes to show.</param>
/// <param name="Pictures">All pictures.</param>
internal sealed record RunReport(
    RunStart Start,
    IReadOnlyList<EpochLine> Epochs,
    ResultLine Result,
    EvaluationReport? Judged,
    IReadOnlyList<Mistake> Mistakes,
    ReportPictures Pictures
)
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "report.html";

    /// <summary>Mistakes that are shown at most.</summary>
    public const int MostMistakes = 24;

    private Recipe Recipe => Start.Settings.Recipe;

    private string Images => Result.Score == "test" ? "test images" : "held-out images";

    /// <summary>The page.</summary>
    public string Write() =>
        Html.Write(
            Tag(
                "html",
                Attribute("lang", "en"),
                Tag(
                    "head",
                    Tag("meta", Attribute("charset", "utf-8")),
                    Tag(
                        "meta",
                        Attribute("name", "viewport"),
                        Attribute("content", "width=device-width, initial-scale=1")
                    ),
                    Tag("meta", Attribute("name", "color-scheme"), Attribute("content", "light dark")),
                    // without one, browsers ask the server for an icon
                    Tag("link", Attribute("rel", "icon"), Attribute("href", "data:,")),
                    Tag("title", $"{Recipe.Name}, {Outcome}"),
                    Tag("style", StyleSheet())
                ),
                Tag("body", Tag("main", Parts()), Footer())
            )
        );

    private string Outcome =>
        Result.Accuracy is { } accuracy
            ? $"{Numbers.Percent(accuracy)} of the {Images}"
            : Result.End switch
            {
                RunEnd.Interrupted => "interrupted",
                RunEnd.Diverged => "diverged",
                _ => "not judged",
            };

    private IEnumerable<XElement> Parts()
    {
        yield return Header();
        yield return Section("Repeat this run", Tag("pre", Tag("code", WithWholeFlags(Start.Command))));
        if (Pictures.Curves.Count > 0)
            yield return Section(
                "Training",
                Tag(
                    "div",
                    Class("curves"),
                    Pictures.Curves.Select(curve =>
                        Tag("figure", Tag("figcaption", curve.Caption), curve.Picture.Render())
                    )
                )
            );
        if (Judged is not null)
            yield return Section(
                "Confusion matrix",
                Tag("p", $"Of the {Images}: a row for each true class, a column for each answer."),
                ReportTables.Confusion(Judged, Start.Model.ClassNames)
            );
        if (Mistakes.Count > 0)
            yield return Section(
                "Most confident mistakes",
                Tag(
                    "p",
                    $"Of the {Images}: the answer of the model, the true class, and the probability that the model gave to its answer."
                ),
                Tag("div", Class("mistakes"), Mistakes.Select(Card))
            );
        if (Pictures.Filters.Count > 0)
            yield return Section(
                "Filters of the first convolution",
                Tag(
                    "p",
                    "A square is a weight: white for 0, red above it, blue below; the deepest colour is the largest magnitude of all."
                ),
                Tag(
                    "div",
                    Class("filters"),
                    Pictures.Filters.Select(filter =>
                        Tag(
                            "figure",
                            Tag(
                                "img",
                                Attribute("src", ReportPicture.Address(filter.Picture)),
                                Attribute("alt", $"the weights of {filter.Caption}")
                            ),
                            Tag("figcaption", filter.Caption)
                        )
                    )
                )
            );
        yield return Section("Network", ReportTables.Layers(Start.Model));
    }

    private XElement Header() =>
        Tag(
            "header",
            Tag("h1", WithWholeFlags(Recipe.Name)),
            Recipe.Description.Length == 0 ? null : Tag("p", Recipe.Description),
            Tag("p", Tag("code", Start.Model.Architecture)),
            Result.Reason is null ? null : Tag("p", Class("reason"), $"{Result.Reason}."),
            Tag("dl", Facts().Select(fact => Tag("div", Tag("dt", fact.Name), Tag("dd", fact.Value))))
        );

    private IEnumerable<(string Name, string Value)> Facts()
    {
        if (Result is { Score: { } score, Accuracy: { } accuracy })
        {
            yield return ($"{score} accuracy", Numbers.Percent(accuracy));
            yield return ($"{score} loss", Result.Loss is { } loss ? Numbers.Loss(loss) : Numbers.None);
        }
        if (Result.End != RunEnd.Completed)
            yield return ("run", Outcome);
        yield return ("parameters", Numbers.Count(Start.Model.ParameterCount));
        yield return ("epochs", Numbers.Count(Epochs.Count));
        if (Epochs.Count > 0)
        {
            double seconds = Epochs.Sum(epoch => epoch.Seconds);
            double images = Epochs.Sum(epoch => epoch.Seconds * epoch.ImagesPerSecond);
            yield return ("training", $"{Numbers.Tenths(seconds)} s");
            yield return ("images/s", Numbers.Count((long)(images / seconds)));
        }
    }

    private XElement Card(Mistake mistake, int place) =>
        Tag(
            "figure",
            Pictures.Mistakes.Count == 0
                ? null
                : Tag(
                    "img",
                    Attribute("src", ReportPicture.Address(Pictures.Mistakes[place])),
                    Attribute("alt", $"image {mistake.Index}, of class {Name(mistake.Truth)}")
                ),
            Tag(
                "figcaption",
                "answer ",
                Tag("strong", Name(mistake.Answer)),
                ", ",
                Whole($"is {Name(mistake.Truth)}"),
                Tag("small", $"{Numbers.Percent(mistake.Probability)}, ", Whole($"image {mistake.Index}"))
            )
        );

    private string Name(int label) => Start.Model.ClassNames[label];

    private XElement Footer()
    {
        var machine = Machine.Current();
        return Tag(
            "footer",
            Tag(
                "p",
                $"Started {Start.Time.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC on {machine.Processor}, {Numbers.Count(machine.Cores, "core")}, "
                    + $"{machine.Runtime}; cnn {machine.Version}, build {Build.Id}."
            ),
            Result.Model is { } digest ? Tag("p", "SHA-256 of the model: ", Tag("code", digest)) : null
        );
    }

    // on one line
    private static XElement Whole(string words) => Tag("span", Class("whole"), words);

    // browsers break lines behind hyphens, too
    private static IEnumerable<object> WithWholeFlags(string line) =>
        line.Split(' ')
            .Select<string, object>(word => word.StartsWith("--", StringComparison.Ordinal) ? Whole(word) : word)
            .SelectMany((word, place) => place == 0 ? [word] : new[] { " ", word });

    private static XElement Section(string title, params object?[] content) =>
        Tag("section", [Tag("h2", title), .. content]);

    private static string StyleSheet()
    {
        using Stream sheet = typeof(RunReport).Assembly.GetManifestResourceStream("report.css")!;
        using var reader = new StreamReader(sheet);
        return reader.ReadToEnd();
    }
}
