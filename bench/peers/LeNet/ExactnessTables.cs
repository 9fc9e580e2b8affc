using System.Globalization;
using System.Text;
using Cnn.Peers.Measuring;

namespace Cnn.Peers.LeNet;

/// <summary>What was measured, as tables in Markdown.</summary>
internal static class ExactnessTables
{
    // the steps whose differences are shown where they grow
    private static readonly int[] ShownSteps = [1, 10, 50, 100, 150, 200];

    public static string Write(Exactness measured)
    {
        var text = new StringBuilder();
        WriteFreeRuns(text, measured);
        WriteGradients(text, measured);
        WriteDrift(text, measured);
        return text.ToString();
    }

    private static void WriteFreeRuns(StringBuilder text, Exactness measured)
    {
        text.Append(
            CultureInfo.InvariantCulture,
            $"float64, each side by itself: the losses of {measured.Steps} steps differ by (bound {Exactness.MostInDouble:0e-0})\n\n"
        );
        text.Append("| rule | learning rate | at most | at the last step |\n| --- | ---: | ---: | ---: |\n");
        foreach (FreeRun run in measured.InDouble)
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {run.Rule.Name} | {run.Rule.LearningRate} | {Difference.Largest(run.Differences):0.0e-0} | {run.Differences[^1]:0.0e-0} |\n"
            );
    }

    private static void WriteGradients(StringBuilder text, Exactness measured)
    {
        string[] names = [.. measured.Gradients.SelectMany(run => run.Gradients.Keys).Distinct()];
        text.Append(
            CultureInfo.InvariantCulture,
            $"\nfloat32, libtorch with our weights before each of {measured.Steps} steps: differ at most by (bound {GradientRun.MostDifference:0e-0})\n\n"
        );
        text.Append(CultureInfo.InvariantCulture, $"| of | {Join(measured.Gradients, run => run.Rule.Name)} |\n");
        text.Append(CultureInfo.InvariantCulture, $"| --- | {Join(measured.Gradients, _ => "---:")} |\n");
        text.Append(
            CultureInfo.InvariantCulture,
            $"| loss | {Join(measured.Gradients, run => Short(Difference.Largest(run.Losses)))} |\n"
        );
        foreach (string name in names)
            text.Append(
                CultureInfo.InvariantCulture,
                $"| gradient of {name} | {Join(measured.Gradients, run => Short(Difference.Largest(run.Gradients[name])))} |\n"
            );
        if (measured.Gradients.All(run => run.Explained.Count == 0))
            return;
        text.Append(
            CultureInfo.InvariantCulture,
            $"\nwithout {measured.Gradients.Sum(run => run.Explained.Count)} of the {measured.Gradients.Count * measured.Steps} steps:\n\n"
        );
        text.Append("| rule | step | why the gradients differ |\n| --- | ---: | --- |\n");
        foreach (GradientRun run in measured.Gradients)
        foreach (ExplainedStep step in run.Explained)
            text.Append(CultureInfo.InvariantCulture, $"| {run.Rule.Name} | {step.Step} | {step.Reason} |\n");
    }

    private static void WriteDrift(StringBuilder text, Exactness measured)
    {
        int[] shown = [.. ShownSteps.Where(step => step < measured.Steps), measured.Steps];
        text.Append("\nfloat32, each side by itself: the losses differ by (no bound)\n\n");
        text.Append(CultureInfo.InvariantCulture, $"| rule | {string.Join(" | ", shown.Select(s => $"step {s}"))} |\n");
        text.Append(CultureInfo.InvariantCulture, $"| --- | {string.Join(" | ", shown.Select(_ => "---:"))} |\n");
        foreach (FreeRun run in measured.InSingle)
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {run.Rule.Name} | {string.Join(" | ", shown.Select(s => Short(run.Differences[s - 1])))} |\n"
            );
    }

    private static string Join(IEnumerable<GradientRun> runs, Func<GradientRun, string> cell) =>
        string.Join(" | ", runs.Select(cell));

    /// <summary>A difference, such as 3.1e-7.</summary>
    public static string Short(double difference) => difference.ToString("0.0e-0", CultureInfo.InvariantCulture);
}
