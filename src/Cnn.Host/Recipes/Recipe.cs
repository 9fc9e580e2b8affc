using Cnn.Host.Augmentations;
using Cnn.Host.Training;

namespace Cnn.Host.Recipes;

/// <summary>
/// How to train: all that a result depends on beside the images, the seed and the build. Every value is possible, for
/// <see cref="RecipeFile"/> and the options of the commands check theirs.
/// </summary>
/// <param name="Name">What the recipe is called.</param>
/// <param name="Version">Counts up when the numbers change: results of different versions do not compare.</param>
/// <param name="Description">What it is for.</param>
/// <param name="Arch">The layers in the text form; the word "classes" stands for the number of classes of the data.</param>
/// <param name="Init">How weights are drawn, in the core's notation.</param>
/// <param name="Epochs">Passes over the training images; at least 0.</param>
/// <param name="BatchSize">Images in a mini-batch; at least 1.</param>
/// <param name="Optimizer">One of the names of <see cref="Trainer.Optimizers"/>.</param>
/// <param name="LearningRate">The highest of the run; above 0.</param>
/// <param name="ScheduleText">The text form of <see cref="Schedule"/>.</param>
/// <param name="WeightDecay">
/// See <see cref="Cnn.TrainerSettings"/>, as for the next three; 0 for none, null for the usual one of the optimizer.
/// </param>
/// <param name="LabelSmoothing">0 for none.</param>
/// <param name="ClipNorm">0 for no bound.</param>
/// <param name="AverageDecay">0 for no average.</param>
/// <param name="Augment">The text form of <see cref="Augmentation"/>.</param>
/// <param name="Normalize">Whether inputs are brought to mean 0 and variance 1, those of the training images.</param>
internal sealed record Recipe(
    string Name,
    int Version,
    string Description,
    string Arch,
    string Init,
    int Epochs,
    int BatchSize,
    string Optimizer,
    double LearningRate,
    string ScheduleText,
    double? WeightDecay,
    double LabelSmoothing,
    double ClipNorm,
    double AverageDecay,
    string Augment,
    bool Normalize
)
{
    // the decay of torch.optim.AdamW; without one it would be adam
    private const string DecayingOptimizer = "adamw";
    private const double UsualDecay = 0.01;

    /// <summary>The weight decay that holds.</summary>
    public double EffectiveWeightDecay => WeightDecay ?? (Optimizer == DecayingOptimizer ? UsualDecay : 0);

    /// <summary>The learning rate of every step.</summary>
    public Schedule Schedule => Schedule.Parse(ScheduleText, LearningRate);

    /// <summary>How training images are varied.</summary>
    public Augmentation Augmentation => Augmentation.Parse(Augment);

    /// <summary>How the core learns.</summary>
    public TrainerSettings TrainerSettings =>
        new(Optimizer, EffectiveWeightDecay, LabelSmoothing, ClipNorm, AverageDecay);

    /// <summary>Reads the texts that stand for something, so that a wrong one is known before any work is done.</summary>
    /// <exception cref="CommandException">Usage: the sentence says what is wrong.</exception>
    public void Check()
    {
        _ = (Schedule, Augmentation);
        CheckInitializer(Init);
    }

    /// <summary>Whether the core can draw weights that way.</summary>
    /// <exception cref="CommandException">Usage: it cannot.</exception>
    public static void CheckInitializer(string text)
    {
        try
        {
            // on the smallest network that there is
            Model.Create("flatten, dense 1", channels: 1, height: 1, width: 1, text, seed: 0);
        }
        catch (CnnException cause)
        {
            throw new CommandException(ExitCode.Usage, $"{cause.Message.TrimEnd('.')}.", cause);
        }
    }
}
