namespace Cnn.Host.Experiments;

/// <summary>Where some numbers lie.</summary>
/// <param name="Mean">Their mean.</param>
/// <param name="Deviation">The standard deviation of what they are a sample of; null for a single one.</param>
internal readonly record struct Spread(double Mean, double? Deviation)
{
    /// <summary>That of at least one number.</summary>
    public static Spread Of(IReadOnlyList<double> numbers)
    {
        double mean = numbers.Average();
        return new Spread(
            mean,
            numbers.Count == 1
                ? null
                : Math.Sqrt(numbers.Sum(number => (number - mean) * (number - mean)) / (numbers.Count - 1))
        );
    }
}
