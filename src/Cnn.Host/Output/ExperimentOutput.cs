using Cnn.Host.Experiments;

namespace Cnn.Host.Output;

/// <summary>What <c>cnn experiment</c> prints: a row a seed, and their mean.</summary>
/// <param name="reach">
/// The accuracy on held-out images, in per cent, whose time is told; null where no images are held out.
/// </param>
internal sealed class ExperimentOutput(double? reach)
{
    private const string Diverged = "diverged";

    /// <summary>Rows as they come to be known, then the mean and the standard deviation.</summary>
    /// <returns>The results.</returns>
    public IReadOnlyList<ExperimentResult> WriteText(IEnumerable<ExperimentResult> results)
    {
        var table = new ColumnWriter([
            ("seed", 6),
            ("accuracy", 9),
            ("loss", 7),
            ("epochs", 6),
            ("seconds", 8),
            ("images/s", 8),
            .. reach is null ? [] : new[] { ("reached", -28) },
            ("scored on", -24),
            ("threads", 7),
            ("processor", -9),
        ]);
        var all = new List<ExperimentResult>();
        foreach (ExperimentResult result in results)
        {
            all.Add(result);
            table.Write([
                $"{result.Seed}",
                Accuracy(result),
                Loss(result),
                $"{result.Epochs}",
                Numbers.Seconds(result.Seconds),
                Numbers.Speed(result.ImagesPerSecond),
                .. reach is { } level ? new[] { Reached(result, level) } : [],
                ScoredOn(result),
                $"{result.Threads}",
                result.Processor,
            ]);
        }
        WarnOfBuilds(all);
        Consoles.Result(Summary(all));
        return all;
    }

    /// <summary>The same as a table in Markdown, with what it was measured on.</summary>
    public void WriteMarkdown(IReadOnlyList<ExperimentResult> results)
    {
        WarnOfBuilds(results);
        List<ExperimentResult> scored = Scored(results);
        ExperimentResult first = scored.Count > 0 ? scored[0] : results[0];
        // runs of one configuration may have been made on several machines
        string machines = string.Join(
            "; ",
            results.Select(result => $"{result.Processor}, {Numbers.Count(result.Threads, "thread")}").Distinct()
        );
        Consoles.Result(
            $"Recipe `{first.Recipe}`, version {first.Version}, {Numbers.Count(first.Epochs, "epoch")} of {Numbers.Count(first.TrainingImages)} images, scored on {ScoredOn(first)}; {machines}; configuration `{first.Config[..12]}`."
        );
        Consoles.Result("");

        List<Column> columns =
        [
            new("seed", result => $"{result.Seed}", $"mean of {scored.Count}"),
            new("accuracy", Accuracy, scored.Count > 0 ? Mean(scored) : Diverged),
            new("loss", Loss, MeanOf(result => result.Loss, Numbers.Loss)),
            new(
                "seconds of training",
                result => Numbers.Seconds(result.Seconds),
                MeanOf(r => r.Seconds, Numbers.Seconds)
            ),
            new("images/s", result => Count(result.ImagesPerSecond), MeanOf(result => result.ImagesPerSecond, Count)),
        ];
        if (reach is { } level)
            columns.Add(new("reached", result => Reached(result, level), MeanReached(results, level)));
        if (results.DistinctBy(BuildOf).Count() > 1)
            columns.Add(new("build", BuildOf, ""));
        WriteRow(columns.Select(column => column.Heading));
        WriteRow(columns.Select(_ => "---:"));
        foreach (ExperimentResult result in results)
            WriteRow(columns.Select(column => column.Cell(result)));
        WriteRow(columns.Select(column => column.Mean));

        static void WriteRow(IEnumerable<string> cells) => Consoles.Result($"| {string.Join(" | ", cells)} |");

        static string Count(double number) => Numbers.Count((long)Math.Round(number));

        string MeanOf(Func<ExperimentResult, double?> figure, Func<double, string> write) =>
            scored.Count > 0 && scored.All(result => figure(result) is not null)
                ? write(scored.Average(result => figure(result)!.Value))
                : Numbers.None;
    }

    // another build may sum in another order: its results are as good, but they do not repeat bit by bit
    private static void WarnOfBuilds(IReadOnlyList<ExperimentResult> results)
    {
        string[] builds =
        [
            .. results
                .GroupBy(BuildOf)
                .Select(build => $"{build.Key} (seed {string.Join(", ", build.Select(result => result.Seed))})"),
        ];
        if (builds.Length > 1)
            Consoles.Status($"these results are of different builds of the program: {string.Join("; ", builds)}");
    }

    private static string BuildOf(ExperimentResult result) => result.Build ?? "unknown";

    private static List<ExperimentResult> Scored(IReadOnlyList<ExperimentResult> results) =>
        [.. results.Where(result => result.Accuracy is not null)];

    private static string Summary(List<ExperimentResult> all)
    {
        List<ExperimentResult> scored = Scored(all);
        int diverged = all.Count - scored.Count;
        if (scored.Count == 0)
            return $"no accuracy: {Numbers.Count(diverged, "seed")} diverged";
        return $"accuracy {Mean(scored)}, from {Numbers.Percent(scored.Min(result => result.Accuracy))} to {Numbers.Percent(scored.Max(result => result.Accuracy))}, "
            + $"mean of {Numbers.Count(scored.Count, "seed")}"
            + (diverged == 0 ? "" : $"; {Numbers.Count(diverged, "seed")} diverged and left out");
    }

    private static string Mean(List<ExperimentResult> scored)
    {
        var spread = Spread.Of([.. scored.Select(result => result.Accuracy!.Value)]);
        return spread.Deviation is null
            ? Numbers.MeanPercent(spread.Mean)
            : $"{Numbers.MeanPercent(spread.Mean)} ± {Numbers.Points(spread.Deviation.Value)}";
    }

    private static string Reached(ExperimentResult result, double level) =>
        result.FirstAt(level) is { } point
            ? $"{Numbers.Level(level)} in epoch {point.Epoch} after {Numbers.Tenths(point.Seconds)} s"
            : "not reached";

    private static string MeanReached(IReadOnlyList<ExperimentResult> results, double level)
    {
        List<CurvePoint> points = [.. results.Select(result => result.FirstAt(level)).OfType<CurvePoint>()];
        return points.Count == results.Count
            ? $"{Numbers.Level(level)} after {Numbers.Tenths(points.Average(point => point.Seconds))} s"
            : $"by {points.Count} of {results.Count}";
    }

    private static string Accuracy(ExperimentResult result) =>
        result.Diverged ? Diverged : Numbers.Percent(result.Accuracy);

    private static string Loss(ExperimentResult result) => result.Loss is { } loss ? Numbers.Loss(loss) : Numbers.None;

    private static string ScoredOn(ExperimentResult result) =>
        result.Diverged
            ? Numbers.None
            : $"{Numbers.Count(result.Images)} {result.Score} image{(result.Images == 1 ? "" : "s")}";

    private sealed record Column(string Heading, Func<ExperimentResult, string> Cell, string Mean);
}
