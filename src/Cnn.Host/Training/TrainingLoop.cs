using System.Diagnostics;
using Cnn.Host.Data;
using Cnn.Host.Output;

namespace Cnn.Host.Training;

/// <summary>Where a run ended.</summary>
/// <param name="Trainer">The run after its last step; where it diverged, before the step that did.</param>
/// <param name="Epochs">The epochs that were completed, in their order.</param>
/// <param name="Best">
/// The run after the epoch that did best on the held-out images, the first of equals; null without such images.
/// </param>
/// <param name="IsComplete">Whether it ended by itself: after the last epoch, or out of patience.</param>
/// <param name="Divergence">Where and how it left the finite numbers, for a sentence; null unless it did.</param>
internal sealed record TrainingOutcome(
    Trainer Trainer,
    IReadOnlyList<EpochResult> Epochs,
    Trainer? Best,
    bool IsComplete,
    string? Divergence = null
)
{
    /// <summary>Seconds of training alone, in the completed epochs.</summary>
    public double Seconds => Epochs.Sum(epoch => epoch.Seconds);
}

/// <summary>Takes a run from one step to the next: all that a step computes is in the core.</summary>
/// <param name="settings">How to train.</param>
/// <param name="batches">What is trained on.</param>
/// <param name="validation">The held-out images; null for none.</param>
/// <param name="display">Who watches.</param>
/// <param name="keep">
/// Keeps a moment from which the run could go on, and whether it is the end of the best epoch so far; null where nobody does.
/// </param>
internal sealed class TrainingLoop(
    TrainSettings settings,
    Batches batches,
    LabelledImages? validation,
    ITrainingDisplay display,
    Action<Trainer, bool>? keep = null
)
{
    // people cannot read faster, and a step may take but a tenth of a millisecond
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(0.1);

    // what a crash in a long epoch costs at most
    private static readonly TimeSpan KeepInterval = TimeSpan.FromMinutes(1);

    private readonly int epochs = settings.Recipe.Epochs;
    private readonly Schedule schedule = settings.Recipe.Schedule;

    private readonly long lastStep = LastStep(settings, batches);

    private long kept = Stopwatch.GetTimestamp();

    /// <summary>How many steps a run takes before it stops as if the user wanted it; without end where nobody does.</summary>
    public static long LastStep(TrainSettings settings, Batches batches) =>
        settings.StopAfter is { } after
            ? (long)Math.Clamp(Math.Round(after * batches.Count), 1, long.MaxValue / 2)
            : long.MaxValue;

    /// <summary>
    /// Trains until the last epoch is over, patience is at its end, the numbers are no longer finite, or the user wants to stop.
    /// </summary>
    /// <param name="trainer">The run at any moment, in the middle of an epoch too.</param>
    /// <param name="best">The end of its best epoch so far; null where there was none.</param>
    /// <param name="stop">When the user wants to stop.</param>
    public TrainingOutcome Run(Trainer trainer, Trainer? best, CancellationToken stop)
    {
        var completed = new List<EpochResult>();
        while (trainer.Epoch < epochs && !IsOutOfPatience(trainer))
        {
            if (stop.IsCancellationRequested || trainer.Steps >= lastStep)
                return new TrainingOutcome(trainer, completed, best, IsComplete: false);
            Trainer start = trainer;
            EpochRun run = display.During(trainer.Epoch + 1, batches.Images, report => Train(start, report, stop));
            trainer = run.Trainer;
            if (run.Fault is { } fault)
                // the step that diverged is not counted: it led nowhere
                return Diverged(step: trainer.Steps + 1, fault);
            if (!run.IsComplete || !TryValidate(trainer, stop, out EvaluationReport? report))
                return new TrainingOutcome(trainer, completed, best, IsComplete: false);
            if (report is not null && !double.IsFinite(report.Loss))
                return Diverged(trainer.Steps, "the validation loss is not a finite number");
            var result = new EpochResult(
                trainer.Epoch + 1,
                trainer.Steps,
                run.Images,
                trainer.EpochLoss,
                (double)trainer.EpochCorrect / trainer.EpochExamples,
                report,
                LearningRate(trainer.Steps - 1),
                run.Seconds
            );
            completed.Add(result);
            trainer = trainer.EndEpoch(report?.Accuracy);
            bool isBest = trainer.BestEpoch == trainer.Epoch;
            if (isBest)
                best = trainer;
            display.Show(result);
            Keep(trainer, isBest);
        }
        return new TrainingOutcome(trainer, completed, best, IsComplete: true);

        TrainingOutcome Diverged(long step, string fault)
        {
            // an epoch may have been cut short, but none has been added to or left out
            long ofEpoch = step - (long)trainer.Epoch * batches.Count;
            string where = $"training diverged in epoch {trainer.Epoch + 1}, step {ofEpoch} of {batches.Count}";
            return new TrainingOutcome(trainer, completed, best, IsComplete: false, $"{where}: {fault}");
        }
    }

    private bool IsOutOfPatience(Trainer trainer) =>
        settings.Patience is { } patience
        && trainer.BestEpoch is { } bestEpoch
        && trainer.Epoch - bestEpoch >= patience;

    private double LearningRate(long step) =>
        schedule.LearningRate(step, batches.Count, totalSteps: (long)epochs * batches.Count);

    // what is left of an epoch
    private EpochRun Train(Trainer start, Action<EpochProgress>? report, CancellationToken stop)
    {
        Trainer trainer = start;
        long started = Stopwatch.GetTimestamp();
        long reported = started;
        foreach (Batch batch in batches.OfEpoch(trainer))
        {
            if (stop.IsCancellationRequested || trainer.Steps >= lastStep)
                break;
            double rate = LearningRate(trainer.Steps);
            TrainerStep step = trainer.Step(batch.Pixels, batch.Labels, rate, settings.Threads);
            if (!step.IsFinite)
                return Current() with { Fault = FirstFault(trainer, batch, step) };
            trainer = step.Trainer;
            if (report is not null && Stopwatch.GetElapsedTime(reported) >= RefreshInterval)
            {
                reported = Stopwatch.GetTimestamp();
                report(Current().Progress);
            }
            if (Stopwatch.GetElapsedTime(kept) >= KeepInterval)
                Keep(trainer, isBest: false);
        }
        return Current();

        EpochRun Current() =>
            new(
                trainer,
                trainer.EpochExamples - start.EpochExamples,
                Stopwatch.GetElapsedTime(started).TotalSeconds,
                trainer.EpochExamples == batches.Images
            );
    }

    // it takes far more memory than the step did
    private static string FirstFault(Trainer before, Batch batch, TrainerStep step)
    {
        try
        {
            return before.FirstFault(batch.Pixels, batch.Labels, step);
        }
        catch (OutOfMemoryException)
        {
            return "a number is not finite, in a layer that this machine's memory does not suffice to find";
        }
    }

    private void Keep(Trainer trainer, bool isBest)
    {
        keep?.Invoke(trainer, isBest);
        kept = Stopwatch.GetTimestamp();
    }

    // false when the user stopped it
    private bool TryValidate(Trainer trainer, CancellationToken stop, out EvaluationReport? report)
    {
        report = null;
        if (validation is null)
            return true;
        try
        {
            report = Evaluator.Evaluate(trainer.AveragedModel, validation, settings.Threads, stop);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        return true;
    }

    private sealed record EpochRun(Trainer Trainer, int Images, double Seconds, bool IsComplete)
    {
        // what is no longer finite
        public string? Fault { get; init; }

        public EpochProgress Progress =>
            new(
                Trainer.EpochExamples,
                Trainer.EpochLoss,
                (double)Trainer.EpochCorrect / Trainer.EpochExamples,
                Images / Seconds
            );
    }
}
