using System.Globalization;

namespace Cnn.Host.Augmentations;

/// <summary>One number of a transform: what it counts, and which values make sense.</summary>
/// <param name="What">The transform and, where it has several, its number, such as "rotate".</param>
/// <param name="Default">The value when the number is left out of the text form.</param>
/// <param name="Least">The smallest value.</param>
/// <param name="Most">The largest value.</param>
/// <param name="Unit">What is counted, such as "degrees"; empty for a number without a unit.</param>
/// <param name="IsWhole">Whether fractions are refused.</param>
internal sealed record Strength(
    string What,
    double Default,
    double Least,
    double Most,
    string Unit = "",
    bool IsWhole = false
)
{
    // in pixels and degrees, so that a strength means the same for images of any size
    public static readonly Strength Shift = new("shift", 2, 0, 10_000, " pixels", IsWhole: true);
    public static readonly Strength Rotation = new("rotate", 10, 0, 180, " degrees");
    public static readonly Strength Scale = new("scale", 0.1, 0, 0.9);
    public static readonly Strength Shear = new("shear", 5, 0, 60, " degrees");
    public static readonly Strength ElasticAlpha = new("elastic's alpha", 34, 0, 1_000, " pixels");
    public static readonly Strength ElasticSigma = new("elastic's sigma", 4, 0.5, 32, " pixels");
    public static readonly Strength EraseProbability = new("erase", 0.5, 0, 1);
    public static readonly Strength FlipProbability = new("flip", 0.5, 0, 1);

    /// <summary>What is wrong with a value, as the end of a sentence; null when nothing is.</summary>
    public string? Fault(double value) =>
        // written so that a NaN does not pass
        value >= Least
        && value <= Most
        && (!IsWhole || double.IsInteger(value))
            ? null
            : $"{What} takes {(IsWhole ? "a whole number" : "a number")} from {Write(Least)} to {Write(Most)}{Unit}, not {Write(value)}";

    /// <summary>The value itself.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It makes no sense.</exception>
    public double Checked(double value) =>
        Fault(value) is { } fault
            ? throw new ArgumentOutOfRangeException(nameof(value), value, fault)
            // -0 is equal to 0 and must not be written otherwise
            : value + 0.0;

    /// <summary>A number that reads back as itself.</summary>
    public static string Write(double value) => value.ToString("R", CultureInfo.InvariantCulture);
}
