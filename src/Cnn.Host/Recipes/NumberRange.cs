namespace Cnn.Host.Recipes;

/// <summary>Which numbers are possible somewhere; the same for a flag and for the key of that name.</summary>
/// <param name="Wanted">What is right, such as "a number above 0".</param>
/// <param name="Holds">Whether a finite number is.</param>
internal sealed record NumberRange(string Wanted, Func<double, bool> Holds)
{
    /// <summary>Of rates and times.</summary>
    public static NumberRange Positive { get; } = new("a finite number above 0, such as 0.001", value => value > 0);

    /// <summary>Of strengths, where 0 is for none.</summary>
    public static NumberRange NotNegative { get; } =
        new("a finite number of at least 0, such as 0.0005", value => value >= 0);

    /// <summary>Of parts that must not be the whole.</summary>
    public static NumberRange BelowOne { get; } =
        new("a number from 0 to below 1, such as 0.1", value => value is >= 0 and < 1);

    /// <summary>Of levels in per cent.</summary>
    public static NumberRange Percent { get; } =
        new("a number above 0 and at most 100, such as 99", value => value is > 0 and <= 100);

    /// <summary>Whether a number is finite and in range.</summary>
    public bool Contains(double value) => double.IsFinite(value) && Holds(value);
}
