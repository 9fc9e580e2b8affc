namespace Cnn.Host.Models;

/// <summary>
/// A file that will be written at the end of a long run. Whether that is going to work is found out at
/// the start, and what stood there before stays until the new contents are safely on the disk.
/// </summary>
internal sealed class OutputFile
{
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
            var options = new FileStreamOptions
            {
                Mode = isDevice ? FileMode.Open : FileMode.CreateNew,
                Access = FileAccess.Write,
                Share = isDevice ? FileShare.ReadWrite : FileShare.None,
                BufferSize = 0,
            };
            using (var file = new FileStream(path, options))
            {
                file.Write(contents);
                file.Flush(flushToDisk: true);
            }
            if (!isDevice)
            {
                File.Move(path, target, overwrite: true);
                FolderFlush.Flush(Path.GetDirectoryName(target)!);
            }
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
            $".cnn-{Path.GetFileNameWithoutExtension(Path.GetRandomFileName())}.tmp"
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
        cause is ArgumentException
            ? "that is not the path of a file"
            : cause.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ');

    private static CommandException Refusal(string sentence, Exception? cause = null) =>
        new(ExitCode.Usage, sentence, cause);
}
