using Microsoft.Extensions.FileSystemGlobbing;
using Microsoft.Extensions.FileSystemGlobbing.Abstractions;

namespace Cnn.Host.Data;

/// <summary>
/// What the words of a command line that name pictures stand for: files, patterns such as <c>digits/**/*.png</c> where the shell has
/// left them alone, and <c>-</c> for stdin.
/// </summary>
internal static class PictureInputs
{
    /// <summary>The word for stdin.</summary>
    public const string Stdin = "-";

    // what can be read from stdin: as much as a file may have
    private const int MostStdinBytes = 1 << 28;

    /// <summary>The files that the words stand for, each word's in the order of their names, and <see cref="Stdin"/>.</summary>
    /// <exception cref="CommandException">Bad data: no file fits a pattern. Wrong usage: stdin twice.</exception>
    public static IReadOnlyList<string> Expand(IReadOnlyList<string> words)
    {
        if (words.Count(word => word == Stdin) > 1)
            throw new CommandException(
                ExitCode.Usage,
                $"{Stdin} stands for stdin, which can be read once; give it once."
            );
        return [.. words.SelectMany(word => IsPattern(word) ? Match(word) : [word])];
    }

    /// <summary>All bytes of stdin.</summary>
    /// <exception cref="CommandException">Bad data: there are none, or too many.</exception>
    public static byte[] ReadStdin()
    {
        try
        {
            using Stream input = Console.OpenStandardInput();
            using var contents = new MemoryStream();
            byte[] buffer = new byte[1 << 16];
            for (int count = input.Read(buffer); count > 0; count = input.Read(buffer))
            {
                contents.Write(buffer, 0, count);
                if (contents.Length > MostStdinBytes)
                    throw CommandException.BadData(
                        $"stdin has more than {MostStdinBytes:N0} bytes, which is more than images may have; give files instead."
                    );
            }
            return contents.Length > 0
                ? contents.ToArray()
                : throw CommandException.BadData(
                    "stdin is empty; send a PNG or JPEG file, or the bytes of an image in the model's size."
                );
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw CommandException.BadData($"stdin cannot be read: {CommandException.Reason(cause)}.", cause);
        }
    }

    // a file may have a star in its name
    private static bool IsPattern(string word) => word.Contains('*') && !Path.Exists(word);

    private static List<string> Match(string pattern)
    {
        (string folder, string within) = Split(pattern);
        try
        {
            PatternMatchingResult found = new Matcher(StringComparison.Ordinal)
                .AddInclude(within)
                .Execute(new DirectoryInfoWrapper(new DirectoryInfo(folder.Length == 0 ? "." : folder)));
            return found.HasMatches
                ? [.. found.Files.Select(file => Path.Combine(folder, file.Path)).Order(StringComparer.Ordinal)]
                : throw CommandException.BadData($"no file fits the pattern {pattern}; check it, or name the files.");
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw CommandException.BadData(
                $"the files of the pattern {pattern} cannot be listed: {CommandException.Reason(cause)}.",
                cause
            );
        }
    }

    // the folders before the first star, and what the library is to look for in them
    private static (string Folder, string Within) Split(string pattern)
    {
        int star = pattern.IndexOf('*', StringComparison.Ordinal);
        int end = pattern.AsSpan(0, star).LastIndexOfAny(Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar);
        return (pattern[..(end + 1)], pattern[(end + 1)..]);
    }
}
