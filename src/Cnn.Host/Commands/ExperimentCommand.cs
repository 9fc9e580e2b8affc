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
    private const double UsualReach = 99;

    public static Command Create()
    {
        var recipe = new Argument<string>("RECIPE")
        {
            HelpName = "RECIPE",
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
        recipe.CompletionSources.Add([.. RecipeFile.Names]);
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
        Option<double?> reach = Options.OptionalNumber(
            "--reach",
            NumberRange.Percent,
            $"With --validation, tell how long it took to recognise this many per cent of the held-out images; {UsualReach} unless given."
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
            reach,
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
                bool isMarkdown = parsed.GetValue(markdown);
                // a table is made of what can be read
                if (!isMarkdown && OutputFile.Check(path).IsDevice)
                    throw new CommandException(
                        ExitCode.Usage,
                        $"{output.Name} {path} is a device; name a file, such as results.jsonl, from which results can be read again."
                    );
                OutputFile? picture = parsed.GetValue(plot) is { } file ? OutputFile.Check(file, plot.Name) : null;
                if (picture is not null && picture.IsAt(path))
                    throw new CommandException(
                        ExitCode.Usage,
                        $"{plot.Name} would take the place of the results in {path}; name another file."
                    );
                double? level = parsed.GetValue(reach);
                if (level is not null && train.Validation == 0)
                    throw new CommandException(
                        ExitCode.Usage,
                        $"{reach.Name} needs images to be held out; give --validation, such as --validation 5000."
                    );
                Actions.ReserveThreads(train.Threads);
                var run = new ExperimentRun(
                    new ExperimentSettings(train, parsed.GetValue(firstSeed), parsed.GetValue(seeds), path),
                    stop
                );
                var show = new ExperimentOutput(train.Validation == 0 ? null : level ?? UsualReach);
                IReadOnlyList<ExperimentResult> results;
                if (isMarkdown)
                    show.WriteMarkdown(results = run.Known());
                else
                    results = show.WriteText(run.Results());
                Draw(results, picture);
                string diverged = string.Join(", ", results.Where(result => result.Diverged).Select(r => r.Seed));
                return isMarkdown || diverged.Length == 0
                    ? ExitCode.Success
                    : throw new CommandException(
                        ExitCode.Diverged,
                        $"training diverged with seed {diverged}; try a lower --lr than {train.Recipe.LearningRate:R}."
                    );
            }
        );
        return command;
    }

    private static void Draw(IReadOnlyList<ExperimentResult> results, OutputFile? picture)
    {
        List<ExperimentResult> drawn = [.. results.Where(result => result.Curve.Count > 0)];
        if (picture is not null && drawn.Count == 0)
            Consoles.Status("no seed came to the end of an epoch; no chart was drawn");
        else
            picture?.Write(LearningCurves.Draw(drawn));
    }
}
