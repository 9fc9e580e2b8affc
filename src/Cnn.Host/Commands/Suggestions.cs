using System.CommandLine;
using System.CommandLine.Completions;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Cnn.Host.Commands;

/// <summary>
/// <c>cnn [suggest:N] "LINE"</c>: what could stand at place N of a command line, one to a line, for the scripts of
/// <see cref="CompletionsCommand"/>. The parser knows; this leaves out the names of --help that nobody would want to have
/// completed, and reads --option=value, on which the parser's own directive fails.
/// </summary>
internal sealed class Suggestions : SynchronousCommandLineAction
{
    private readonly RootCommand root;
    private readonly SuggestDirective directive;

    private Suggestions(RootCommand root, SuggestDirective directive) =>
        (this.root, this.directive) = (root, directive);

    /// <summary>Takes the place of the parser's own directive.</summary>
    public static void AddTo(RootCommand root)
    {
        SuggestDirective directive = root.Directives.OfType<SuggestDirective>().Single();
        directive.Action = new Suggestions(root, directive);
    }

    // the line to complete is a stray word to the parser
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parsed)
    {
        string line = parsed.Tokens.LastOrDefault(token => token.Type != TokenType.Directive)?.Value ?? "";
        string? given = parsed.GetResult(directive) is { Values: [var first, ..] } ? first : null;
        int place = int.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out int wanted)
            ? Math.Min(wanted, line.Length)
            : line.Length;
        foreach (string word in Words(line, place, parsed.Configuration))
            parsed.InvocationConfiguration.Output.WriteLine(word);
        return (int)ExitCode.Success;
    }

    private IEnumerable<string> Words(string line, int place, ParserConfiguration configuration) =>
        root.Parse(Apart(line[..place]), configuration)
            .GetCompletions(place)
            .Select(one => one.Label)
            .Where(IsWanted)
            .Distinct();

    // flags are given or left out: nobody types the value that they may have
    private static bool IsWanted(string word) =>
        word.StartsWith("--", StringComparison.Ordinal)
        || (word is [not '-' and not '/', ..] && word is not ("True" or "False"));

    // --option=value as two words of the same length together
    private static string Apart(string line)
    {
        int last = line.LastIndexOf(' ') + 1;
        int equals = line.IndexOf('=', last);
        return line[last..].StartsWith("--", StringComparison.Ordinal) && equals > 0
            ? $"{line[..equals]} {line[(equals + 1)..]}"
            : line;
    }
}
