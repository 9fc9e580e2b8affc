using System.Text.RegularExpressions;

namespace Cnn.Host.Output;

/// <summary>Words as text that a POSIX shell reads as the same words.</summary>
internal static partial class ShellWords
{
    /// <summary>One command line of some words.</summary>
    public static string Join(IEnumerable<string> words) => string.Join(' ', words.Select(Quote));

    // between single quotes nothing has a meaning but another one, which stands outside of them, behind a backslash
    private static string Quote(string word) => Plain().IsMatch(word) ? word : $"'{word.Replace("'", @"'\''")}'";

    [GeneratedRegex(@"\A[A-Za-z0-9@%+=:,./_-]+\z", RegexOptions.CultureInvariant)]
    private static partial Regex Plain();
}
