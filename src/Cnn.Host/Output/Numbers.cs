using System.Globalization;

namespace Cnn.Host.Output;

/// <summary>Numbers as every command writes them; what is undefined becomes a dash, never NaN.</summary>
internal static class Numbers
{
    /// <summary>What stands for a number that there is none of.</summary>
    public const string None = "-";

    /// <summary>A part of 1 in per cent, such as 98.35 %.</summary>
    public static string Percent(double? part) =>
        part is { } value && double.IsFinite(value) ? Write(100 * value, "F2") + " %" : None;

    /// <summary>A mean of parts of 1 in per cent, such as 98.352 %: a digit more than each of them has.</summary>
    public static string MeanPercent(double part) => Write(100 * part, "F3") + " %";

    /// <summary>A deviation of parts of 1 in percentage points, such as 0.021.</summary>
    public static string Points(double part) => Write(100 * part, "F3");

    /// <summary>A level in per cent as it was given, such as 99 % or 99.5 %.</summary>
    public static string Level(double percent) => Write(percent, "0.####") + " %";

    /// <summary>A mean cross-entropy, such as 0.0523.</summary>
    public static string Loss(double loss) => double.IsFinite(loss) ? Write(loss, "F4") : None;

    /// <summary>A learning rate, such as 0.00150, or 4.00e-09 where that would show mostly zeros.</summary>
    public static string Rate(double rate) => Write(rate, rate is < 1e-4 or >= 1000 ? "0.00e+00" : "F5");

    /// <summary>A relative error, such as 3.1e-11.</summary>
    public static string Error(double error) => double.IsFinite(error) ? Write(error, "0.0e-00") : None;

    /// <summary>Images a second, whole.</summary>
    public static string Speed(double imagesPerSecond) => Write(imagesPerSecond, "F0");

    /// <summary>A time in seconds, such as 2.45.</summary>
    public static string Seconds(double seconds) => Write(seconds, "F2");

    /// <summary>10^9 floating-point operations a second, such as 98.7.</summary>
    public static string Gflops(double? gflops) => gflops is { } value ? Tenths(value) : None;

    /// <summary>A time in microseconds, such as 12.34.</summary>
    public static string Microseconds(double microseconds) => Write(microseconds, "F2");

    /// <summary>A number with one place behind the point.</summary>
    public static string Tenths(double value) => Write(value, "F1");

    /// <summary>A count with its thousands apart, such as 206,922.</summary>
    public static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A count and what is counted, such as 1 image or 60000 images.</summary>
    public static string Count(long count, string noun) => $"{count} {noun}{(count == 1 ? "" : "s")}";

    private static string Write(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
