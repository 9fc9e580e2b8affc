using System.CommandLine;
using System.CommandLine.Parsing;
using Cnn.Host;
using Cnn.Peers.Rows;

namespace Cnn.Peers;

/// <summary>What was asked for.</summary>
/// <param name="Rows">The rows to measure.</param>
/// <param name="Pairs">Turns of each side.</param>
/// <param name="Quick">Whether it is only a try, with a tenth of the images.</param>
/// <param name="Out">Where the table goes, besides stdout; null for nowhere.</param>
internal sealed record Request(IReadOnlyList<Row> Rows, int Pairs, bool Quick, string? Out);

/// <summary>The options of the program.</summary>
internal static class CommandLine
{
    /// <summary>Threads for either side; at least two, or nothing would be seen of how it shares its work.</summary>
    public static int Threads { get; } = Math.Max(2, Environment.ProcessorCount);

    /// <summary>The command; <paramref name="work"/> is what it does with a request.</summary>
    public static RootCommand Create(Action<Request> work)
    {
        IReadOnlyList<Row> rows = AllRows.For(Threads);
        var pairs = new CountOption("--pairs", "Turns of each side in a row", usual: 5, quick: 1);
        var only = new Option<IReadOnlyList<Row>?>("--only")
        {
            Description = $"The rows to measure, all unless given, with commas between: {Names(rows)}.",
            HelpName = "NAME[,NAME]",
            CustomParser = given => ParseNames(given, rows),
        };
        var quick = new Option<bool>("--quick") { Description = "Just try it: a tenth of the images, one pair." };
        var output = new Option<string?>("--out") { Description = "Also write the table here.", HelpName = "FILE" };
        var root = new RootCommand("Compares our speed with that of libtorch, by turns in one process.")
        {
            pairs,
            only,
            quick,
            output,
        };
        root.SetAction(parsed =>
        {
            bool isQuick = parsed.GetValue(quick);
            work(
                new Request(parsed.GetValue(only) ?? rows, pairs.Of(parsed, isQuick), isQuick, parsed.GetValue(output))
            );
        });
        return root;
    }

    /// <summary>Refuses a command line that cannot be understood.</summary>
    /// <exception cref="CommandException">It cannot.</exception>
    public static void Check(ParseResult parsed)
    {
        if (parsed.Errors is [ParseError first, ..])
            throw new CommandException(ExitCode.Usage, first.Message);
    }

    private static List<Row> ParseNames(ArgumentResult given, IReadOnlyList<Row> rows)
    {
        var chosen = new List<Row>();
        foreach (string name in given.Tokens[0].Value.Split(','))
        {
            if (rows.FirstOrDefault(row => row.Name == name) is { } row)
                chosen.Add(row);
            else
                given.AddError($"--only {name} is not known; the rows are {Names(rows)}.");
        }
        return chosen;
    }

    private static string Names(IEnumerable<Row> rows) => string.Join(", ", rows.Select(row => row.Name));
}
