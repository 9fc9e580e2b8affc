using Cnn.Host.Data;
using Cnn.Host.Models;
using Cnn.Host.Output;
using Cnn.Host.Recipes;
using Cnn.Host.Reports;
using Cnn.Host.Runs;

namespace Cnn.Host.Training;

/// <summary><c>cnn train</c> from the first check to the last line.</summary>
/// <param name="settings">How to train.</param>
/// <param name="output">Where the model goes.</param>
/// <param name="choice">The folder that the run leaves; null for none, and for a run that goes on.</param>
/// <param name="stored">The run that goes on; null for a new one.</param>
internal sealed class TrainingRun(TrainSettings settings, string output, RunChoice? choice, StoredRun? stored = null)
{
    private const string Test = "test";
    private const string Validation = "validation";

    /// <summary>Trains, saves, and looks at the test set once, unless images are held out or there is none.</summary>
    /// <exception cref="CommandException">Anything that keeps the run from its end.</exception>
    public ExitCode Execute(CancellationToken stop)
    {
        // the cheap checks first: nobody should train for ten minutes and then learn of them
        OutputFile file = OutputFile.Check(output);
        IImageSource source = settings.Data.Open();
        if (settings.Validation == 0 && source.MissingTest is null)
            source.CheckTest();
        LabelledImages images = source.LoadTraining(settings.Data.Form);
        TrainingSetup setup = TrainingSetup.Create(settings, images);
        (Trainer last, Trainer? best) = stored is null ? (setup.Trainer, null) : GoOn(stored, setup, images);
        using RunRecord? record =
            stored is not null ? RunRecord.Continue(stored, settings, last)
            : choice is not null ? RunRecord.Start(choice, settings, setup.Trainer.Model, images.Digest(), output)
            : null;

        Announce(setup);
        if (settings.Validation == 0 && source.MissingTest is { } missing)
            Consoles.Status(
                $"no test images: {missing}; training images can be held out instead, such as --validation {Math.Max(1, images.Count / 10)}"
            );
        if (stored?.OtherSystem is { } other)
            Consoles.Status(
                $"the run goes on with {other}, where sums may be rounded otherwise: it will be as good, but maybe not the same to the last bit"
            );
        if (last.Steps > 0)
            Consoles.Status(
                (
                    last.Epoch < settings.Recipe.Epochs
                        ? $"going on in epoch {last.Epoch + 1} of {settings.Recipe.Epochs}"
                        : $"all {Numbers.Count(settings.Recipe.Epochs, "epoch")} are over"
                ) + $", after {Numbers.Count(last.Steps, "step")} in all"
            );
        try
        {
            ExitCode code = Train(setup, last, best, source, file, record, stop);
            if (record is null or { IsComplete: true })
                return code;
            Consoles.Complain($"{record.Location} lacks what could not be written: {record.Missing}.");
            return code == ExitCode.Success ? ExitCode.WriteFailed : code;
        }
        finally
        {
            if (record is not null)
                Consoles.Result(record.Describe());
        }
    }

    private (Trainer Last, Trainer? Best) GoOn(StoredRun stored, TrainingSetup setup, LabelledImages images)
    {
        if (images.Digest() != stored.Images)
            throw CommandException.BadData(
                $"the training images are not those that the run in {stored.Folder.Location} began with; give their folder as --data."
            );
        (Trainer last, Trainer? best) = new Checkpoints(stored.Folder, stored.Digest).Load(
            setup.Trainer,
            stored.Metrics.Epochs.Count,
            wantsBest: settings.Patience is not null
        );
        Batches batches = setup.Batches;
        int seen = last.EpochExamples;
        bool isPossible =
            last.Epoch <= settings.Recipe.Epochs
            && seen <= batches.Images
            && (seen == batches.Images || seen % batches.Size == 0)
            && last.Steps == (long)last.Epoch * batches.Count + (seen + batches.Size - 1) / batches.Size;
        if (!isPossible)
            throw CommandException.BadData(
                $"the checkpoint in {stored.Folder.Location} is of a moment that the run cannot have; start a new run."
            );
        if (last.Steps >= TrainingLoop.LastStep(settings, batches))
            throw new CommandException(
                ExitCode.Usage,
                $"the run in {stored.Folder.Location} is beyond --stop-after {settings.StopAfter:R} already, after {last.Steps} steps of {batches.Count} an epoch; count from the start of the run."
            );
        return (last, best);
    }

    private ExitCode Train(
        TrainingSetup setup,
        Trainer start,
        Trainer? startBest,
        IImageSource source,
        OutputFile file,
        RunRecord? record,
        CancellationToken stop
    )
    {
        ITrainingDisplay display = Consoles.CreateTrainingDisplay(settings.Recipe.Epochs, setup.Validation is not null);
        TrainingOutcome outcome = new TrainingLoop(
            settings,
            setup.Batches,
            setup.Validation,
            record is null ? display : new RecordingDisplay(display, record),
            record is null ? null : record.Keep
        ).Run(start, startBest, stop);
        // who gives a patience wants the best
        Trainer? best = settings.Patience is null ? null : outcome.Best;
        Trainer chosen = best ?? outcome.Trainer;

        if (outcome.Divergence is { } divergence)
            throw Diverged(divergence, best, file, record);
        // the user, or a --stop-after
        bool isInterrupted = !outcome.IsComplete && stop.IsCancellationRequested;
        ExitCode stopped = isInterrupted ? ExitCode.Interrupted : ExitCode.Success;
        if (!outcome.IsComplete && outcome.Trainer.Steps == 0)
        {
            // a network that has learned nothing must not take the place of one that may have
            Consoles.Status("interrupted before the first step; no model was written");
            record?.End(ResultLine.Without(RunEnd.Interrupted));
            return stopped;
        }
        if (!outcome.IsComplete)
        {
            record?.Keep(outcome.Trainer, isBest: false);
            Consoles.Status(
                $"{(isInterrupted ? "interrupted" : "stopped")} {Place(outcome.Trainer)} of {settings.Recipe.Epochs}, after {Numbers.Count(outcome.Trainer.Steps, "step")} in all; "
                    + (chosen == outcome.Trainer ? "saving the model as it is" : $"saving that of epoch {chosen.Epoch}")
                    + (
                        record is { IsComplete: true }
                            ? $"; to go on: {ShellWords.Join(["cnn", "train", "--resume", record.Location])}"
                            : ""
                    )
            );
        }
        else if (outcome.Trainer.Epoch < settings.Recipe.Epochs)
            Consoles.Result(
                $"stopped after epoch {outcome.Trainer.Epoch} of {settings.Recipe.Epochs}: no better one since epoch {chosen.Epoch}"
            );
        string digest = Save(chosen, file, record);
        ResultLine unjudged = OfModel(RunEnd.Interrupted, chosen, digest);
        if (!outcome.IsComplete)
        {
            record?.End(unjudged);
            return stopped;
        }
        Judgement judgement;
        try
        {
            judgement = setup.Validation is { } validation
                ? JudgeValidation(outcome, chosen, validation, stop)
                : JudgeTest(chosen, source, stop);
        }
        catch (OperationCanceledException)
        {
            record?.End(unjudged);
            throw;
        }
        ResultLine result = unjudged with { End = RunEnd.Completed };
        if (judgement.Report is { } report)
            result = result with
            {
                Score = setup.Validation is null ? Test : Validation,
                Examples = report.Examples,
                Accuracy = report.Accuracy,
                // JSON has no word for infinity or NaN
                Loss = double.IsFinite(report.Loss) ? report.Loss : null,
            };
        record?.End(result, judgement);
        return ExitCode.Success;
    }

    private static string Place(Trainer trainer) =>
        trainer.EpochExamples == 0 ? $"after epoch {trainer.Epoch}" : $"in epoch {trainer.Epoch + 1}";

    // what was good before is saved, if it was asked for
    private CommandException Diverged(string divergence, Trainer? best, OutputFile file, RunRecord? record)
    {
        string kept = "no model was written";
        var result = ResultLine.Without(RunEnd.Diverged, divergence);
        if (best is not null)
        {
            try
            {
                result = OfModel(RunEnd.Diverged, best, Save(best, file, record)) with { Reason = divergence };
                kept =
                    $"{output} is the model of epoch {best.Epoch}, with a validation accuracy of {Numbers.Percent(best.BestAccuracy)}";
            }
            catch (CommandException cause)
            {
                kept = $"the model of epoch {best.Epoch} could not be saved ({cause.Message.TrimEnd('.')})";
            }
        }
        record?.End(result);
        if (record is { CanGoOn: true })
            kept +=
                $", and {record.Location} has the last good checkpoint, {Checkpoints.Last}, which reads as a model too";
        string bound = settings.Recipe.ClipNorm > 0 ? "" : ", or --clip-norm 1";
        return new CommandException(
            ExitCode.Diverged,
            $"{divergence}; {kept}; try a lower --lr than {settings.Recipe.LearningRate:R}{bound}."
        );
    }

    // into the folder first: if the other place fails, the model is not lost
    private string Save(Trainer chosen, OutputFile file, RunRecord? record)
    {
        Model model = chosen.AveragedModel;
        record?.Save(model);
        string digest = ModelFiles.Save(model, file);
        Consoles.Result($"{output}  sha256 {digest}");
        return digest;
    }

    private static ResultLine OfModel(RunEnd end, Trainer chosen, string digest) =>
        ResultLine.Without(end) with
        {
            Epoch = chosen.Epoch,
            Step = chosen.Steps,
            Model = digest,
        };

    private Judgement JudgeValidation(
        TrainingOutcome outcome,
        Trainer chosen,
        LabelledImages validation,
        CancellationToken stop
    )
    {
        EvaluationReport report =
            outcome.Epochs.FirstOrDefault(epoch => epoch.Epoch == chosen.Epoch)?.Validation
            ?? Evaluator.Evaluate(chosen.AveragedModel, validation, settings.Threads, stop);
        string line = EvaluationOutput.Headline(Validation, report);
        if (outcome.Trainer is { BestEpoch: { } epoch, BestAccuracy: { } accuracy })
            line +=
                chosen == outcome.Trainer
                    ? $", best {Numbers.Percent(accuracy)} in epoch {epoch}"
                    : $", that of epoch {epoch}";
        Consoles.Result(line);
        return new Judgement(chosen.AveragedModel, validation, report);
    }

    private Judgement JudgeTest(Trainer chosen, IImageSource source, CancellationToken stop)
    {
        if (source.MissingTest is { } missing)
        {
            Consoles.Result($"no test images: {missing}");
            return new Judgement(chosen.AveragedModel, Images: null, Report: null);
        }
        LabelledImages test = TestImages.Load(source, chosen.Model);
        EvaluationReport report = Evaluator.Evaluate(chosen.AveragedModel, test, settings.Threads, stop);
        Consoles.Result(EvaluationOutput.Headline(Test, report));
        return new Judgement(chosen.AveragedModel, test, report);
    }

    private void Announce(TrainingSetup setup)
    {
        Recipe recipe = settings.Recipe;
        Model model = setup.Trainer.Model;
        double decay = recipe.EffectiveWeightDecay;
        string decaying = decay == 0 ? "" : $" with weight decay {decay:R}";
        string heldOut = setup.Validation is null ? "" : $" ({setup.Validation.Count} more held out)";
        Consoles.Status(
            $"recipe {recipe.Name}, version {recipe.Version}; training {model.Architecture}: "
                + $"{Numbers.Count(model.ParameterCount, "parameter")}, "
                + $"{Numbers.Count(setup.Batches.Images, "image")}{heldOut}, "
                + $"{Numbers.Count(recipe.Epochs, "epoch")} in batches of {recipe.BatchSize}, "
                + $"{recipe.Optimizer}{decaying}, {recipe.Schedule.Text} at {recipe.LearningRate:R}, "
                + $"augmentation {recipe.Augment}, seed {settings.Seed}, "
                + Numbers.Count(settings.Threads, "thread")
        );
    }
}
