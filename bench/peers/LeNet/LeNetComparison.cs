using Cnn.Host;
using Cnn.Host.Data;
using Cnn.Peers.Output;

namespace Cnn.Peers.LeNet;

/// <summary>Measures the parts that were asked for, and says what happens.</summary>
internal sealed class LeNetComparison(LeNetRequest request)
{
    // of the training images, where it is only a try
    private const int QuickImages = 6_000;

    // where no time is taken: several would wait for each other on a machine that has other work
    private const int Threads = 1;

    /// <summary>Runs all parts; writes the tables to stdout and to a file as they come.</summary>
    /// <exception cref="CommandException">A number misses its bound; the tables have then been written.</exception>
    public void Run(TableFile file)
    {
        DataFolder data = DataFolder.Open(DataFolder.Default);
        LabelledImages training = data.LoadTraining();
        if (request.Quick)
            training = training.Slice(0, QuickImages);
        string tables = $"{Machine.Describe()}; {Load()}.\n";
        foreach (LeNetPart part in request.Parts.Distinct().Order())
        {
            Action check = () => { };
            string table = part switch
            {
                LeNetPart.Exact => Exact(),
                LeNetPart.Accuracy => Recognise(data, training),
                _ => Speed(),
            };
            Console.WriteLine();
            Console.WriteLine(table);
            tables += $"\n{table}";
            file.Write(tables);
            check();

            string Exact()
            {
                Exactness measured = Exactness.Measure(training, request.Steps, Threads);
                check = measured.Check;
                return ExactnessTables.Write(measured);
            }
        }
    }

    private string Recognise(DataFolder data, LabelledImages training)
    {
        var accuracy = new Accuracy(training, data.LoadTest(), request.Epochs, Threads);
        Console.WriteLine(accuracy.Recipe);
        return AccuracyTable.Write(
            accuracy.Recipe,
            [.. Enumerable.Range(request.FirstSeed, request.Seeds).Select(seed => accuracy.Run(seed))]
        );
    }

    private string Speed()
    {
        var speeds = new Request(LeNetRows.For(CommandLine.Threads), request.Pairs, request.Quick, Out: null);
        return ResultTable.WriteRows(new Comparison(speeds).Run());
    }

    // what else the machine does is to be known of its speeds
    private static string Load() =>
        $"load average {File.ReadAllText("/proc/loadavg").Split(' ')[0]} in the minute before";
}
