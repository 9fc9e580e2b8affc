namespace Cnn.Host.Runs;

/// <summary>
/// How a run went, as JSON lines: one an epoch, in their order, and the result as the last. A run that is not over, or
/// was killed, has no result.
/// </summary>
/// <param name="Epochs">The epochs that are over.</param>
/// <param name="Result">What the run gave; null before its end.</param>
public sealed record MetricsFile(IReadOnlyList<EpochLine> Epochs, ResultLine? Result)
{
    /// <summary>The name of the file in the folder of a run.</summary>
    public const string FileName = "metrics.jsonl";

    private const byte EndOfLine = (byte)'\n';
    private const long MostBytes = 1 << 28;

    /// <summary>Reads a file. A last line without its end counts as not written: the run is writing it, or died of it.</summary>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the faulty line.</exception>
    public static MetricsFile Read(string path)
    {
        byte[] contents = ReadBytes(path);
        var epochs = new List<EpochLine>();
        ResultLine? result = null;
        int number = 0;
        for (int start = 0; contents.AsSpan(start).IndexOf(EndOfLine) is >= 0 and var length; start += length + 1)
        {
            number++;
            switch (MetricsLine.Decode(contents.AsSpan(start, length)))
            {
                case null:
                    throw Wrong("is neither an epoch nor a result of cnn train");
                case var _ when result is not null:
                    throw Wrong("follows the result, which is the last");
                case EpochLine epoch when epoch.Epoch != epochs.Count + 1:
                    throw Wrong($"is of epoch {epoch.Epoch}, where epoch {epochs.Count + 1} is expected");
                case EpochLine epoch:
                    epochs.Add(epoch);
                    break;
                case ResultLine line:
                    result = line;
                    break;
            }
        }
        return new MetricsFile(epochs, result);

        CommandException Wrong(string what) =>
            CommandException.BadData(
                $"{path}, line {number}, {what}; restore the file from a copy, or remove the line."
            );
    }

    private static byte[] ReadBytes(string path)
    {
        if (Directory.Exists(path))
            throw CommandException.BadData($"{path} is a folder where a file is expected; name the {FileName} in it.");
        try
        {
            // the run may still be writing
            using var file = new FileStream(
                path,
                new FileStreamOptions { Share = FileShare.ReadWrite | FileShare.Delete }
            );
            if (file.Length > MostBytes)
                throw CommandException.BadData($"{path} is too large for the metrics of a run; check the path.");
            byte[] contents = new byte[file.Length];
            file.ReadExactly(contents);
            return contents;
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw CommandException.Unreadable(path, cause);
        }
    }
}
