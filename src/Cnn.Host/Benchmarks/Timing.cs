using System.Diagnostics;

namespace Cnn.Host.Benchmarks;

/// <summary>How long some work takes when it is done over and over, and what it asks of the garbage collector.</summary>
/// <param name="Seconds">Of one call: the median of a few stretches of calls.</param>
/// <param name="AllocatedBytes">Of one call, on all threads: the mean.</param>
/// <param name="PauseShare">The part of the time in which the garbage collector held every thread, from 0 to 1.</param>
/// <param name="Collections">Garbage collections a call, of any generation.</param>
internal sealed record Timing(double Seconds, double AllocatedBytes, double PauseShare, double Collections)
{
    // odd, so that one of them is the median; what disturbs one or two stretches is not seen
    private const int Stretches = 5;

    // before anything is measured: caches fill, and methods that have just become hot are compiled
    private const double WarmUpPart = 0.25;

    /// <summary>Does the work again and again for about this long, and a quarter longer to warm up.</summary>
    /// <exception cref="OperationCanceledException">The user stopped it.</exception>
    public static Timing Measure(double seconds, Action work, CancellationToken stop)
    {
        Repeat(WarmUpPart * seconds, work, stop);
        long bytes = GC.GetTotalAllocatedBytes(precise: true);
        int collections = GC.CollectionCount(0);
        TimeSpan pause = GC.GetTotalPauseDuration();

        (long Calls, double Seconds)[] stretches =
        [
            .. Enumerable.Range(0, Stretches).Select(_ => Repeat(seconds / Stretches, work, stop)),
        ];

        pause = GC.GetTotalPauseDuration() - pause;
        collections = GC.CollectionCount(0) - collections;
        bytes = GC.GetTotalAllocatedBytes(precise: true) - bytes;
        double calls = stretches.Sum(stretch => stretch.Calls);
        return new Timing(
            stretches.Select(stretch => stretch.Seconds / stretch.Calls).Order().ElementAt(Stretches / 2),
            bytes / calls,
            pause.TotalSeconds / stretches.Sum(stretch => stretch.Seconds),
            collections / calls
        );
    }

    // at least once
    private static (long Calls, double Seconds) Repeat(double seconds, Action work, CancellationToken stop)
    {
        long started = Stopwatch.GetTimestamp();
        long calls = 0;
        double elapsed;
        do
        {
            stop.ThrowIfCancellationRequested();
            work();
            calls++;
            elapsed = Stopwatch.GetElapsedTime(started).TotalSeconds;
        } while (elapsed < seconds);
        return (calls, elapsed);
    }
}
