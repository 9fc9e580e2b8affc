using System.CommandLine;
using System.CommandLine.Parsing;
using Cnn.Host.Experiments;
using Cnn.Host.Figures;
using Cnn.Host.Models;
using Cnn.Host.Output;
using Cnn.Host.Recipes;
using Cnn.Host.Training;

namespace Cnn.Host.Commands;

/// <summary><c>cnn experiment</c>: what a recipe gives over several seeds.</summary>
internal static class ExperimentCommand
{
    private const int UsualSeeds = 5;
    private const int MostSeeds = 1000;
    private const int HighestFirstSeed = 1_000_000_000;

    public static Command Create()
    {
        var recipe = new Argument<string>("RECIPE")
        {
            Description = $"One of {string.Join(", ", RecipeFile.Names)}, or a file.",
            CustomParser = given =>
            {
                // the parser takes an unknown option for the recipe, which is never meant
                string text = given.Tokens[0].Value;
                if (text.StartsWith("--", StringComparison.Ordinal))
                    given.AddError(UsageErrors.DescribeStray(((CommandResult)given.Parent!).Command, text));
                return text;
            },
        };
        var training = new TrainingOptions();
        Option<int> seeds = Options.Whole("--seeds", UsualSeeds, "How many seeds.", least: 1, most: MostSeeds);
        Option<int> firstSeed = Options.Whole(
            "--first-seed",
            TrainingOptions.UsualSeed,
            "The first of them.",
            least: 0,
            most: HighestFirstSeed
        );
        Option<string?> output = Options.Text(
            "--out",
            byDefault: null,
            "FILE",
            "Where a JSON line a seed is added; what is there is not computed again. RECIPE.jsonl unless given."
        );
        var markdown = new Option<bool>("--markdown")
        {
            Description = "Train nothing; print the results of the file as a table in Markdown.",
        };
        Option<string?> plot = Options.Text(
            "--plot",
            byDefault: null,
            "FILE",
            "Draw the learning curves of all seeds, as a PNG file."
        );

        var command = new Command(
            "experiment",
            "Train a recipe with several seeds, keep every result, and give their mean and standard deviation."
        )
        {
            recipe,
            seeds,
            firstSeed,
            output,
            markdown,
            plot,
        };
        foreach (Option option in training.OfSteps.Concat(training.OfRuns))
            command.Add(option);
        command.SetWork(
            (parsed, stop) =>
            {
                string source = parsed.GetRequiredValue(recipe);
                TrainSettings train = training.Resolve(source, parsed, seed: 0);
                if (train.Recipe.Epochs == 0)
                    throw new CommandException(
                        ExitCode.Usage,
                        "without an epoch there is nothing to find out; give --epochs."
                    );
                string path = parsed.GetValue(output) ?? $"{Path.GetFileNameWithoutExtension(source)}.jsonl";
                OutputFile.Check(path);
                OutputFile? picture = parsed.GetValue(plot) is { } file ? OutputFile.Check(file, plot.Name) : null;
                Actions.ReserveThreads(train.Threads);
                var run = new ExperimentRun(
                    new ExperimentSettings(train, parsed.GetValue(firstSeed), parsed.GetValue(seeds), path),
                    stop
                );
                IReadOnlyList<ExperimentResult> results;
                if (parsed.GetValue(markdown))
                    ExperimentOutput.WriteMarkdown(results = run.Known());
                else
                    results = ExperimentOutput.WriteText(run.Results());
                picture?.Write(LearningCurves.Draw(results));
                return ExitCode.Success;
            }
        );
        return command;
    }
}
