using System.Text;
using Cnn.Host.Models;

namespace Cnn.Host.Runs;

/// <summary>
/// The lines and events of a run, written as soon as they are known. What cannot be written, since the disk is full, is kept and tried
/// again before the next: there are no gaps.
/// </summary>
internal sealed class RunLog : IDisposable
{
    private readonly GrowingFile metrics;
    private readonly GrowingFile events;
    private readonly Queue<Action> unwritten = new();

    private RunLog(GrowingFile metrics, GrowingFile events) => (this.metrics, this.events) = (metrics, events);

    /// <summary>Whether all has been written.</summary>
    public bool IsComplete => unwritten.Count == 0;

    /// <summary>Begins a log.</summary>
    /// <param name="folder">The folder of the run.</param>
    /// <param name="time">When it starts.</param>
    /// <param name="config">Its configuration, to be shown among the events.</param>
    /// <exception cref="IOException">The files cannot be made.</exception>
    public static RunLog Start(RunFolder folder, DateTimeOffset time, byte[] config)
    {
        var log = new RunLog(GrowingFile.Create(folder[MetricsFile.FileName]), CreateEvents(folder, time));
        log.events.Append(EventRecords.Start(time));
        log.events.Append(EventRecords.Text(time, "config", AsMarkdown(config)));
        return log;
    }

    /// <summary>Goes on with a log behind some lines; what else there is, later epochs and a result, is taken away: it will come anew.</summary>
    /// <param name="folder">The folder of the run.</param>
    /// <param name="time">Now.</param>
    /// <param name="epochs">The lines that count.</param>
    /// <exception cref="CommandException">Write failed.</exception>
    public static RunLog Continue(RunFolder folder, DateTimeOffset time, IEnumerable<EpochLine> epochs)
    {
        string path = folder[MetricsFile.FileName];
        OutputFile.Check(path, option: "the file").Write([.. epochs.SelectMany(line => line.Encode())]);
        var log = new RunLog(GrowingFile.Continue(path), CreateEvents(folder, time));
        log.events.Append(EventRecords.Start(time));
        return log;
    }

    /// <summary>Adds a line, and what it says as events.</summary>
    /// <exception cref="IOException">It cannot be written now.</exception>
    public void Append(MetricsLine line, long step, (string Tag, double Value)[] scalars)
    {
        DateTimeOffset time = DateTimeOffset.UtcNow;
        unwritten.Enqueue(() => metrics.Append(line.Encode()));
        if (scalars.Length > 0)
            unwritten.Enqueue(() => events.Append(EventRecords.Scalars(time, step, scalars)));
        Flush();
    }

    /// <summary>Writes what is left to write, and returns when the lines are on the disk.</summary>
    /// <exception cref="IOException">They cannot be written now.</exception>
    public void Flush()
    {
        while (unwritten.TryPeek(out Action? write))
        {
            write();
            unwritten.Dequeue();
        }
        metrics.Flush();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        metrics.Dispose();
        events.Dispose();
    }

    // a run that goes on has a file more; two may start in the same second
    private static GrowingFile CreateEvents(RunFolder folder, DateTimeOffset time)
    {
        string name = EventRecords.FileName(time);
        int number = 1;
        while (File.Exists(folder[name]))
            name = $"{EventRecords.FileName(time)}.{++number}";
        return GrowingFile.Create(folder[name]);
    }

    // lines that are indented are shown as they are
    private static string AsMarkdown(byte[] text) =>
        string.Concat(Encoding.UTF8.GetString(text).Split('\n').Select(line => $"    {line}\n"));
}
