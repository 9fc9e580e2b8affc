using System.Diagnostics;

namespace Cnn.Host.Benchmarks;

/// <summary>
/// What one core can do at best: fused multiply-adds in registers and nothing else. In 10^9 floating-point
/// operations a second, a multiply-add being two.
/// </summary>
/// <param name="SinglePrecision">With float32.</param>
/// <param name="DoublePrecision">With float64.</param>
internal sealed record Peak(double SinglePrecision, double DoublePrecision)
{
    // for each precision
    private const double Seconds = 0.1;

    // of a try: long against the clock, short against the time slices of the system
    private const double LeastSeconds = 0.002;

    /// <summary>Takes a fifth of a second; the best of many tries counts.</summary>
    public static Peak Measure() => new(Best(VectorUnit.RunSinglePrecision), Best(VectorUnit.RunDoublePrecision));

    private static double Best(Func<long, long> run)
    {
        long started = Stopwatch.GetTimestamp();
        long rounds = 1000;
        double best = 0;
        do
        {
            (long operations, double seconds) = Time(run, rounds);
            if (seconds >= LeastSeconds)
                best = Math.Max(best, operations / seconds / 1e9);
            else
                // also when the loop has become faster meanwhile, as it does when the runtime compiles it anew
                rounds *= 2;
        } while (Stopwatch.GetElapsedTime(started).TotalSeconds < Seconds || best == 0);
        return best;
    }

    private static (long Operations, double Seconds) Time(Func<long, long> run, long rounds)
    {
        long started = Stopwatch.GetTimestamp();
        long operations = run(rounds);
        return (operations, Stopwatch.GetElapsedTime(started).TotalSeconds);
    }
}
