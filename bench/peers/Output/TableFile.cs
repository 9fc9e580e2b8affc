using System.Text;
using Cnn.Host;

namespace Cnn.Peers.Output;

/// <summary>The file of --out, which a table goes to as well as to stdout.</summary>
internal sealed class TableFile
{
    private readonly string? path;

    /// <summary>Opens it now: whether it can be written is to be known before the work, not after it.</summary>
    /// <param name="path">Where it is; null for nowhere.</param>
    /// <exception cref="CommandException">It cannot be written.</exception>
    public TableFile(string? path)
    {
        this.path = path;
        Write(stream => { });
    }

    /// <summary>Replaces what is there.</summary>
    /// <exception cref="CommandException">It cannot be written.</exception>
    public void Write(string table) =>
        Write(stream =>
        {
            stream.SetLength(0);
            stream.Write(Encoding.UTF8.GetBytes(table));
        });

    private void Write(Action<FileStream> write)
    {
        if (path is null)
            return;
        try
        {
            using FileStream stream = File.Open(path, FileMode.OpenOrCreate, FileAccess.Write);
            write(stream);
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw new CommandException(
                ExitCode.WriteFailed,
                $"--out {path} cannot be written: {CommandException.Reason(cause)}.",
                cause
            );
        }
    }
}
