using System.Diagnostics;
using Cnn.Host.Data;
using Cnn.Host.Output;

namespace Cnn.Host.Training;

/// <summary>Where a run ended.</summary>
/// <param name="Trainer">The run after its last step.</param>
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
internal sealed class TrainingLoop(
    TrainSettings settings,
    Batches batches,
    LabelledImages? validation,
    ITrainingDisplay display
)
{
    // people cannot read faster, and a step may take but a tenth of a millisecond
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromSeconds(0.1);

    private readonly int epochs = settings.Recipe.Epochs;
    private readonly Schedule schedule = settings.Recipe.Schedule;

    /// <summary>
    /// Trains until the last epoch is over, patience is at its end, the numbers are no longer finite, or the user wants to stop.
    /// </summary>
    public TrainingOutcome Run(Trainer trainer, CancellationToken stop)
    {
        var completed = new List<EpochResult>();
        Trainer? best = null;
        while (trainer.Epoch < epochs && !IsOutOfPatience(trainer))
        {
            Trainer start = trainer;
            EpochRun run = display.During(trainer.Epoch + 1, batches.Images, report => Train(start, report, stop));
            trainer = run.Trainer;
            if (run.Fault is { } fault)
                return Diverged(fault);
            if (!run.IsComplete || !TryValidate(trainer, stop, out EvaluationReport? report))
                return new TrainingOutcome(trainer, completed, best, IsComplete: false);
            if (report is not null && !double.IsFinite(report.Loss))
                return Diverged("the validation loss is not a finite number");
            var result = new EpochResult(
                trainer.Epoch + 1,
                trainer.Steps,
                run.Images,
                run.Loss,
                run.Accuracy,
                report,
                LearningRate(trainer.Steps - 1),
                run.Seconds
            );
            completed.Add(result);
            trainer = trainer.EndEpoch(report?.Accuracy);
            if (trainer.BestEpoch == trainer.Epoch)
                best = trainer;
            display.Show(result);
        }
        return new TrainingOutcome(trainer, completed, best, IsComplete: true);

        TrainingOutcome Diverged(string fault)
        {
            // an epoch may have been cut short, but none has been added to or left out
            long step = trainer.Steps - (long)trainer.Epoch * batches.Count;
            string where = $"training diverged in epoch {trainer.Epoch + 1}, step {step} of {batches.Count}";
            return new TrainingOutcome(trainer, completed, best, IsComplete: false, $"{where}: {fault}");
        }
    }

    private bool IsOutOfPatience(Trainer trainer) =>
        settings.Patience is { } patience
        && trainer.BestEpoch is { } bestEpoch
        && trainer.Epoch - bestEpoch >= patience;

    private double LearningRate(long step) =>
        schedule.LearningRate(step, batches.Count, totalSteps: (long)epochs * batches.Count);

    private EpochRun Train(Trainer trainer, Action<EpochProgress>? report, CancellationToken stop)
    {
        long started = Stopwatch.GetTimestamp();
        long reported = started;
        double loss = 0;
        int correct = 0;
        int images = 0;
        foreach (Batch batch in batches.OfEpoch(trainer))
        {
            if (stop.IsCancellationRequested)
                break;
            double rate = LearningRate(trainer.Steps);
            TrainerStep step = trainer.Step(batch.Pixels, batch.Labels, rate, settings.Threads);
            trainer = step.Trainer;
            if (!double.IsFinite(step.Loss))
                return Current() with { Fault = "the loss is no longer a finite number" };
            loss += step.Loss * step.Examples;
            correct += step.Correct;
            images += step.Examples;
            if (report is not null && Stopwatch.GetElapsedTime(reported) >= RefreshInterval)
            {
                reported = Stopwatch.GetTimestamp();
                report(Current().Progress);
            }
        }
        // the loss of a step is that before it was taken: the last step has not been judged yet
        return trainer.Model.IsFinite
            ? Current()
            : Current() with
            {
                Fault = "the parameters are no longer finite numbers",
            };

        EpochRun Current() =>
            new(
                trainer,
                images,
                loss / images,
                (double)correct / images,
                Stopwatch.GetElapsedTime(started).TotalSeconds,
                images == batches.Images
            );
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

    private sealed record EpochRun(
        Trainer Trainer,
        int Images,
        double Loss,
        double Accuracy,
        double Seconds,
        bool IsComplete
    )
    {
        // what is no longer finite
        public string? Fault { get; init; }

        public EpochProgress Progress => new(Images, Loss, Accuracy, Images / Seconds);
    }
}
