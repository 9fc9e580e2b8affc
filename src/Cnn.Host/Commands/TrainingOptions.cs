using System.CommandLine;
using Cnn.Host.Models;
using Cnn.Host.Recipes;
using Cnn.Host.Training;

namespace Cnn.Host.Commands;

/// <summary>
/// The options of all commands that train: a flag for each key of a recipe, and on what to train. Those of a recipe have no
/// defaults: what is not given is as the recipe says.
/// </summary>
internal sealed class TrainingOptions
{
    /// <summary>Where randomness starts unless the user says so.</summary>
    public const int UsualSeed = 1;

    private readonly NetworkOptions network = new();

    private readonly Option<string?> init = Options.Text(
        Flag(RecipeKeys.Init),
        byDefault: null,
        "he|glorot|normal:DEVIATION",
        "How the weights are drawn, such as normal:0.01.",
        "he",
        "glorot",
        "normal:0.01"
    );

    private readonly Option<int?> epochs = Options.OptionalWhole(
        Flag(RecipeKeys.Epochs),
        "Passes over the training images; 0 writes the untrained network.",
        least: 0
    );

    private readonly Option<int?> batchSize = Options.OptionalWhole(
        Flag(RecipeKeys.BatchSize),
        "Images in a mini-batch; the last one of an epoch may be smaller."
    );

    private readonly Option<string?> optimizer = Options.Choice(
        Flag(RecipeKeys.Optimizer),
        byDefault: null,
        Trainer.Optimizers,
        "How gradients become steps."
    );

    private readonly Option<double?> learningRate = Options.OptionalNumber(
        Flag(RecipeKeys.LearningRate),
        NumberRange.Positive,
        "The highest learning rate of the run."
    );

    private readonly Option<string?> schedule = Options.Text(
        Flag(RecipeKeys.Schedule),
        byDefault: null,
        "TEXT",
        $"How the learning rate changes over the run: {Schedule.Forms}. WARM-UP is the part of the run in which it rises, FACTOR what it is multiplied by from each of the parts AT on."
    );

    private readonly Option<double?> weightDecay = Options.OptionalNumber(
        Flag(RecipeKeys.WeightDecay),
        NumberRange.NotNegative,
        "At each step, take this part of every weight, times the learning rate, off it; adamw: 0.01 where neither flag nor recipe says."
    );

    private readonly Option<double?> labelSmoothing = Options.OptionalNumber(
        Flag(RecipeKeys.LabelSmoothing),
        NumberRange.BelowOne,
        "Spread this part of every label over all classes."
    );

    private readonly Option<double?> clipNorm = Options.OptionalNumber(
        Flag(RecipeKeys.ClipNorm),
        NumberRange.NotNegative,
        "Shorten a gradient that is longer than this; 0 for no bound."
    );

    private readonly Option<double?> averageDecay = Options.OptionalNumber(
        Flag(RecipeKeys.AverageDecay),
        NumberRange.BelowOne,
        "Keep a moving average of the weights, with this decay a step, and save that; 0 for none."
    );

    private readonly Option<string?> augment = Options.Augmentation(byDefault: null);

    private readonly Option<bool?> normalize = new(Flag(RecipeKeys.Normalize))
    {
        Description =
            "Bring the inputs to mean 0 and variance 1, those of the training images; false: leave them from 0 to 1.",
        HelpName = "true|false",
        CompletionSources = { "true", "false" },
    };

    private readonly Option<int?> trainSize = Options.OptionalWhole(
        "--train-size",
        "Train on the first N images only; all of them unless given."
    );

    private readonly Option<int> validation = Options.Whole(
        "--validation",
        byDefault: 0,
        "Hold out the last N training images and report on them after each epoch; the test set is then left unopened.",
        least: 0
    );

    private readonly Option<int> threads = Options.Threads();

    private readonly DataOptions data = new("What to train on");

    /// <summary><c>--threads</c>.</summary>
    public Option<int> Threads => threads;

    /// <summary><c>--data</c>.</summary>
    public Option<string?> Data => data.Path;

    /// <summary>Those that matter to every step.</summary>
    public IEnumerable<Option> OfSteps =>
        [
            network.Model,
            network.Arch,
            init,
            batchSize,
            optimizer,
            weightDecay,
            labelSmoothing,
            clipNorm,
            augment,
            normalize,
            trainSize,
            threads,
            .. data.All,
        ];

    /// <summary>Those that matter to whole runs alone.</summary>
    public IEnumerable<Option> OfRuns => [epochs, learningRate, schedule, averageDecay, validation];

    /// <summary>A recipe with what the user wants otherwise, and on what to train.</summary>
    /// <param name="recipe">Its name or path.</param>
    /// <param name="parsed">The command line; what the command does not have counts as not given.</param>
    /// <param name="seed">The root of all randomness.</param>
    /// <exception cref="CommandException">Usage: two networks, or a text that cannot be read; bad data: the recipe.</exception>
    public TrainSettings Resolve(string recipe, ParseResult parsed, int seed)
    {
        Recipe start = RecipeFile.Load(recipe);
        NetworkChoice choice = network.Choose(parsed, start, recipe);
        Recipe wanted = start with
        {
            Name = string.Join(' ', [start.Name, .. Changes(parsed)]),
            Arch = choice.Text,
            Init = parsed.GetValue(init) ?? start.Init,
            Epochs = parsed.GetValue(epochs) ?? start.Epochs,
            BatchSize = parsed.GetValue(batchSize) ?? start.BatchSize,
            Optimizer = parsed.GetValue(optimizer) ?? start.Optimizer,
            LearningRate = parsed.GetValue(learningRate) ?? start.LearningRate,
            ScheduleText = parsed.GetValue(schedule) ?? start.ScheduleText,
            WeightDecay = parsed.GetValue(weightDecay) ?? start.WeightDecay,
            LabelSmoothing = parsed.GetValue(labelSmoothing) ?? start.LabelSmoothing,
            ClipNorm = parsed.GetValue(clipNorm) ?? start.ClipNorm,
            AverageDecay = parsed.GetValue(averageDecay) ?? start.AverageDecay,
            Augment = parsed.GetValue(augment) ?? start.Augment,
            Normalize = parsed.GetValue(normalize) ?? start.Normalize,
        };
        wanted.Check();
        choice.Check();
        return new TrainSettings(
            wanted,
            choice,
            parsed.GetValue(trainSize),
            parsed.GetValue(validation),
            Patience: null,
            seed,
            parsed.GetValue(threads),
            data.Choose(parsed)
        );
    }

    // what the name of a recipe must not hide: "default --lr 0.1"
    private IEnumerable<string> Changes(ParseResult parsed) =>
        CommandText.Given(parsed, OfSteps.Concat(OfRuns).Except([trainSize, validation, threads, .. data.All]));

    private static string Flag(string key) => $"--{key}";
}
