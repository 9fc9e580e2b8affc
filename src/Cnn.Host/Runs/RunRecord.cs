using System.Text;
using Cnn.Host.Models;
using Cnn.Host.Output;
using Cnn.Host.Reports;
using Cnn.Host.Training;

namespace Cnn.Host.Runs;

/// <summary>
/// What a run leaves in its folder, written as soon as it is known. A disk that is full must not cost the model: trouble with
/// the folder is told once, the training goes on, and what could not be written is tried again.
/// </summary>
internal sealed class RunRecord : IDisposable
{
    /// <summary>The name of the model in the folder.</summary>
    public const string ModelName = "model.bin";

    private readonly RunFolder folder;
    private readonly RunStart start;
    private readonly IDisposable held;
    private readonly RunLog log;
    private readonly Checkpoints checkpoints;
    private readonly List<EpochLine> epochs = [];
    private bool isTold;
    private bool lacksCheckpoint;
    private bool lacksResult;

    private RunRecord(RunFolder folder, RunStart start, IDisposable held, RunLog log, Checkpoints checkpoints) =>
        (this.folder, this.start, this.held, this.log, this.checkpoints) = (folder, start, held, log, checkpoints);

    /// <summary>Whether all that there was to write has been written.</summary>
    public bool IsComplete => log.IsComplete && !lacksCheckpoint && !lacksResult;

    /// <summary>Where the run is.</summary>
    public string Location => folder.Location;

    /// <summary>Whether there is a moment to go on from.</summary>
    public bool CanGoOn => checkpoints.Exist;

    /// <summary>Makes the folder of a run that is about to start.</summary>
    /// <param name="choice">Where it is to be.</param>
    /// <param name="settings">Those of the run.</param>
    /// <param name="model">The network before its first step.</param>
    /// <param name="images">The digest of the training images.</param>
    /// <param name="output">Where its model goes.</param>
    /// <exception cref="CommandException">Usage: there cannot be such a folder.</exception>
    public static RunRecord Start(RunChoice choice, TrainSettings settings, Model model, string images, string output)
    {
        var start = new RunStart(choice.Command, settings, model, DateTimeOffset.UtcNow);
        byte[] config = RunConfig.Write(start, images, output);
        RunFolder folder = choice.Folder is { } path
            ? RunFolder.Take(path, RunConfig.FileName, config)
            : RunFolder.TakeNext(start.Time, choice.Recipe, settings.Seed, RunConfig.FileName, config);
        RunLock held = RunLock.Take(folder);
        try
        {
            OutputFile.RemoveLeftovers(folder.Location);
            var checkpoints = new Checkpoints(folder, RunConfig.DigestOf(config));
            return new RunRecord(folder, start, held, RunLog.Start(folder, start.Time, config), checkpoints);
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            held.Dispose();
            throw new CommandException(
                ExitCode.Usage,
                $"the folder {folder.Location} of the run cannot be written: {CommandException.Reason(cause)}; give another --run FOLDER, or --no-run-folder to leave none.",
                cause
            );
        }
    }

    /// <summary>Goes on with the folder of a run.</summary>
    /// <param name="stored">The run.</param>
    /// <param name="settings">How it goes on.</param>
    /// <param name="last">The moment from which it does.</param>
    /// <exception cref="CommandException">Bad data: a file of the folder is damaged; write failed.</exception>
    public static RunRecord Continue(StoredRun stored, TrainSettings settings, Trainer last)
    {
        RunFolder folder = stored.Folder;
        try
        {
            OutputFile.RemoveLeftovers(folder.Location);
            EpochLine[] epochs = [.. stored.Metrics.Epochs.Take(last.Epoch)];
            if (epochs.Length < last.Epoch)
                throw CommandException.BadData(
                    $"{folder[MetricsFile.FileName]} ends after epoch {epochs.Length}, but the checkpoint is of epoch {last.Epoch}; restore the file from a copy."
                );
            var log = RunLog.Continue(folder, DateTimeOffset.UtcNow, epochs);
            var start = new RunStart(stored.Command, settings, last.Model, stored.Started);
            var record = new RunRecord(folder, start, stored, log, new Checkpoints(folder, stored.Digest));
            record.epochs.AddRange(epochs);
            return record;
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw new CommandException(
                ExitCode.WriteFailed,
                $"the folder {folder.Location} of the run cannot be written: {CommandException.Reason(cause)}; check its permissions and the room on its disk.",
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
        Try(() => log.Append(line, result.Steps, Scalars(line)));
    }

    /// <summary>Keeps a moment from which the run can go on. The lines up to there are on the disk before it is.</summary>
    public void Keep(Trainer moment, bool isBest)
    {
        lacksCheckpoint = true;
        Try(() =>
        {
            log.Flush();
            checkpoints.Save(moment, isBest);
            lacksCheckpoint = false;
        });
    }

    /// <summary>Adds the model.</summary>
    public void Save(Model model)
    {
        bool isSaved = Try(() => ModelFiles.Save(model, OutputFile.Check(folder[ModelName], option: "the file")));
        lacksResult |= !isSaved;
    }

    /// <summary>Adds the result, and a report of the whole.</summary>
    /// <param name="result">What the run gave.</param>
    /// <param name="judgement">What the result says of images, and which; null where it says nothing.</param>
    public void End(ResultLine result, Judgement? judgement = null)
    {
        bool isReported = Try(() =>
            OutputFile
                .Check(folder[RunReport.FileName], option: "the file")
                .Write(Encoding.UTF8.GetBytes(Report(result, judgement).Write()))
        );
        lacksResult |= !isReported;
        // the last of all: with it the run is over
        Try(() =>
            log.Append(
                result,
                result.Step ?? 0,
                result is { Score: "test", Accuracy: { } accuracy } ? [("accuracy/test", accuracy)] : []
            )
        );
    }

    /// <summary>What could not be written, for a sentence.</summary>
    public string Missing =>
        string.Join(
            ", ",
            new[]
            {
                log.IsComplete ? "" : MetricsFile.FileName,
                lacksCheckpoint ? Checkpoints.Last : "",
                lacksResult ? $"{ModelName} or {RunReport.FileName}" : "",
            }.Where(file => file.Length > 0)
        );

    /// <summary>A line that names the folder and what is in it.</summary>
    public string Describe() => $"{folder.Location}  {string.Join(", ", folder.Files())}";

    /// <inheritdoc/>
    public void Dispose()
    {
        log.Dispose();
        held.Dispose();
    }

    private RunReport Report(ResultLine result, Judgement? judgement)
    {
        IReadOnlyList<Mistake> mistakes = judgement is { Images: { } images }
            ? Mistake.MostConfident(judgement.Model, images, start.Settings.Threads, RunReport.MostMistakes)
            : [];
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

    private bool Try(Action write)
    {
        try
        {
            write();
            return true;
        }
        catch (Exception cause) when (cause is CommandException || CommandException.IsFileTrouble(cause))
        {
            if (!isTold)
                Consoles.Complain(
                    $"the folder {folder.Location} of the run is not complete, which costs neither the training nor the model: {CommandException.Reason(cause)}."
                );
            isTold = true;
            return false;
        }
    }
}
