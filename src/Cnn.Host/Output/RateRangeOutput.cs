using Cnn.Host.Training;

namespace Cnn.Host.Output;

/// <summary>What <c>cnn lr-find</c> prints.</summary>
internal static class RateRangeOutput
{
    // a table to look at; all points are in the JSON and in the chart
    private const int Rows = 25;

    /// <summary>A table of the losses, and what is suggested.</summary>
    public static void WriteText(RateRangeTest test)
    {
        var table = new ColumnWriter([("step", 6), ("learning rate", 13), ("loss", 9), ("smoothed", 9)]);
        int every = Math.Max(1, (test.Points.Count + Rows - 1) / Rows);
        foreach ((int step, RatePoint point) in test.Points.Index())
            if (step % every == 0 || step == test.Points.Count - 1)
                table.Write(
                    $"{step + 1}",
                    Numbers.Rate(point.LearningRate),
                    Numbers.Loss(point.Loss),
                    Numbers.Loss(point.Smoothed)
                );
        Consoles.Result($"the loss was lowest at {Numbers.Rate(test.Lowest.LearningRate)}, and {End(test)}");
        string steepest = test.Steepest is { } rate ? Numbers.Rate(rate) : Numbers.None;
        Consoles.Result(
            $"suggested --lr: {steepest} (where the loss falls fastest) or {Numbers.Rate(test.TenthOfLowest)} (a tenth of where it is lowest)"
        );
    }

    private static string End(RateRangeTest test) =>
        test.HasDiverged ? $"diverged at {Numbers.Rate(test.Points[^1].LearningRate)}"
        : test.Lowest == test.Points[^1] ? "was still falling: a higher --lr-max will show more"
        : "rose again";

    /// <summary>The same as one JSON object, with every point.</summary>
    public static void WriteJson(RateRangeTest test) =>
        JsonOutput.Write(
            new RateRangeResult(
                test.Steepest,
                test.TenthOfLowest,
                test.Lowest.LearningRate,
                test.HasDiverged,
                test.Points
            ),
            OutputJson.Default.RateRangeResult
        );
}
