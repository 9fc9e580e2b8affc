using Cnn.Host.Data;
using Cnn.Host.Models;
using Cnn.Host.Output;
using Cnn.Host.Recipes;

namespace Cnn.Host.Training;

/// <summary><c>cnn train</c> from the first check to the last line.</summary>
internal sealed class TrainingRun(TrainSettings settings, string output)
{
    /// <summary>Trains, saves, and looks at the test set once, unless images are held out.</summary>
    /// <exception cref="CommandException">Anything that keeps the run from its end.</exception>
    public ExitCode Execute(CancellationToken stop)
    {
        // the cheap checks first: nobody should train for ten minutes and then learn of them
        OutputFile file = OutputFile.Check(output);
        DataFolder folder = DataFolder.Open(settings.Data ?? DataFolder.Default);
        if (settings.Validation == 0)
            folder.CheckTest();
        TrainingSetup setup = TrainingSetup.Create(settings, folder.LoadTraining());

        Announce(setup);
        TrainingOutcome outcome = new TrainingLoop(
            settings,
            setup.Batches,
            setup.Validation,
            Consoles.CreateTrainingDisplay(settings.Recipe.Epochs, setup.Validation is not null)
        ).Run(setup.Trainer, stop);
        // who gives a patience wants the best
        Trainer? best = settings.Patience is null ? null : outcome.Best;
        Trainer chosen = best ?? outcome.Trainer;

        if (outcome.Divergence is { } divergence)
            throw Diverged(divergence, best, file);
        if (!outcome.IsComplete && outcome.Trainer.Steps == 0)
        {
            // a network that has learned nothing must not take the place of one that may have
            Consoles.Status("interrupted before the first step; no model was written");
            return ExitCode.Interrupted;
        }
        if (!outcome.IsComplete)
            Consoles.Status(
                $"interrupted in epoch {outcome.Trainer.Epoch + 1} of {settings.Recipe.Epochs}, after {Numbers.Count(outcome.Trainer.Steps, "step")} in all; "
                    + (chosen == outcome.Trainer ? "saving the model as it is" : $"saving that of epoch {chosen.Epoch}")
            );
        else if (outcome.Trainer.Epoch < settings.Recipe.Epochs)
            Consoles.Result(
                $"stopped after epoch {outcome.Trainer.Epoch} of {settings.Recipe.Epochs}: no better one since epoch {chosen.Epoch}"
            );
        string digest = ModelFiles.Save(chosen.AveragedModel, file);
        Consoles.Result($"{output}  sha256 {digest}");
        if (!outcome.IsComplete)
            return ExitCode.Interrupted;

        if (setup.Validation is { } validation)
            ReportValidation(outcome, chosen, validation, stop);
        else
            ReportTest(chosen, folder, stop);
        return ExitCode.Success;
    }

    // what was good before is saved, if it was asked for
    private CommandException Diverged(string divergence, Trainer? best, OutputFile file)
    {
        string kept = "no model was written";
        if (best is not null)
        {
            Consoles.Result($"{output}  sha256 {ModelFiles.Save(best.AveragedModel, file)}");
            kept =
                $"{output} is the model of epoch {best.Epoch}, with a validation accuracy of {Numbers.Percent(best.BestAccuracy)}";
        }
        return new CommandException(
            ExitCode.Diverged,
            $"{divergence}; {kept}; try a lower --lr than {settings.Recipe.LearningRate:R}."
        );
    }

    private void ReportValidation(
        TrainingOutcome outcome,
        Trainer chosen,
        LabelledImages validation,
        CancellationToken stop
    )
    {
        EvaluationReport report =
            outcome.Epochs.FirstOrDefault(epoch => epoch.Epoch == chosen.Epoch)?.Validation
            ?? Evaluator.Evaluate(chosen.AveragedModel, validation, settings.Threads, stop);
        string line = EvaluationOutput.Headline("validation", report);
        if (outcome.Trainer is { BestEpoch: { } epoch, BestAccuracy: { } accuracy })
            line +=
                chosen == outcome.Trainer
                    ? $", best {Numbers.Percent(accuracy)} in epoch {epoch}"
                    : $", that of epoch {epoch}";
        Consoles.Result(line);
    }

    private void ReportTest(Trainer chosen, DataFolder folder, CancellationToken stop)
    {
        LabelledImages test = folder.LoadTest();
        EvaluationReport report = Evaluator.Evaluate(chosen.AveragedModel, test, settings.Threads, stop);
        Consoles.Result(EvaluationOutput.Headline("test", report));
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
