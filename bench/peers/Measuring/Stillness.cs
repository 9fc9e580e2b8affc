namespace Cnn.Peers.Measuring;

/// <summary>The pause before each turn, so that neither side pays for what the other one left behind.</summary>
internal static class Stillness
{
    private const double IdlePart = 0.05;
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(0.1);
    private static readonly int LeastWindows = 3;
    private static readonly int MostWindows = 30;

    /// <summary>Collects the garbage, then waits until no thread of this process computes or spins any more.</summary>
    public static void Await()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        // The threads of OpenMP and those of .NET both spin for a while before they sleep.
        double busy = 1;
        for (int windows = 0; windows < LeastWindows || busy > IdlePart; windows++)
        {
            if (windows == MostWindows)
            {
                Console.Error.WriteLine($"peers: {busy:P0} of a processor stays busy between the turns");
                return;
            }
            TimeSpan before = Environment.CpuUsage.TotalTime;
            Thread.Sleep(Window);
            busy = (Environment.CpuUsage.TotalTime - before) / Window;
        }
    }
}
