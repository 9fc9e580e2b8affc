using Spectre.Console;

namespace Cnn.Host.Output;

/// <summary>
/// Where text goes: results to stdout, all else to stderr. Neither gets a control code unless it is a
/// terminal, so that both can be piped and kept.
/// </summary>
internal static class Consoles
{
    // tables are as wide as their contents; a limit would break their rows apart
    private const int Unlimited = 1 << 16;

    /// <summary>A line on the progress of the work, on stderr.</summary>
    public static void Status(string line)
    {
        try
        {
            Console.Error.WriteLine(Printable(line));
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            // stderr is closed or its disk is full: no reason to stop, and nowhere to say so
        }
    }

    /// <summary>Why the program ends, on stderr, in one line.</summary>
    public static void Complain(string sentence)
    {
        Status($"cnn: {sentence.ReplaceLineEndings(" ")}");
    }

    /// <summary>Whether some line of results could not be written, to a full disk for instance.</summary>
    public static bool HasLostResults { get; private set; }

    /// <summary>A line of results, on stdout. Trouble with it is told once, and does not end the work: a training is worth more.</summary>
    public static void Result(string line)
    {
        try
        {
            Console.Out.WriteLine(Printable(line));
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            if (!HasLostResults)
                Complain($"the output cannot be written: {cause.Message.TrimEnd('.')}.");
            HasLostResults = true;
        }
    }

    // A line may quote a file, such as the name of a recipe, and what is in that must not reach the terminal as commands.
    private static string Printable(string line) =>
        string.Concat(
            line.Select(character => char.IsControl(character) && character is not ('\n' or '\r') ? '?' : character)
        );

    /// <summary>A table of results, on stdout.</summary>
    public static void Result(Table table)
    {
        IAnsiConsole console = CreateResultConsole();
        console.Profile.Width = Unlimited;
        console.Write(table);
    }

    /// <summary>
    /// The terminal that results go to, where it draws blocks in colours; null where they go to a file or a pipe, where the
    /// terminal knows no colours, and where the user wants none (https://no-color.org).
    /// </summary>
    public static IAnsiConsole? FindColourTerminal()
    {
        if (Console.IsOutputRedirected || !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")))
            return null;
        IAnsiConsole console = CreateResultConsole();
        return console.Profile.Capabilities is { Ansi: true, Unicode: true, ColorSystem: not ColorSystem.NoColors }
            ? console
            : null;
    }

    private static IAnsiConsole CreateResultConsole() =>
        AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Out = new AnsiConsoleOutput(Console.Out),
                Ansi = Console.IsOutputRedirected ? AnsiSupport.No : AnsiSupport.Detect,
            }
        );

    /// <summary>An empty table in the style of the program.</summary>
    /// <param name="columns">The headings; those that start with a colon stand over text, others over numbers.</param>
    public static Table CreateTable(params IEnumerable<string> columns)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (string column in columns)
        {
            bool isText = column.StartsWith(':');
            var heading = new TableColumn(new Text(isText ? column[1..] : column)) { NoWrap = true };
            table.AddColumn(isText ? heading.LeftAligned() : heading.RightAligned());
        }
        return table;
    }

    /// <summary>Adds a row of plain text; brackets in it have no meaning.</summary>
    public static void AddPlainRow(this Table table, params IEnumerable<string> cells) =>
        table.AddRow(cells.Select(cell => new Text(cell)));

    /// <summary>How the epochs of a run are shown: live on a terminal, else in plain lines.</summary>
    public static ITrainingDisplay CreateTrainingDisplay(int epochs, bool hasValidation)
    {
        if (Console.IsErrorRedirected)
            return new PlainDisplay(epochs, Result);
        IAnsiConsole console = AnsiConsole.Create(
            new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }
        );
        // a terminal that cannot move its cursor gets plain lines as well
        return console.Profile.Capabilities is { Ansi: true, Interactive: true }
            ? new LiveDisplay(console, epochs, hasValidation)
            : new PlainDisplay(epochs, Result);
    }
}
