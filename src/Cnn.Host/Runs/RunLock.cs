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
    /// <exception cref="CommandException">Usage: another process has it; bad data: there is no such file that may be written.</exception>
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
                        // on Unix, a lock that only those meet who lock as well; Windows locks everybody out, and readers should not be
                        Share = OperatingSystem.IsWindows() ? FileShare.Read : FileShare.None,
                        BufferSize = 0,
                    }
                )
            );
        }
        catch (IOException cause) when (cause is not (FileNotFoundException or DirectoryNotFoundException))
        {
            throw new CommandException(
                ExitCode.Usage,
                $"the run in {folder.Location} is still going on; wait for its end, or stop it there with Ctrl-C.",
                cause
            );
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw CommandException.Unreadable(path, cause);
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
