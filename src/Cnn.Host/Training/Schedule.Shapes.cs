namespace Cnn.Host.Training;

// The schedules that there are.
public abstract partial record Schedule
{
    // half a cosine: `from` at progress 0, `to` at progress 1, flat at both ends
    private static double Anneal(double from, double to, double progress) =>
        to + (from - to) * (1 + Math.Cos(Math.PI * progress)) / 2;

    private static double CheckedWarmUp(double part) =>
        part is >= 0 and < 1
            ? part
            : throw new ArgumentOutOfRangeException(nameof(part), part, "A warm-up is a part from 0 to below 1.");

    // Up in equal steps, none of them wasted on a rate of 0 (Goyal et al. 2017); then `fall` gets how far the rest of
    // the run has come, from 0 to below 1.
    private static double WarmedUp(long step, double warmUpSteps, long totalSteps, Func<double, double> fall) =>
        step < warmUpSteps ? (step + 1) / (warmUpSteps + 1) : fall((step - warmUpSteps) / (totalSteps - warmUpSteps));

    /// <summary>The peak rate throughout.</summary>
    public sealed record Constant(double Peak) : Schedule(Peak)
    {
        /// <inheritdoc/>
        public override string Text => "constant";

        private protected override double Fraction(long step, long stepsPerEpoch, long totalSteps) => 1;
    }

    /// <summary>
    /// Up to the peak in the first part of the run, then along a straight line to 0, which the step after the last
    /// would reach.
    /// </summary>
    public sealed record Linear(double Peak, double WarmUp = 0) : Schedule(Peak)
    {
        /// <summary>The part of the run in which the rate rises.</summary>
        public double WarmUp { get; } = CheckedWarmUp(WarmUp);

        /// <inheritdoc/>
        public override string Text => $"linear {Write(WarmUp)}";

        private protected override double Fraction(long step, long stepsPerEpoch, long totalSteps) =>
            WarmedUp(step, WarmUp * totalSteps, totalSteps, progress => 1 - progress);
    }

    /// <summary>
    /// Up to the peak in the first part of the run, then along half a cosine to 0, which the step after the last
    /// would reach (Loshchilov and Hutter 2016, without restarts).
    /// </summary>
    public sealed record Cosine(double Peak, double WarmUp = 0) : Schedule(Peak)
    {
        /// <summary>The part of the run in which the rate rises.</summary>
        public double WarmUp { get; } = CheckedWarmUp(WarmUp);

        /// <inheritdoc/>
        public override string Text => $"cosine {Write(WarmUp)}";

        private protected override double Fraction(long step, long stepsPerEpoch, long totalSteps) =>
            WarmedUp(step, WarmUp * totalSteps, totalSteps, progress => Anneal(1, 0, progress));
    }

    /// <summary>
    /// Up from 1/25 of the peak during the first part of the run, then down to 1/250,000 at its last
    /// step, both along half a cosine (Smith and Topin 2017; the defaults of PyTorch's OneCycleLR).
    /// A run in which that part is less than a step has no room for the way up, and one of a single step is that last
    /// step: at 1/250,000 of the peak it learns next to nothing.
    /// </summary>
    public sealed record OneCycle(double Peak, double WarmUp = OneCycle.UsualWarmUp) : Schedule(Peak)
    {
        private const double UsualWarmUp = 0.3;
        private const double First = 1.0 / 25;
        private const double Last = First / 1e4;

        /// <summary>The part of the run in which the rate rises.</summary>
        public double WarmUp { get; } = CheckedWarmUp(WarmUp);

        /// <inheritdoc/>
        public override string Text => $"one-cycle {Write(WarmUp)}";

        private protected override double Fraction(long step, long stepsPerEpoch, long totalSteps)
        {
            // steps count from 0, so the last of n steps is n - 1; a fraction of a step is meant
            double top = WarmUp * totalSteps - 1;
            double end = totalSteps - 1;
            return step <= top
                ? Anneal(First, 1, top == 0 ? 1 : step / top)
                : Anneal(1, Last, (step - top) / (end - top));
        }
    }

    /// <summary>Times <see cref="Factor"/> from each of the parts <see cref="At"/> of the run on.</summary>
    public sealed record StepDecay : Schedule
    {
        private const double UsualFactor = 0.1;
        private static readonly double[] UsualAt = [0.5, 0.75];

        /// <summary>The usual one: the peak for half of the run, a tenth of it for a quarter, a hundredth to the end.</summary>
        public StepDecay(double peak)
            : this(peak, UsualFactor, UsualAt) { }

        /// <param name="peak">The rate at the start.</param>
        /// <param name="factor">Between 0 and 1.</param>
        /// <param name="at">Parts of the run, between 0 and 1 and rising.</param>
        public StepDecay(double peak, double factor, IReadOnlyList<double> at)
            : base(peak)
        {
            if (factor is not (> 0 and < 1))
                throw new ArgumentOutOfRangeException(nameof(factor), factor, "A factor lies between 0 and 1.");
            if (at.Count == 0 || at.Any(part => part is not (> 0 and < 1)) || !at.SequenceEqual(at.Distinct().Order()))
                throw new ArgumentException("Parts of a run lie between 0 and 1, and rise.", nameof(at));
            (Factor, At) = (factor, at);
        }

        /// <summary>What the rate is multiplied by, again and again.</summary>
        public double Factor { get; }

        /// <summary>The parts of the run after which it is.</summary>
        public IReadOnlyList<double> At { get; }

        /// <inheritdoc/>
        public override string Text => $"step {Write(Factor)} {string.Join(' ', At.Select(Write))}";

        /// <inheritdoc/>
        public bool Equals(StepDecay? other) =>
            other is not null && Peak == other.Peak && Factor == other.Factor && At.SequenceEqual(other.At);

        /// <inheritdoc/>
        public override int GetHashCode() => HashCode.Combine(Peak, Text);

        private protected override double Fraction(long step, long stepsPerEpoch, long totalSteps)
        {
            double progress = (double)step / totalSteps;
            // of the reciprocal, so that tenths give the hundredth that is written 0.01
            return 1 / Math.Pow(1 / Factor, At.Count(part => part <= progress));
        }
    }

    /// <summary>That of the guide, which had 0.01, 0.005 and 0.001: by the epoch, however many there are.</summary>
    public sealed record Guide(double Peak) : Schedule(Peak)
    {
        /// <inheritdoc/>
        public override string Text => "guide";

        private protected override double Fraction(long step, long stepsPerEpoch, long totalSteps) =>
            (step / stepsPerEpoch) switch
            {
                < 5 => 1,
                < 10 => 0.5,
                _ => 0.1,
            };
    }
}
