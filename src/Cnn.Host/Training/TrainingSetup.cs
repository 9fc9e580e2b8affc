using Cnn.Host.Data;
using Cnn.Host.Recipes;

namespace Cnn.Host.Training;

/// <summary>A run before its first step: what settings and images make together.</summary>
/// <param name="Trainer">At the start.</param>
/// <param name="Batches">What it is going to see.</param>
/// <param name="Validation">What it is not; null when no images are held out.</param>
internal sealed record TrainingSetup(Trainer Trainer, Batches Batches, LabelledImages? Validation)
{
    /// <summary>Splits the images and draws the network.</summary>
    /// <param name="settings">How to train.</param>
    /// <param name="all">The training images of the data set.</param>
    /// <exception cref="CommandException">The settings do not fit the images, or each other.</exception>
    public static TrainingSetup Create(TrainSettings settings, LabelledImages all)
    {
        Recipe recipe = settings.Recipe;
        Split split = Split.Of(all, settings.TrainSize, settings.Validation);
        if (all.Labels.Distinct().Take(2).Count() < 2)
            throw CommandException.BadData(
                $"all {all.Count} training images are of one class, {all.NameOf(all.Labels[0])}; give images of two classes at least, which a network could learn to tell apart."
            );
        Model model = settings.Network.Create(all, recipe.Init, settings.Seed);
        if (recipe.Normalize)
            model = Normalized(model, split.Training);
        var batches = new Batches(split.Training, recipe.BatchSize, recipe.Augmentation, settings.Threads);
        if (batches.Smallest < model.LeastBatch)
            throw new CommandException(
                ExitCode.Usage,
                $"batch normalisation behind a flat layer needs mini-batches of at least {model.LeastBatch} images, but with batches of {recipe.BatchSize} one of the {batches.Images} training images is left by itself; choose another batch-size."
            );
        return new TrainingSetup(
            Trainer.Start(model.WithTrainingCommand(settings.Command), recipe.TrainerSettings, settings.Seed),
            batches,
            split.Validation
        );
    }

    // from the images that are trained on alone: held-out ones are to be as unknown as the test set
    private static Model Normalized(Model model, LabelledImages training)
    {
        try
        {
            (double mean, double deviation) = Model.NormalizationOf(training.Pixels);
            return model.WithNormalization(mean, deviation);
        }
        catch (CnnException cause)
        {
            throw CommandException.BadData($"the images cannot be normalised: {cause.Message.TrimEnd('.')}.", cause);
        }
    }
}
