using System.CommandLine;
using Cnn.Host;
using Cnn.Peers.LeNet;
using Cnn.Peers.Output;
using Cnn.Peers.Torch;
using Cnn.Peers.Weights;

namespace Cnn.Peers;

/// <summary>The entry point: turns whatever goes wrong into one sentence on stderr and an exit code.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        try
        {
            RootCommand root = CommandLine.Create(Compare);
            root.Add(LeNetCommand.Create(CompareLeNet));
            root.Add(ExchangeWeights());
            ParseResult parsed = root.Parse(args);
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
        var file = new TableFile(request.Out);
        Prepare();
        string table = ResultTable.Write(new Comparison(request).Run());
        Console.WriteLine();
        Console.Write(table);
        file.Write(table);
    }

    private static void CompareLeNet(LeNetRequest request)
    {
        var file = new TableFile(request.Out);
        Prepare();
        new LeNetComparison(request).Run(file);
    }

    private static Command ExchangeWeights()
    {
        var command = new Command(
            "weights",
            "Takes weights from libtorch and to it, and compares the scores of images."
        );
        command.SetAction(_ =>
        {
            Prepare();
            WeightExchange.Run();
        });
        return command;
    }

    private static void Prepare()
    {
        // as the host does: the pool is not to hesitate when a side asks for its threads
        ThreadPool.GetMinThreads(out _, out int completion);
        ThreadPool.SetMinThreads(CommandLine.Threads + 1, completion);
        TorchLibrary.Load();
    }
}
