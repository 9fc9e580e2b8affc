using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
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
    private const int UsualPairs = 5;

    /// <summary>The command; <paramref name="work"/> is what it does with a request.</summary>
    public static RootCommand Create(Action<Request> work)
    {
        // at least two, or nothing would be seen of how either side shares its work
        IReadOnlyList<Row> rows = AllRows.For(Math.Max(2, Environment.ProcessorCount));
        var pairs = new Option<int?>("--pairs")
        {
            Description = $"Turns of each side in a row; {UsualPairs} unless given, or 1 with --quick.",
            HelpName = "N",
            CustomParser = given => ParseCount("--pairs", given),
        };
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
                new Request(
                    parsed.GetValue(only) ?? rows,
                    parsed.GetValue(pairs) ?? (isQuick ? 1 : UsualPairs),
                    isQuick,
                    parsed.GetValue(output)
                )
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

    private static int? ParseCount(string name, ArgumentResult given)
    {
        string text = given.Tokens[0].Value;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value > 0)
            return value;
        given.AddError($"{name} {text} is not possible; give a whole number of at least 1.");
        return null;
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
