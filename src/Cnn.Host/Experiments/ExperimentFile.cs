using System.Text;
using Cnn.Host.Models;

namespace Cnn.Host.Experiments;

/// <summary>
/// A file of results, one JSON object a line, that only ever grows. Where the machine died in the middle of a line, that
/// line counts as not written, and the next result takes its place.
/// </summary>
internal sealed class ExperimentFile
{
    private const byte EndOfLine = (byte)'\n';

    private readonly string path;
    private List<ExperimentResult> results = [];

    private ExperimentFile(string path) => this.path = path;

    /// <summary>What a file holds, which need not exist yet; changes nothing.</summary>
    /// <exception cref="CommandException">Bad data: it cannot be read, or has a line that is no result.</exception>
    public static ExperimentFile Open(string path)
    {
        var file = new ExperimentFile(path);
        file.Refresh();
        return file;
    }

    /// <summary>Reads the file again: another process may have added to it.</summary>
    /// <exception cref="CommandException">Bad data: it cannot be read, or has a line that is no result.</exception>
    public void Refresh()
    {
        try
        {
            if (!Path.Exists(path))
                return;
            using FileStream file = Open(FileMode.Open, FileAccess.Read, FileShare.Read);
            results = [.. Parse(path, ReadAll(file))];
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw CommandException.Unreadable(path, cause);
        }
    }

    /// <summary>The result of a configuration with that seed, the last one if there are several; null without one.</summary>
    public ExperimentResult? Find(string config, int seed) =>
        results.LastOrDefault(result => result.Config == config && result.Seed == seed);

    /// <summary>Adds a result, whole or not at all, and waits until it is on the disk.</summary>
    /// <exception cref="CommandException">Write failed.</exception>
    public void Append(ExperimentResult result)
    {
        try
        {
            // another process may have added to the file since it was read; not at the same time, though
            using FileStream file = Open(FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            byte[] contents = ReadAll(file);
            int whole = contents.AsSpan().LastIndexOf(EndOfLine) + 1;
            bool isWhole = ExperimentResult.OfLine(contents.AsSpan(whole)) is not null;
            long length = isWhole ? contents.Length : whole;
            // in one go: either the line is there or the length is as it was
            byte[] line = Encoding.UTF8.GetBytes((isWhole ? "\n" : "") + result.ToLine() + "\n");
            try
            {
                file.SetLength(length);
                file.Position = length;
                file.Write(line);
                file.Flush(flushToDisk: true);
            }
            catch (IOException)
            {
                file.SetLength(length);
                throw;
            }
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw new CommandException(
                ExitCode.WriteFailed,
                $"{path} cannot be written: {CommandException.Reason(cause)}; the results before are in it.",
                cause
            );
        }
        results.Add(result);
    }

    // another process may be adding to it: what is to be kept may have taken an hour
    private FileStream Open(FileMode mode, FileAccess access, FileShare share) =>
        LockedFile.Open(
            path,
            new FileStreamOptions
            {
                Mode = mode,
                Access = access,
                Share = share,
            }
        );

    private static byte[] ReadAll(FileStream file)
    {
        byte[] contents = new byte[file.Length];
        file.ReadExactly(contents);
        return contents;
    }

    private static IEnumerable<ExperimentResult> Parse(string path, byte[] contents)
    {
        int number = 1;
        for (int start = 0; start < contents.Length; number++)
        {
            int length = contents.AsSpan(start).IndexOf(EndOfLine);
            bool isTorn = length < 0;
            ReadOnlySpan<byte> line = contents.AsSpan(start, isTorn ? contents.Length - start : length);
            start += line.Length + 1;
            if (ExperimentResult.OfLine(line) is { } result)
                yield return result;
            else if (!isTorn)
                throw CommandException.BadData(
                    $"{path}, line {number}, is no result of cnn experiment; remove the line, or name another file."
                );
        }
    }
}
