using System.Diagnostics;

namespace Cnn.Host.Models;

/// <summary>Files that another process may hold for a moment.</summary>
internal static class LockedFile
{
    // far longer than it takes to read a file or to add a line
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    // EWOULDBLOCK of Linux and of macOS, ERROR_SHARING_VIOLATION of Windows: such a failure has no type of its own
    private static readonly int[] lockErrors = [11, 35, unchecked((int)0x80070020)];

    /// <summary>Whether a file cannot be opened because another process holds it.</summary>
    public static bool IsHeld(IOException cause) => lockErrors.Contains(cause.HResult);

    /// <summary>Opens a file, and waits some seconds while another process holds it.</summary>
    /// <exception cref="IOException">It still does, or the file cannot be opened at all.</exception>
    public static FileStream Open(string path, FileStreamOptions options)
    {
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return new FileStream(path, options);
            }
            catch (IOException cause) when (IsHeld(cause) && Stopwatch.GetElapsedTime(started) < LongestWait)
            {
                Thread.Sleep(Pause);
            }
        }
    }
}
