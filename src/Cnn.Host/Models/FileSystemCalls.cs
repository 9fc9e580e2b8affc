using System.Runtime.InteropServices;

namespace Cnn.Host.Models;

/// <summary>What Unix can do with names of files, and the runtime has no call for.</summary>
internal static partial class FileSystemCalls
{
    private const int ReadOnly = 0;
    private const int AlreadyThere = 17;

    // EBADF, EINVAL and, as Linux and macOS count, ENOTSUP: file systems that cannot flush a folder say so
    private static readonly int[] unsupported = [9, 22, 95, 45];

    /// <summary>
    /// Returns when what was made, renamed or removed in a folder is on the disk. A file that was flushed and then renamed is there
    /// after a power failure, but maybe under its old name: that is kept in the folder, which is flushed by itself.
    /// </summary>
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

    /// <summary>Gives a file another name that is still free. Of several processes that try, one succeeds.</summary>
    /// <returns>Whether it was free.</returns>
    /// <exception cref="IOException">The file cannot be renamed, for another reason.</exception>
    public static bool TryRename(string path, string free)
    {
        if (!OperatingSystem.IsWindows())
        {
            // a second name first, which the system gives to one process alone; renaming would replace what is there
            if (Link(path, free) == 0)
            {
                File.Delete(path);
                return true;
            }
            if (Marshal.GetLastPInvokeError() == AlreadyThere)
                return false;
            // a file system without second names
        }
        try
        {
            File.Move(path, free);
            return true;
        }
        catch (IOException) when (File.Exists(free))
        {
            return false;
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

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Link(string path, string name);
}
