using System.CommandLine;
using System.Text;
using Cnn.Host;
using Cnn.Peers.Output;
using Cnn.Peers.Torch;

namespace Cnn.Peers;

/// <summary>The entry point: turns whatever goes wrong into one sentence on stderr and an exit code.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        try
        {
            ParseResult parsed = CommandLine.Create(Compare).Parse(args);
            CommandLine.Check(parsed);
            return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (CommandException expected)
        {
            Console.Error.WriteLine($"peers: {expected.Message}");
            return (int)expected.ExitCode;
        }
    }

    private static void Compare(Request request)
    {
        // whether the file can be written is to be known before the work, not after it
        if (request.Out is { } file)
            Write(file, stream => { });
        // as the host does: the pool is not to hesitate when a side asks for its threads
        ThreadPool.GetMinThreads(out _, out int completion);
        ThreadPool.SetMinThreads(Math.Max(2, Environment.ProcessorCount) + 1, completion);
        TorchLibrary.Load();
        string table = ResultTable.Write(new Comparison(request).Run());
        Console.WriteLine();
        Console.Write(table);
        if (request.Out is { } target)
            Write(
                target,
                stream =>
                {
                    stream.SetLength(0);
                    stream.Write(Encoding.UTF8.GetBytes(table));
                }
            );
    }

    private static void Write(string path, Action<FileStream> write)
    {
        try
        {
            using FileStream stream = File.Open(path, FileMode.OpenOrCreate, FileAccess.Write);
            write(stream);
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw new CommandException(
                ExitCode.WriteFailed,
                $"--out {path} cannot be written: {cause.Message.TrimEnd('.')}.",
                cause
            );
        }
    }
}
