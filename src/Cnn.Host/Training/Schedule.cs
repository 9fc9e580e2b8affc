using System.Globalization;

namespace Cnn.Host.Training;

/// <summary>
/// How the learning rate changes over a run: a pure function of the step alone, so that a resumed run
/// continues at exactly the rate it was stopped at. In the text form it is a name and its numbers:
/// <code>
///   constant                   the peak throughout
///   linear     [WARM-UP]       down a straight line to 0
///   cosine     [WARM-UP]       down half a cosine to 0
///   one-cycle  [WARM-UP]       up and down, each along half a cosine; WARM-UP is 0.3 unless given
///   step       [FACTOR AT …]   times FACTOR from each of the parts AT of the run on; 0.1 0.5 0.75 unless given
///   guide                      the peak for 5 epochs, half of it for 5 more, then a tenth
/// </code>
/// WARM-UP is the part of the run in which the rate rises to its peak, from 0 to below 1; for linear and cosine
/// it is 0 unless given.
/// </summary>
public abstract partial record Schedule
{
    private Schedule(double peak)
    {
        if (!(double.IsFinite(peak) && peak > 0))
            throw new ArgumentOutOfRangeException(nameof(peak), peak, "A learning rate is finite and above 0.");
        Peak = peak;
    }

    /// <summary>The forms that <see cref="Parse"/> knows, for help and complaints.</summary>
    public static string Forms { get; } =
        "constant, linear [WARM-UP], cosine [WARM-UP], one-cycle [WARM-UP], step [FACTOR AT …] or guide";

    /// <summary>The highest learning rate of the run.</summary>
    public double Peak { get; }

    /// <summary>The text that <see cref="Parse"/> reads as this schedule, every number written out.</summary>
    public abstract string Text { get; }

    /// <summary>The schedule that a text describes.</summary>
    /// <exception cref="CommandException">Usage: not such a text, or a peak that is not finite and above 0.</exception>
    public static Schedule Parse(string text, double peak)
    {
        if (!(double.IsFinite(peak) && peak > 0))
            throw new CommandException(
                ExitCode.Usage,
                $"the learning rate {peak} is not usable; it must be finite and above 0."
            );
        return text.Split(' ', StringSplitOptions.RemoveEmptyEntries) switch
        {
            ["constant"] => new Constant(peak),
            ["linear"] => new Linear(peak),
            ["linear", var warmUp] => new Linear(peak, WarmUp(warmUp)),
            ["cosine"] => new Cosine(peak),
            ["cosine", var warmUp] => new Cosine(peak, WarmUp(warmUp)),
            ["one-cycle"] => new OneCycle(peak),
            ["one-cycle", var warmUp] => new OneCycle(peak, WarmUp(warmUp)),
            ["step"] => new StepDecay(peak),
            ["step", var factor, .. { Length: > 0 } at] => StepsOf(factor, at),
            ["guide"] => new Guide(peak),
            _ => throw Unknown($"there is no schedule '{text}'; choose one of {Forms}."),
        };

        double WarmUp(string part) =>
            TryRead(part, out double value) && value < 1
                ? value
                : throw Unknown($"the warm-up '{part}' of the schedule '{text}' is no number from 0 to below 1.");

        StepDecay StepsOf(string factor, string[] at)
        {
            double[] parts =
            [
                .. at.Select(part =>
                    TryRead(part, out double value) && value is > 0 and < 1
                        ? value
                        : throw Unknown($"'{part}' in the schedule '{text}' is no part of a run between 0 and 1.")
                ),
            ];
            if (!parts.SequenceEqual(parts.Distinct().Order()))
                throw Unknown($"the parts of the run in the schedule '{text}' must rise.");
            if (!TryRead(factor, out double by) || by is not (> 0 and < 1))
                throw Unknown($"the factor '{factor}' of the schedule '{text}' is no number between 0 and 1.");
            return new StepDecay(peak, by, parts);
        }
    }

    /// <summary>The rate for one update, between 0 and <see cref="Peak"/>.</summary>
    /// <param name="step">Updates made before this one, from 0 to <paramref name="totalSteps"/> - 1.</param>
    /// <param name="stepsPerEpoch">Updates in one pass over the training images; at least 1.</param>
    /// <param name="totalSteps">Updates in the whole run.</param>
    /// <exception cref="ArgumentOutOfRangeException">The step lies outside the run, or an epoch has no steps.</exception>
    public double LearningRate(long step, long stepsPerEpoch, long totalSteps)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(stepsPerEpoch);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(step, totalSteps);
        return Peak * Fraction(step, stepsPerEpoch, totalSteps);
    }

    /// <summary>The part of <see cref="Peak"/> that applies; the arguments are in range.</summary>
    private protected abstract double Fraction(long step, long stepsPerEpoch, long totalSteps);

    private static bool TryRead(string text, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value)
        && double.IsFinite(value)
        && !double.IsNegative(value);

    private static string Write(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static CommandException Unknown(string sentence) => new(ExitCode.Usage, sentence);
}
