namespace Cnn.Host.Models;

/// <summary>
/// A file that will be written at the end of a long run. Whether that is going to work is found out at
/// the start, and what stood there before stays until the new contents are safely on the disk.
/// </summary>
internal sealed class OutputFile
{
    private const string TemporaryStart = ".cnn-";
    private const string TemporaryEnd = ".tmp";

    private readonly string shown;
    private readonly string target;
    private readonly bool isDevice;

    private OutputFile(string shown, string target, bool isDevice) =>
        (this.shown, this.target, this.isDevice) = (shown, target, isDevice);

    /// <summary>Whether it is no file on a disk, such as /dev/null.</summary>
    public bool IsDevice => isDevice;

    /// <summary>Whether it is the file of that path.</summary>
    public bool IsAt(string path)
    {
        try
        {
            return Resolve(path) == target;
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            // no path of a file
            return false;
        }
    }

    /// <summary>Checks that a file can be written there; changes nothing.</summary>
    /// <param name="path">What the user gave.</param>
    /// <param name="option">The option that it was given as.</param>
    /// <param name="example">A name that such a file may have.</param>
    /// <exception cref="CommandException">Usage: the sentence says why not.</exception>
    public static OutputFile Check(string path, string option = "--out", string example = "model.bin")
    {
        try
        {
            string target = Path.GetFullPath(path);
            if (Directory.Exists(target) || Path.EndsInDirectorySeparator(target))
                throw Refusal($"{option} {path} is a folder; name a file, such as {Path.Join(path, example)}.");
            target = Resolve(path);
            string folder = Path.GetDirectoryName(target)!;
            if (File.Exists(folder))
                throw Refusal($"{option} {path} is inside of {folder}, which is not a folder.");
            if (!Directory.Exists(folder))
                throw Refusal($"the folder {folder} of {option} {path} does not exist; make it first.");

            bool isDevice = !IsFreeOrRegular(target);
            if (!isDevice)
            {
                using var probe = new FileStream(
                    TemporaryName(target),
                    new FileStreamOptions
                    {
                        Mode = FileMode.CreateNew,
                        Access = FileAccess.Write,
                        Options = FileOptions.DeleteOnClose,
                    }
                );
            }
            return new OutputFile(path, target, isDevice);
        }
        catch (UnauthorizedAccessException cause)
        {
            throw Refusal(
                $"{option} {path} may not be written; check the permissions of the file and its folder.",
                cause
            );
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw Refusal($"{option} {path} cannot be written: {Reason(cause)}.", cause);
        }
    }

    /// <summary>
    /// Writes the file whole or not at all: the bytes go to a temporary file beside it, that one to the
    /// disk, and then it takes the place of the old file in one step, which goes to the disk as well.
    /// </summary>
    /// <exception cref="CommandException">Write failed: the old file is as it was.</exception>
    public void Write(ReadOnlySpan<byte> contents)
    {
        string path = isDevice ? target : TemporaryName(target);
        try
        {
            if (isDevice)
                WriteThrough(path, FileMode.Open, FileShare.ReadWrite, contents);
            else
                WriteThrough(path, FileMode.CreateNew, FileShare.None, contents);
            if (!isDevice)
                File.Move(path, target, overwrite: true);
        }
        catch (Exception cause)
        {
            if (!isDevice)
                TryDelete(path);
            if (!CommandException.IsFileTrouble(cause))
                throw;
            throw new CommandException(
                ExitCode.WriteFailed,
                $"{shown} cannot be written: {Reason(cause)}; it is as it was before.",
                cause
            );
        }
        try
        {
            if (!isDevice)
                FileSystemCalls.Flush(Path.GetDirectoryName(target)!);
        }
        catch (IOException cause)
        {
            throw new CommandException(
                ExitCode.WriteFailed,
                $"{shown} is written, but may not outlast a power failure: {Reason(cause)}.",
                cause
            );
        }
    }

    /// <summary>Makes a file that is not there yet, whole or not at all: of those who try, one succeeds.</summary>
    /// <param name="path">Where.</param>
    /// <param name="contents">What is in it.</param>
    /// <returns>Whether the file is ours; false where there is one already.</returns>
    /// <exception cref="IOException">It cannot be written; where its folder was new, that is left empty.</exception>
    public static bool TryCreate(string path, ReadOnlySpan<byte> contents)
    {
        string temporary = TemporaryName(Path.GetFullPath(path));
        try
        {
            WriteThrough(temporary, FileMode.CreateNew, FileShare.None, contents);
            if (!FileSystemCalls.TryRename(temporary, Path.GetFullPath(path)))
            {
                TryDelete(temporary);
                return false;
            }
        }
        catch (IOException)
        {
            TryDelete(temporary);
            throw;
        }
        FileSystemCalls.Flush(Path.GetDirectoryName(temporary)!);
        return true;
    }

    /// <summary>Whether a file is one that was being written when its process died.</summary>
    public static bool IsLeftover(string path) =>
        Path.GetFileName(path) is var name
        && name.StartsWith(TemporaryStart, StringComparison.Ordinal)
        && name.EndsWith(TemporaryEnd, StringComparison.Ordinal);

    /// <summary>Removes such files from a folder in which nobody else writes.</summary>
    public static void RemoveLeftovers(string folder)
    {
        foreach (string file in Directory.EnumerateFiles(folder).Where(IsLeftover))
            TryDelete(file);
    }

    private static void WriteThrough(string path, FileMode mode, FileShare share, ReadOnlySpan<byte> contents)
    {
        using var file = new FileStream(
            path,
            new FileStreamOptions
            {
                Mode = mode,
                Access = FileAccess.Write,
                Share = share,
                BufferSize = 0,
            }
        );
        file.Write(contents);
        file.Flush(flushToDisk: true);
    }

    // a link stays a link: what it points to is replaced
    private static string Resolve(string path)
    {
        var file = new FileInfo(Path.GetFullPath(path));
        return file.LinkTarget is null ? file.FullName : file.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
    }

    // Nothing there, or a file that may be replaced. A device such as /dev/null must not be: it is opened
    // and written to. Only regular files can be cut to a length, and only empty ones are.
    private static bool IsFreeOrRegular(string target)
    {
        try
        {
            using FileStream file = LockedFile.Open(
                target,
                new FileStreamOptions
                {
                    Access = FileAccess.ReadWrite,
                    Share = FileShare.ReadWrite | FileShare.Delete,
                    BufferSize = 0,
                }
            );
            if (!file.CanSeek)
                return false;
            if (file.Length > 0)
                return true;
            try
            {
                file.SetLength(0);
                return true;
            }
            catch (Exception cause) when (cause is IOException or ArgumentException or NotSupportedException)
            {
                return false;
            }
        }
        catch (FileNotFoundException)
        {
            return true;
        }
    }

    // short, since the name of the file itself may be as long as names can be
    private static string TemporaryName(string target) =>
        Path.Combine(
            Path.GetDirectoryName(target)!,
            TemporaryStart + Path.GetFileNameWithoutExtension(Path.GetRandomFileName()) + TemporaryEnd
        );

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            // the failure that led here is the one to report
        }
    }

    private static string Reason(Exception cause) =>
        cause is ArgumentException ? "that is not the path of a file" : CommandException.Reason(cause);

    private static CommandException Refusal(string sentence, Exception? cause = null) =>
        new(ExitCode.Usage, sentence, cause);
}
