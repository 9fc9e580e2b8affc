using Cnn.Host.Models;

namespace Cnn.Host.Runs;

/// <summary>
/// Keeps a second process from going on with a run while the first still does. It is a lock on the configuration, which every run has:
/// the system gives it back when the process ends, however that comes about.
/// </summary>
internal sealed class RunLock : IDisposable
{
    private readonly FileStream file;

    private RunLock(FileStream file) => this.file = file;

    /// <summary>Takes the lock.</summary>
    /// <exception cref="CommandException">Usage: another process has it; write failed: there is no such file that may be written.</exception>
    public static RunLock Take(RunFolder folder)
    {
        string path = folder[RunConfig.FileName];
        try
        {
            return new RunLock(
                new FileStream(
                    path,
                    new FileStreamOptions
                    {
                        Access = FileAccess.ReadWrite,
                        // on Unix, a lock that only those meet who lock as well; Windows would lock out every reader
                        Share = OperatingSystem.IsWindows() ? FileShare.Read : FileShare.None,
                        BufferSize = 0,
                    }
                )
            );
        }
        catch (IOException cause) when (LockedFile.IsHeld(cause))
        {
            throw new CommandException(
                ExitCode.Usage,
                $"the run in {folder.Location} is still going on; wait for its end, or stop it there with Ctrl-C.",
                cause
            );
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw new CommandException(
                ExitCode.WriteFailed,
                $"{path} cannot be opened for writing: {CommandException.Reason(cause)}; check its permissions, and those of its disk.",
                cause
            );
        }
    }

    /// <summary>The bytes of the configuration.</summary>
    /// <exception cref="CommandException">Bad data: they cannot be read.</exception>
    public byte[] ReadConfig()
    {
        try
        {
            byte[] contents = new byte[checked((int)Math.Min(file.Length, RunConfig.MostBytes + 1L))];
            file.Position = 0;
            file.ReadExactly(contents);
            return contents;
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw CommandException.Unreadable(file.Name, cause);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
