using System.CommandLine;
using System.CommandLine.Parsing;

namespace Cnn.Host.Commands;

/// <summary>
/// What is wrong with a command line, in one sentence. The parser finds every fault and phrases some of
/// them for programmers; a user is helped by the first one, and by a pointer to the help.
/// </summary>
internal static class UsageErrors
{
    /// <summary>The sentence for the first fault.</summary>
    /// <param name="parsed">A command line with at least one error.</param>
    public static string Describe(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        // a fault in a value may have made the words behind it stray
        ParseError? faulty = parsed.Errors.FirstOrDefault(error =>
            error.SymbolResult is OptionResult or ArgumentResult
        );
        if (faulty is null && parsed.UnmatchedTokens is [string stray, ..])
            return DescribeUndecided(parsed, stray) ?? DescribeStray(command, stray);
        return (faulty ?? parsed.Errors[0]) switch
        {
            { SymbolResult: OptionResult { Tokens.Count: 0 } option } =>
                $"{option.Option.Name} needs a value; {SeeHelp(command)}.",
            { SymbolResult: OptionResult { IdentifierTokenCount: > 1 } option } =>
                $"{option.Option.Name} is given {option.IdentifierTokenCount} times; give it once.",
            { SymbolResult: CommandResult or ArgumentResult { Tokens.Count: 0 } }
                when FindMissing(parsed, command) is { } missing => $"a {missing.Name} is needed; {SeeHelp(command)}.",
            var other => other.Message,
        };
    }

    /// <summary>The sentence for a word that belongs to no option and no argument.</summary>
    public static string DescribeStray(Command command, string stray)
    {
        if (stray.StartsWith('-'))
            return $"there is no option {stray}; {SeeHelp(command)}.";
        if (command.Subcommands.Count > 0)
            return $"there is no command '{stray}'; choose one of {string.Join(", ", command.Subcommands.Select(c => c.Name))}.";
        return $"'{stray}' was not expected; {SeeHelp(command)}.";
    }

    // The parser leaves a word that is neither true nor false to whoever comes next, even in --normalize=maybe.
    private static string? DescribeUndecided(ParseResult parsed, string stray)
    {
        string? before = parsed.Tokens.TakeWhile(token => token.Value != stray).LastOrDefault()?.Value;
        return parsed.CommandResult.Command.Options.Any(option =>
            option.Name == before && option.ValueType == typeof(bool?)
        )
            ? $"{before} '{stray}' is not possible; give true or false."
            : null;
    }

    // the first argument that has no value and cannot do without
    private static Argument? FindMissing(ParseResult parsed, Command command) =>
        command.Arguments.FirstOrDefault(argument =>
            argument.Arity.MinimumNumberOfValues > 0 && parsed.GetResult(argument) is null or { Tokens.Count: 0 }
        ) ?? command.Arguments.FirstOrDefault();

    // a root command is named after the file that runs; users know it as cnn
    private static string SeeHelp(Command command) =>
        command is RootCommand ? "see cnn --help" : $"see cnn {command.Name} --help";
}
