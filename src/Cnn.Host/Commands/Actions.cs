using System.CommandLine;

namespace Cnn.Host.Commands;

/// <summary>How commands run.</summary>
internal static class Actions
{
    /// <summary>
    /// Gives a command its work, to be done on a thread of its own. The library listens for Ctrl-C only
    /// once the action has returned its task, and the threads of the pool are for the computation.
    /// </summary>
    public static void SetWork(this Command command, Func<ParseResult, CancellationToken, ExitCode> work) =>
        command.SetAction(
            async (parsed, stop) =>
                (int)
                    await Task.Factory.StartNew(
                        () => work(parsed, stop),
                        // work that is stopped says so itself: it may have a model to save
                        CancellationToken.None,
                        TaskCreationOptions.LongRunning,
                        TaskScheduler.Default
                    )
        );

    /// <summary>
    /// Lets the pool start this many threads, and one to prepare images, without its usual hesitation:
    /// above the number of processors it would add a thread only every half second.
    /// </summary>
    public static void ReserveThreads(int threads)
    {
        ThreadPool.GetMinThreads(out int workers, out int completion);
        ThreadPool.SetMinThreads(Math.Max(workers, threads + 1), completion);
    }
}
