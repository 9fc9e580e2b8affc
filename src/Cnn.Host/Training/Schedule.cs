namespace Cnn.Host.Training;

/// <summary>
/// How the learning rate changes over a run: a pure function of the step alone, so that a resumed run
/// continues at exactly the rate it was stopped at.
/// </summary>
public abstract record Schedule
{
    private Schedule(double peak)
    {
        if (!(double.IsFinite(peak) && peak > 0))
            throw new ArgumentOutOfRangeException(nameof(peak), peak, "A learning rate is finite and above 0.");
        Peak = peak;
    }

    /// <summary>The names that <see cref="Parse"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = ["constant", "step", "cosine", "one-cycle"];

    /// <summary>The highest learning rate of the run.</summary>
    public double Peak { get; }

    /// <summary>The name that <see cref="Parse"/> knows it by.</summary>
    public abstract string Name { get; }

    /// <summary>The schedule of that name.</summary>
    /// <exception cref="CommandException">Usage: an unknown name, or a peak that is not finite and above 0.</exception>
    public static Schedule Parse(string name, double peak)
    {
        if (!(double.IsFinite(peak) && peak > 0))
            throw new CommandException(
                ExitCode.Usage,
                $"the learning rate {peak} is not usable; it must be finite and above 0."
            );
        return name switch
        {
            "constant" => new Constant(peak),
            "step" => new StepDecay(peak),
            "cosine" => new Cosine(peak),
            "one-cycle" => new OneCycle(peak),
            _ => throw new CommandException(
                ExitCode.Usage,
                $"there is no schedule '{name}'; choose one of {string.Join(", ", Names)}."
            ),
        };
    }

    /// <summary>The rate for one update, between 0 and <see cref="Peak"/>.</summary>
    /// <param name="step">Updates made before this one, from 0 to <paramref name="totalSteps"/> - 1.</param>
    /// <param name="totalSteps">Updates in the whole run.</param>
    /// <exception cref="ArgumentOutOfRangeException">The step lies outside the run.</exception>
    public double LearningRate(long step, long totalSteps)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(step, totalSteps);
        return Peak * Fraction(step, totalSteps);
    }

    /// <summary>The part of <see cref="Peak"/> that applies; the arguments are in range.</summary>
    private protected abstract double Fraction(long step, long totalSteps);

    // half a cosine: `from` at progress 0, `to` at progress 1, flat at both ends
    private static double Anneal(double from, double to, double progress) =>
        to + (from - to) * (1 + Math.Cos(Math.PI * progress)) / 2;

    /// <summary>The peak rate throughout.</summary>
    public sealed record Constant(double Peak) : Schedule(Peak)
    {
        /// <inheritdoc/>
        public override string Name => "constant";

        private protected override double Fraction(long step, long totalSteps) => 1;
    }

    /// <summary>The peak for half of the run, a tenth of it for a quarter, a hundredth to the end.</summary>
    public sealed record StepDecay(double Peak) : Schedule(Peak)
    {
        /// <inheritdoc/>
        public override string Name => "step";

        private protected override double Fraction(long step, long totalSteps) =>
            ((double)step / totalSteps) switch
            {
                < 0.5 => 1,
                < 0.75 => 0.1,
                _ => 0.01,
            };
    }

    /// <summary>
    /// From the peak along half a cosine to 0, which the step after the last would reach
    /// (Loshchilov and Hutter 2016, without restarts).
    /// </summary>
    public sealed record Cosine(double Peak) : Schedule(Peak)
    {
        /// <inheritdoc/>
        public override string Name => "cosine";

        private protected override double Fraction(long step, long totalSteps) =>
            Anneal(1, 0, (double)step / totalSteps);
    }

    /// <summary>
    /// Up from 1/25 of the peak during the first 30% of the run, then down to 1/250,000 at its last
    /// step, both along half a cosine (Smith and Topin 2017; the defaults of PyTorch's OneCycleLR).
    /// A run of fewer than four steps has no room for the way up.
    /// </summary>
    public sealed record OneCycle(double Peak) : Schedule(Peak)
    {
        /// <inheritdoc/>
        public override string Name => "one-cycle";

        private const double First = 1.0 / 25;
        private const double Last = First / 1e4;
        private const double WarmUp = 0.3;

        private protected override double Fraction(long step, long totalSteps)
        {
            // steps count from 0, so the last of n steps is n - 1; a fraction of a step is meant
            double top = WarmUp * totalSteps - 1;
            double end = totalSteps - 1;
            return step <= top ? Anneal(First, 1, step / top) : Anneal(1, Last, (step - top) / (end - top));
        }
    }
}
