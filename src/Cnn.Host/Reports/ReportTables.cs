using System.Globalization;
using System.Xml.Linq;
using Cnn.Host.Output;
using static Cnn.Host.Reports.Html;

namespace Cnn.Host.Reports;

/// <summary>The tables of a report, each in a box of its own that scrolls where it is wider than the page.</summary>
internal static class ReportTables
{
    // letters stay readable on the strongest colour
    private const double StrongestShare = 55;

    /// <summary>What the network is made of, as <c>cnn summary</c> lists it.</summary>
    public static XElement Layers(Model model) =>
        Box(
            "layers of the network",
            Tag(
                "table",
                Class("layers"),
                Tag(
                    "thead",
                    Tag(
                        "tr",
                        Heading("layer"),
                        Heading("output", "text"),
                        Heading("parameters"),
                        Heading("multiply-adds")
                    )
                ),
                Tag(
                    "tbody",
                    Row("input", string.Join('x', model.InputShape), "", ""),
                    model.Layers.Select(layer =>
                        Row(
                            layer.Text,
                            layer.OutputShape,
                            Numbers.Count(layer.Parameters),
                            Numbers.Count(layer.MultiplyAdds)
                        )
                    )
                ),
                Tag(
                    "tfoot",
                    Row(
                        "total",
                        "",
                        Numbers.Count(model.ParameterCount),
                        Numbers.Count(model.Layers.Sum(layer => layer.MultiplyAdds))
                    )
                )
            )
        );

    /// <summary>A row for each true class, a column for each answer.</summary>
    public static XElement Confusion(EvaluationReport report, IReadOnlyList<string> names)
    {
        int[] labels = [.. Enumerable.Range(0, report.Classes)];
        int worst = labels.SelectMany(_ => labels, Mistaken).DefaultIfEmpty().Max();
        return Box(
            "confusion matrix",
            Tag(
                "table",
                Class("confusion"),
                Tag("thead", Tag("tr", Heading("", "corner"), labels.Select(label => Heading(names[label])))),
                Tag(
                    "tbody",
                    labels.Select(truth =>
                        Tag(
                            "tr",
                            Tag("th", Attribute("scope", "row"), names[truth]),
                            labels.Select(answer => Cell(truth, answer))
                        )
                    )
                )
            )
        );

        int Mistaken(int truth, int answer) => truth == answer ? 0 : report.Confusion(truth, answer);

        XElement Cell(int truth, int answer)
        {
            int count = report.Confusion(truth, answer);
            if (count == 0)
                return Tag("td", Class("none"), "0");
            // mistakes are few: the root of their number shows one beside many
            double share = truth == answer ? report.Recall(truth) ?? 0 : Math.Sqrt((double)count / worst);
            return Tag(
                "td",
                Class(truth == answer ? "right" : "wrong"),
                Attribute(
                    "style",
                    string.Create(CultureInfo.InvariantCulture, $"--share: {StrongestShare * share:F0}%")
                ),
                Text(count)
            );
        }
    }

    private static XElement Box(string name, XElement table) =>
        // who has no mouse scrolls it with the keys
        Tag(
            "div",
            Class("box"),
            Attribute("tabindex", "0"),
            Attribute("role", "region"),
            Attribute("aria-label", name),
            table
        );

    private static XElement Row(string layer, string shape, string parameters, string multiplyAdds) =>
        Tag(
            "tr",
            Tag("th", Attribute("scope", "row"), layer),
            Tag("td", Class("text"), shape),
            Tag("td", parameters),
            Tag("td", multiplyAdds)
        );

    private static XElement Heading(string text, string kind = "number") =>
        Tag("th", Attribute("scope", "col"), Class(kind), text);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
