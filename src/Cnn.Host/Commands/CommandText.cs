using System.CommandLine;
using System.Text.RegularExpressions;

namespace Cnn.Host.Commands;

/// <summary>Command lines as text that a POSIX shell reads as the same words.</summary>
internal static partial class CommandText
{
    /// <summary>The words of the options that were given, in the order of <paramref name="options"/>.</summary>
    public static IEnumerable<string> Given(ParseResult parsed, IEnumerable<Option> options) =>
        from option in options
        let given = parsed.GetResult(option)
        where given is { Implicit: false }
        from word in given.Tokens.Select(token => token.Value).Prepend(option.Name)
        select word;

    /// <summary>One command line of some words.</summary>
    public static string Join(IEnumerable<string> words) => string.Join(' ', words.Select(Quote));

    // between single quotes nothing has a meaning but another one, which stands outside of them, behind a backslash
    private static string Quote(string word) => Plain().IsMatch(word) ? word : $"'{word.Replace("'", @"'\''")}'";

    [GeneratedRegex(@"\A[A-Za-z0-9@%+=:,./_-]+\z", RegexOptions.CultureInvariant)]
    private static partial Regex Plain();
}
