using Cnn.Host.Experiments;

namespace Cnn.Host.Output;

/// <summary>What <c>cnn experiment</c> prints: a row a seed, and their mean.</summary>
internal static class ExperimentOutput
{
    /// <summary>Rows as they come to be known, then the mean and the standard deviation.</summary>
    /// <returns>The results.</returns>
    public static IReadOnlyList<ExperimentResult> WriteText(IEnumerable<ExperimentResult> results)
    {
        var table = new ColumnWriter([
            ("seed", 6),
            ("accuracy", 9),
            ("loss", 7),
            ("epochs", 6),
            ("seconds", 8),
            ("images/s", 8),
            ("scored on", -24),
        ]);
        var all = new List<ExperimentResult>();
        foreach (ExperimentResult result in results)
        {
            all.Add(result);
            table.Write(
                $"{result.Seed}",
                Numbers.Percent(result.Accuracy),
                Loss(result),
                $"{result.Epochs}",
                Numbers.Seconds(result.Seconds),
                Numbers.Speed(result.ImagesPerSecond),
                ScoredOn(result)
            );
        }
        Consoles.Result(
            $"accuracy {Accuracy(all)}, from {Numbers.Percent(all.Min(result => result.Accuracy))} to {Numbers.Percent(all.Max(result => result.Accuracy))}, "
                + $"mean of {Numbers.Count(all.Count, "seed")}"
        );
        return all;
    }

    /// <summary>The same as a table in Markdown, with what it was measured on.</summary>
    public static void WriteMarkdown(IReadOnlyList<ExperimentResult> results)
    {
        ExperimentResult first = results[0];
        // runs of one configuration may have been made on several machines
        string machines = string.Join(
            "; ",
            results.Select(result => $"{result.Processor}, {Numbers.Count(result.Threads, "thread")}").Distinct()
        );
        Consoles.Result(
            $"Recipe `{first.Recipe}`, version {first.Version}, {Numbers.Count(first.Epochs, "epoch")} of {Numbers.Count(first.TrainingImages)} images, scored on {ScoredOn(first)}; {machines}; configuration `{first.Config[..12]}`."
        );
        Consoles.Result("");
        Consoles.Result("| seed | accuracy | loss | seconds of training | images/s |");
        Consoles.Result("| ---: | ---: | ---: | ---: | ---: |");
        foreach (ExperimentResult result in results)
            Consoles.Result(
                $"| {result.Seed} | {Numbers.Percent(result.Accuracy)} | {Loss(result)} | {Numbers.Seconds(result.Seconds)} | {Count(result.ImagesPerSecond)} |"
            );
        Consoles.Result(
            $"| mean of {results.Count} | {Accuracy(results)} | {Mean(result => result.Loss, Numbers.Loss)} | {Mean(result => result.Seconds, Numbers.Seconds)} | {Mean(result => result.ImagesPerSecond, Count)} |"
        );

        static string Count(double number) => Numbers.Count((long)Math.Round(number));

        string Mean(Func<ExperimentResult, double?> figure, Func<double, string> write) =>
            results.All(result => figure(result) is not null)
                ? write(results.Average(result => figure(result)!.Value))
                : Numbers.None;
    }

    private static string Accuracy(IReadOnlyList<ExperimentResult> results)
    {
        var spread = Spread.Of([.. results.Select(result => result.Accuracy)]);
        return spread.Deviation is null
            ? Numbers.Percent(spread.Mean)
            : $"{Numbers.Percent(spread.Mean)} ± {Numbers.Points(spread.Deviation.Value)}";
    }

    private static string Loss(ExperimentResult result) => result.Loss is { } loss ? Numbers.Loss(loss) : Numbers.None;

    private static string ScoredOn(ExperimentResult result) =>
        $"{Numbers.Count(result.Images)} {result.Score} image{(result.Images == 1 ? "" : "s")}";
}
