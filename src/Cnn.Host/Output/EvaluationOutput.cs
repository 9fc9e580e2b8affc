using System.Buffers;
using System.Text;
using System.Text.Json;
using Spectre.Console;

namespace Cnn.Host.Output;

/// <summary>What <c>cnn eval</c> prints about a model.</summary>
internal static class EvaluationOutput
{
    // characters of a name above a column
    private const int LongestHeading = 8;

    /// <summary>Accuracy and loss in one line; train and eval share it, so that they agree to the letter.</summary>
    /// <param name="what">Which images, such as "test".</param>
    /// <param name="report">How the model did on them.</param>
    public static string Headline(string what, EvaluationReport report) =>
        $"{what} accuracy {Numbers.Percent(report.Accuracy)} (loss {Numbers.Loss(report.Loss)}, {Numbers.Count(report.Examples, "image")})";

    /// <summary>Headline, a table of the classes and the confusion matrix.</summary>
    public static void WriteText(EvaluationReport report, IReadOnlyList<string> names)
    {
        Consoles.Result(Headline("test", report));
        Table classes = Consoles.CreateTable("class", "images", "precision", "recall");
        for (int label = 0; label < report.Classes; label++)
            classes.AddPlainRow(
                names[label],
                $"{Examples(report, label)}",
                Numbers.Percent(report.Precision(label)),
                Numbers.Percent(report.Recall(label))
            );
        Consoles.Result(classes);

        Consoles.Result("confusion matrix: a row for each true class, a column for each answer");
        IEnumerable<int> labels = Enumerable.Range(0, report.Classes);
        // columns as wide as long names would not fit side by side
        bool isNumbered = names.Any(name => name.Length > LongestHeading);
        Table confusion = Consoles.CreateTable(
            labels.Select(label => isNumbered ? $"{label}" : names[label]).Prepend("class")
        );
        foreach (int truth in labels)
            confusion.AddPlainRow(
                labels
                    .Select(answer => $"{report.Confusion(truth, answer)}")
                    .Prepend(isNumbered ? $"{names[truth]}  {truth}" : names[truth])
            );
        Consoles.Result(confusion);
    }

    /// <summary>The same as one JSON object in one line; what is undefined is null.</summary>
    public static void WriteJson(EvaluationReport report, IReadOnlyList<string> names)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            WriteNumber(json, "accuracy", report.Accuracy);
            WriteNumber(json, "loss", report.Loss);
            json.WriteNumber("examples", report.Examples);
            json.WriteStartArray("perClass");
            for (int label = 0; label < report.Classes; label++)
            {
                json.WriteStartObject();
                json.WriteNumber("class", label);
                json.WriteString("name", names[label]);
                WriteNumber(json, "precision", report.Precision(label));
                WriteNumber(json, "recall", report.Recall(label));
                json.WriteNumber("examples", Examples(report, label));
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteStartArray("confusion");
            for (int truth = 0; truth < report.Classes; truth++)
            {
                json.WriteStartArray();
                for (int answer = 0; answer < report.Classes; answer++)
                    json.WriteNumberValue(report.Confusion(truth, answer));
                json.WriteEndArray();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        Consoles.Result(Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    // JSON has no word for infinity or NaN
    private static void WriteNumber(Utf8JsonWriter json, string name, double? number)
    {
        if (number is { } value && double.IsFinite(value))
            json.WriteNumber(name, value);
        else
            json.WriteNull(name);
    }

    private static int Examples(EvaluationReport report, int label) =>
        Enumerable.Range(0, report.Classes).Sum(answer => report.Confusion(label, answer));
}
