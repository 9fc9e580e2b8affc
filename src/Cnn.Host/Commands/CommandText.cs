using System.CommandLine;

namespace Cnn.Host.Commands;

/// <summary>Command lines as the words that they are made of.</summary>
internal static class CommandText
{
    /// <summary>The words of the options that were given, in the order of <paramref name="options"/>.</summary>
    public static IEnumerable<string> Given(ParseResult parsed, IEnumerable<Option> options) =>
        from option in options
        let given = parsed.GetResult(option)
        where given is { Implicit: false }
        from word in given.Tokens.Select(token => token.Value).Prepend(option.Name)
        select word;
}
