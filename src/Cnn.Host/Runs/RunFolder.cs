using System.Globalization;
using System.Text.RegularExpressions;
using Cnn.Host.Models;

namespace Cnn.Host.Runs;

/// <summary>
/// The folder of one run, which no other run has: it belongs to whoever makes its first file, and a file system makes a file
/// for one process alone.
/// </summary>
/// <param name="Location">Where it is, as users are told.</param>
internal sealed partial record RunFolder(string Location)
{
    /// <summary>Where folders without a name of the user's own go, under the current folder.</summary>
    public const string Parent = "runs";

    // of the recipe's name: what else is in the name of the folder must stay readable
    private const int MostCharacters = 40;

    /// <summary>The path of one of its files.</summary>
    public string this[string file] => Path.Join(Location, file);

    /// <summary>Takes a folder that is new or empty.</summary>
    /// <param name="path">What the user gave.</param>
    /// <param name="file">The name of the first file.</param>
    /// <param name="contents">What is in it.</param>
    /// <exception cref="CommandException">Usage: the sentence says why it cannot be taken.</exception>
    public static RunFolder Take(string path, string file, ReadOnlySpan<byte> contents) =>
        TryTake(path, file, contents)
        ?? throw new CommandException(
            ExitCode.Usage,
            File.Exists(path)
                ? $"--run {path} is a file; name a folder that is new or empty."
                : $"--run {path} is not empty, and a run wants a folder of its own; name one that is new or empty."
        );

    /// <summary>Takes the first free one of <c>runs/TIME-RECIPE-seedSEED</c>, that name with -2, with -3 and so on.</summary>
    /// <param name="started">When the run started.</param>
    /// <param name="recipe">The name or path of its recipe.</param>
    /// <param name="seed">Its seed.</param>
    /// <param name="file">The name of the first file.</param>
    /// <param name="contents">What is in it.</param>
    /// <exception cref="CommandException">Usage: the sentence says why none can be made.</exception>
    public static RunFolder TakeNext(
        DateTimeOffset started,
        string recipe,
        int seed,
        string file,
        ReadOnlySpan<byte> contents
    )
    {
        string time = started.UtcDateTime.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture);
        string name = Path.Join(Parent, $"{time}-{Label(recipe)}-seed{seed}");
        for (int number = 1; ; number++)
            if (TryTake(number == 1 ? name : $"{name}-{number}", file, contents) is { } taken)
                return taken;
    }

    /// <summary>The names of its files, in their order.</summary>
    public IReadOnlyList<string> Files()
    {
        try
        {
            return
            [
                .. Directory
                    .EnumerateFiles(Location)
                    .Select(file => Path.GetFileName(file))
                    .Order(StringComparer.Ordinal),
            ];
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            return [];
        }
    }

    // null where it is taken already
    private static RunFolder? TryTake(string path, string file, ReadOnlySpan<byte> contents)
    {
        try
        {
            // what a process left that was killed before it had taken the folder is nothing
            if (
                File.Exists(path)
                || (
                    Directory.Exists(path)
                    && Directory.EnumerateFileSystemEntries(path).Any(entry => !OutputFile.IsLeftover(entry))
                )
            )
                return null;
            Directory.CreateDirectory(path);
            var folder = new RunFolder(path);
            if (!OutputFile.TryCreate(folder[file], contents))
                return null;
            if (Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))) is { } parent)
                FileSystemCalls.Flush(parent);
            return folder;
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            RemoveEmpty(path);
            string reason =
                cause is ArgumentException ? "that is not the path of a folder" : CommandException.Reason(cause);
            throw new CommandException(
                ExitCode.Usage,
                $"the folder '{path}' of the run cannot be written: {reason}; give another --run FOLDER, or --no-run-folder to leave none.",
                cause
            );
        }
    }

    // on a full disk there may be a folder, and nothing to put into it
    private static void RemoveEmpty(string path)
    {
        try
        {
            Directory.Delete(path);
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            // it is not empty, or was never there: the failure that led here is the one to report
        }
    }

    // what every file system takes, and no shell minds
    private static string Label(string recipe)
    {
        string stem = Path.GetFileNameWithoutExtension(recipe);
        string plain = Unusual().Replace(stem, "-").Trim('-', '.');
        return plain.Length == 0 ? "recipe" : plain[..Math.Min(plain.Length, MostCharacters)];
    }

    [GeneratedRegex("[^A-Za-z0-9._-]+", RegexOptions.CultureInvariant)]
    private static partial Regex Unusual();
}
