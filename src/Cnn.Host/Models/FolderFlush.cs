using System.Runtime.InteropServices;

namespace Cnn.Host.Models;

/// <summary>
/// Brings the names in a folder to the disk. A file that was flushed and then renamed is there after a power failure, but maybe under
/// its old name: that is kept in the folder, which is flushed by itself. The runtime has no call for it.
/// </summary>
internal static partial class FolderFlush
{
    private const int ReadOnly = 0;

    // EBADF, EINVAL and, as Linux and macOS count, ENOTSUP: file systems that cannot flush a folder say so
    private static readonly int[] unsupported = [9, 22, 95, 45];

    /// <summary>Returns when what was made, renamed or removed in the folder is on the disk.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public static void Flush(string folder)
    {
        // Windows keeps names in a journal of its own, and lets nobody flush a folder
        if (OperatingSystem.IsWindows())
            return;
        int descriptor = Open(folder, ReadOnly);
        // a folder may be written to without being readable
        if (descriptor < 0)
            return;
        try
        {
            if (Synchronize(descriptor) != 0 && !unsupported.Contains(Marshal.GetLastPInvokeError()))
                throw new IOException($"the folder {folder} cannot be flushed to the disk");
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Synchronize(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Close(int descriptor);
}
