namespace Cnn.Host.Training;

/// <summary>What one rate gave.</summary>
/// <param name="LearningRate">The rate.</param>
/// <param name="Loss">Mean loss of the mini-batch, before the step at that rate.</param>
/// <param name="Smoothed">Moving average of the losses so far.</param>
internal readonly record struct RatePoint(double LearningRate, double Loss, double Smoothed);

/// <summary>
/// The learning-rate range test (Smith 2017): one run in which the rate rises by the same factor at each step, from
/// far too low to too high. Where the loss falls fastest the rate is good; where it turns it is too high.
/// </summary>
/// <param name="Points">A rate each, until the loss diverged or the rates were at an end.</param>
/// <param name="HasDiverged">Whether the loss did.</param>
internal sealed record RateRangeTest(IReadOnlyList<RatePoint> Points, bool HasDiverged)
{
    /// <summary>How many times the lowest smoothed loss it must be for the test to end.</summary>
    public const double Divergence = 4;

    /// <summary>
    /// Decay a step of the average. It starts at 0, and is divided by 1 - decay^n after n losses, the sum of their
    /// weights (Kingma and Ba 2015), so that the first losses are not smoothed towards 0.
    /// </summary>
    public const double Decay = 0.95;

    // steps, not rates: a slope over too few is that of the noise
    private const int LeastHalfWidth = 2;

    /// <summary>The point with the lowest smoothed loss, the first of equals.</summary>
    public RatePoint Lowest => Points[LowestIndex];

    /// <summary>A tenth of the rate with the lowest loss: a usual and careful choice.</summary>
    public double TenthOfLowest => Lowest.LearningRate / 10;

    /// <summary>
    /// The rate, before that with the lowest loss, at which the smoothed loss falls most for a factor in the rate: the lowest
    /// slope of the line between the points a twentieth of the test before and behind it. Null where it never falls.
    /// </summary>
    public double? Steepest
    {
        get
        {
            int half = Math.Max(LeastHalfWidth, Points.Count / 20);
            (double Slope, int Index)[] falls =
            [
                .. Enumerable
                    .Range(half, Math.Max(0, Math.Min(LowestIndex + 1, Points.Count - half) - half))
                    .Select(i => (Points[i + half].Smoothed - Points[i - half].Smoothed, i))
                    .Where(fall => fall.Item1 < 0),
            ];
            return falls.Length == 0 ? null : Points[falls.MinBy(fall => fall.Slope).Index].LearningRate;
        }
    }

    private int LowestIndex => Enumerable.Range(0, Points.Count).MinBy(i => Points[i].Smoothed);

    /// <summary>Makes the test.</summary>
    /// <param name="setup">The run; nothing is held out.</param>
    /// <param name="lowest">The first rate; above 0.</param>
    /// <param name="highest">The last rate; above the first.</param>
    /// <param name="steps">How many rates; at least 2.</param>
    /// <param name="threads">Threads to compute on.</param>
    /// <param name="stop">When the user wants to stop.</param>
    /// <exception cref="OperationCanceledException">The user does.</exception>
    public static RateRangeTest Run(
        TrainingSetup setup,
        double lowest,
        double highest,
        int steps,
        int threads,
        CancellationToken stop
    )
    {
        Trainer trainer = setup.Trainer;
        var points = new List<RatePoint>();
        double average = 0;
        double best = double.PositiveInfinity;
        while (true)
        {
            foreach (Batch batch in setup.Batches.OfEpoch(trainer))
            {
                stop.ThrowIfCancellationRequested();
                double rate = RateOf(points.Count, steps, lowest, highest);
                TrainerStep step = trainer.Step(batch.Pixels, batch.Labels, rate, threads);
                trainer = step.Trainer;
                // the loss is that before the step: such a one is the work of the rate before
                if (!double.IsFinite(step.Loss))
                    return new RateRangeTest(points, HasDiverged: true);
                average = Decay * average + (1 - Decay) * step.Loss;
                double smoothed = average / (1 - Math.Pow(Decay, points.Count + 1));
                points.Add(new RatePoint(rate, step.Loss, smoothed));
                best = Math.Min(best, smoothed);
                if (smoothed > Divergence * best)
                    return new RateRangeTest(points, HasDiverged: true);
                if (points.Count == steps)
                    return new RateRangeTest(points, HasDiverged: false);
            }
            trainer = trainer.EndEpoch(accuracy: null);
        }
    }

    /// <summary>The rate of a step, counted from 0: the first is the lowest, the last the highest.</summary>
    public static double RateOf(int step, int steps, double lowest, double highest) =>
        // not by repeated multiplication, whose errors add up; and by logarithms, since the quotient of two rates may overflow
        step == 0
            ? lowest
        : step == steps - 1 ? highest
        : Math.Clamp(
            Math.Exp(Math.Log(lowest) + (Math.Log(highest) - Math.Log(lowest)) * step / (steps - 1)),
            lowest,
            highest
        );
}
