using Cnn.Host.Data;
using Cnn.Host.Models;
using Cnn.Host.Output;

namespace Cnn.Host.Training;

/// <summary><c>cnn train</c> from the first check to the last line.</summary>
internal sealed class TrainingRun(TrainSettings settings)
{
    /// <summary>Trains, saves, and looks at the test set once, unless images are held out.</summary>
    /// <exception cref="CommandException">Anything that keeps the run from its end.</exception>
    public ExitCode Execute(CancellationToken stop)
    {
        // the cheap checks first: nobody should train for ten minutes and then learn of them
        OutputFile output = OutputFile.Check(settings.Out);
        DataFolder folder = DataFolder.Open(settings.Data ?? DataFolder.Default);
        LabelledImages all = folder.LoadTraining();
        Split split = Split.Of(all, settings.TrainSize, settings.Validation);
        Model model = settings.Network.Create(all, settings.Initializer, settings.Seed);
        Trainer trainer = Trainer.Start(model, settings.Optimizer, settings.Seed);
        var batches = new Batches(split.Training, settings.BatchSize, settings.Augmentation, settings.Threads);

        Announce(model, batches, split.Validation);
        TrainingOutcome outcome = new TrainingLoop(
            settings,
            batches,
            split.Validation,
            Consoles.CreateTrainingDisplay(settings.Epochs, split.Validation is not null)
        ).Run(trainer, stop);

        bool interrupted = outcome.Trainer.Epoch < settings.Epochs;
        if (interrupted && outcome.Trainer.Steps == 0)
        {
            // a network that has learned nothing must not take the place of one that may have
            Consoles.Status("interrupted before the first step; no model was written");
            return ExitCode.Interrupted;
        }
        if (interrupted)
            Consoles.Status(
                $"interrupted in epoch {outcome.Trainer.Epoch + 1} of {settings.Epochs}, after {Numbers.Count(outcome.Trainer.Steps, "step")} in all; saving the model as it is"
            );
        string digest = ModelFiles.Save(outcome.Trainer.Model, output);
        Consoles.Result($"{settings.Out}  sha256 {digest}");
        if (interrupted)
            return ExitCode.Interrupted;

        if (split.Validation is { } validation)
            ReportValidation(outcome, validation, stop);
        else
            ReportTest(outcome, folder, stop);
        return ExitCode.Success;
    }

    private void ReportValidation(TrainingOutcome outcome, LabelledImages validation, CancellationToken stop)
    {
        EvaluationReport report =
            outcome.Last?.Validation ?? Evaluator.Evaluate(outcome.Trainer.Model, validation, settings.Threads, stop);
        string line = EvaluationOutput.Headline("validation", report);
        if (outcome.Trainer is { BestEpoch: { } epoch, BestAccuracy: { } accuracy })
            line += $", best {Numbers.Percent(accuracy)} in epoch {epoch}";
        Consoles.Result(line);
    }

    private void ReportTest(TrainingOutcome outcome, DataFolder folder, CancellationToken stop)
    {
        LabelledImages test = folder.LoadTest();
        EvaluationReport report = Evaluator.Evaluate(outcome.Trainer.Model, test, settings.Threads, stop);
        Consoles.Result(EvaluationOutput.Headline("test", report));
    }

    private void Announce(Model model, Batches batches, LabelledImages? validation)
    {
        string heldOut = validation is null ? "" : $" ({validation.Count} more held out)";
        Consoles.Status(
            $"training {model.Architecture}: {Numbers.Count(model.ParameterCount, "parameter")}, "
                + $"{Numbers.Count(batches.Images, "image")}{heldOut}, "
                + $"{Numbers.Count(settings.Epochs, "epoch")} in batches of {settings.BatchSize}, "
                + $"{settings.Optimizer}, {settings.Schedule.Name} at {settings.Schedule.Peak:R}, "
                + $"augmentation {settings.Augmentation.Text}, seed {settings.Seed}, "
                + Numbers.Count(settings.Threads, "thread")
        );
    }
}
