namespace Cnn.Host.Data;

/// <summary>Files as opposed to pipes and devices.</summary>
internal static class RegularFile
{
    /// <summary>
    /// Whether a file says that it has no bytes, as pipes and devices do too: to open a pipe that nobody writes to would wait forever, and
    /// not even Ctrl-C would end that. False where there is none.
    /// </summary>
    public static bool SeemsEmpty(string path) => new FileInfo(path) is { Exists: true, Length: 0 };
}
