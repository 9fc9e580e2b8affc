using Cnn.Host;
using Cnn.Peers.Rows;

namespace Cnn.Peers.Measuring;

/// <summary>How far apart the scores of both sides are, as a part of the largest score.</summary>
/// <param name="AtStart">With the numbers that both start with.</param>
/// <param name="AfterSteps">After a few steps of training, which shows that both train alike; null where none is.</param>
internal readonly record struct Agreement(double AtStart, double? AfterSteps)
{
    private const int Images = 128;
    private const int Steps = 3;
    private const double MostAtStart = 1e-4;

    // steps multiply the rounding of the first
    private const double MostAfterSteps = 1e-3;

    /// <summary>Compares both sides on the images of a row.</summary>
    /// <exception cref="CommandException">They do not compute the same.</exception>
    public static Agreement Check(Row row, ISide ours, ISide peer)
    {
        ours.Restart();
        peer.Restart();
        double atStart = Difference(ours, peer);
        double? afterSteps = null;
        if (row.Descent is not null)
        {
            ours.Pass(Steps * row.BatchSize);
            peer.Pass(Steps * row.BatchSize);
            afterSteps = Difference(ours, peer);
        }
        // written so that what is not a number is refused as well
        if (!(atStart <= MostAtStart && (afterSteps ?? 0) <= MostAfterSteps))
            throw new CommandException(
                ExitCode.CheckFailed,
                $"{row.Name}: the two sides do not compute the same: their scores differ by {new Agreement(atStart, afterSteps)}."
            );
        return new Agreement(atStart, afterSteps);
    }

    /// <inheritdoc/>
    public override string ToString() =>
        $"{AtStart:0e-0} of the largest" + (AfterSteps is { } after ? $", by {after:0e-0} after {Steps} steps" : "");

    /// <summary>Makes sure that neither side left the finite numbers while its time was taken.</summary>
    /// <exception cref="CommandException">One did; arithmetic on NaN may take longer or shorter.</exception>
    public static void CheckFinite(Row row, params IEnumerable<ISide> sides)
    {
        if (!sides.All(side => side.Logits(Images).All(float.IsFinite)))
            throw new CommandException(
                ExitCode.Diverged,
                $"{row.Name}: training diverged, so that its times mean nothing."
            );
    }

    private static double Difference(ISide ours, ISide peer)
    {
        float[] a = ours.Logits(Images);
        float[] b = peer.Logits(Images);
        return a.Zip(b, (x, y) => Math.Abs((double)x - y)).Max() / a.Max(Math.Abs);
    }
}
