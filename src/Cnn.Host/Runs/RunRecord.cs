using System.Text;
using Cnn.Host.Models;
using Cnn.Host.Output;
using Cnn.Host.Reports;
using Cnn.Host.Training;

namespace Cnn.Host.Runs;

/// <summary>
/// What a run leaves in its folder, written as soon as it is known. A disk that is full must not cost the model: trouble with
/// the folder is told once, the training goes on, and at the end the folder is not complete.
/// </summary>
internal sealed class RunRecord : IDisposable
{
    /// <summary>The name of the model in the folder.</summary>
    public const string ModelName = "model.bin";

    private readonly RunFolder folder;
    private readonly RunStart start;
    private readonly GrowingFile metrics;
    private readonly GrowingFile events;
    private readonly List<EpochLine> epochs = [];

    private RunRecord(RunFolder folder, RunStart start)
    {
        this.folder = folder;
        this.start = start;
        metrics = new GrowingFile(folder[MetricsFile.FileName]);
        events = new GrowingFile(folder[EventRecords.FileName(start.Time)]);
    }

    /// <summary>Whether all that there was to write has been written.</summary>
    public bool IsComplete { get; private set; } = true;

    /// <summary>Makes the folder of a run that is about to start.</summary>
    /// <param name="choice">Where it is to be.</param>
    /// <param name="settings">Those of the run.</param>
    /// <param name="model">The network before its first step.</param>
    /// <exception cref="CommandException">Usage: there cannot be such a folder.</exception>
    public static RunRecord Start(RunChoice choice, TrainSettings settings, Model model)
    {
        var start = new RunStart(choice.Command, settings, model, DateTimeOffset.UtcNow);
        byte[] config = RunConfig.Write(start);
        RunFolder folder = choice.Folder is { } path
            ? RunFolder.Take(path, RunConfig.FileName, config)
            : RunFolder.TakeNext(start.Time, choice.Recipe, settings.Seed, RunConfig.FileName, config);
        try
        {
            var record = new RunRecord(folder, start);
            record.events.Append(EventRecords.Start(start.Time));
            record.events.Append(EventRecords.Text(start.Time, "config", AsMarkdown(config)));
            return record;
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw new CommandException(
                ExitCode.Usage,
                $"the folder {folder.Location} of the run cannot be written: {Reason(cause)}; give another --run FOLDER, or --no-run-folder to leave none.",
                cause
            );
        }
    }

    /// <summary>Adds an epoch that is over.</summary>
    public void Add(EpochResult result)
    {
        EvaluationReport? validation = result.Validation;
        var line = new EpochLine(
            result.Epoch,
            result.Steps,
            result.Loss,
            result.Accuracy,
            validation?.Loss,
            validation?.Accuracy,
            result.LearningRate,
            result.Seconds,
            result.ImagesPerSecond
        );
        epochs.Add(line);
        Append(line, result.Steps, Scalars(line));
    }

    /// <summary>Adds the model.</summary>
    public void Save(Model model) =>
        Try(() => ModelFiles.Save(model, OutputFile.Check(folder[ModelName], option: "the file")));

    /// <summary>Adds the result, and a report of the whole.</summary>
    /// <param name="result">What the run gave.</param>
    /// <param name="judgement">What the result says of images, and which; null where it says nothing.</param>
    public void End(ResultLine result, Judgement? judgement = null)
    {
        Append(
            result,
            result.Step ?? 0,
            result is { Score: "test", Accuracy: { } accuracy } ? [("accuracy/test", accuracy)] : []
        );
        Try(() =>
            OutputFile
                .Check(folder[RunReport.FileName], option: "the file")
                .Write(Encoding.UTF8.GetBytes(Report(result, judgement).Write()))
        );
    }

    /// <summary>A line that names the folder and what is in it.</summary>
    public string Describe() => $"{folder.Location}  {string.Join(", ", folder.Files())}";

    /// <inheritdoc/>
    public void Dispose()
    {
        metrics.Dispose();
        events.Dispose();
    }

    private RunReport Report(ResultLine result, Judgement? judgement)
    {
        IReadOnlyList<Mistake> mistakes = judgement is null
            ? []
            : Mistake.MostConfident(judgement.Model, judgement.Images, start.Settings.Threads, RunReport.MostMistakes);
        return new RunReport(start, epochs, result, judgement?.Report, mistakes, Draw(judgement, mistakes));
    }

    // a report without pictures is better than none
    private ReportPictures Draw(Judgement? judgement, IReadOnlyList<Mistake> mistakes)
    {
        try
        {
            return ReportPictures.Draw(epochs, judgement?.Model, judgement?.Images, mistakes);
        }
        catch (CommandException cause)
        {
            Consoles.Status($"{RunReport.FileName} has no pictures: {cause.Message}");
            return ReportPictures.None;
        }
    }

    private static (string Tag, double Value)[] Scalars(EpochLine line)
    {
        (string, double)[] training =
        [
            ("loss/train", line.Loss),
            ("accuracy/train", line.Accuracy),
            ("learning_rate", line.LearningRate),
        ];
        return line is { ValidationLoss: { } loss, ValidationAccuracy: { } accuracy }
            ? [.. training, ("loss/validation", loss), ("accuracy/validation", accuracy)]
            : training;
    }

    private void Append(MetricsLine line, long step, (string Tag, double Value)[] scalars)
    {
        // behind a gap, what follows would mislead
        if (!IsComplete)
            return;
        Try(() =>
        {
            metrics.Append(line.Encode());
            if (scalars.Length > 0)
                events.Append(EventRecords.Scalars(DateTimeOffset.UtcNow, step, scalars));
        });
    }

    private void Try(Action write)
    {
        try
        {
            write();
        }
        catch (Exception cause) when (cause is CommandException || CommandException.IsFileTrouble(cause))
        {
            if (IsComplete)
                Consoles.Complain(
                    $"the folder {folder.Location} of the run is not complete, which costs neither the training nor the model: {Reason(cause)}."
                );
            IsComplete = false;
        }
    }

    private static string Reason(Exception cause) => cause.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ');

    // lines that are indented are shown as they are
    private static string AsMarkdown(byte[] text) =>
        string.Concat(Encoding.UTF8.GetString(text).Split('\n').Select(line => $"    {line}\n"));
}
