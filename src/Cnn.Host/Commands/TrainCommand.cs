using System.CommandLine;
using System.Globalization;
using Cnn.Host.Output;
using Cnn.Host.Recipes;
using Cnn.Host.Runs;
using Cnn.Host.Training;

namespace Cnn.Host.Commands;

/// <summary>The options of <c>cnn train</c>; <see cref="TrainingRun"/> does the work.</summary>
internal static class TrainCommand
{
    public static Command Create()
    {
        var training = new TrainingOptions();
        Option<string?> recipe = NetworkOptions.Recipe();
        Option<int?> patience = Options.OptionalWhole(
            "--patience",
            "Stop when the accuracy on the held-out images has not risen for N epochs, and save the best model, not the last."
        );
        Option<int> seed = Options.Seed(
            TrainingOptions.UsualSeed,
            "Where all randomness starts; the same seed and options give the same model, bit by bit."
        );
        Option<string?> output = Options.Text(
            "--out",
            "model.bin",
            "FILE",
            "Where the model goes. Ctrl-C saves the model as it is then."
        );
        Option<string?> run = Options.Text(
            "--run",
            byDefault: null,
            "FOLDER",
            $"Where all about the run goes: a new or empty folder; {RunFolder.Parent}/TIME-RECIPE-seedSEED unless given."
        );
        var noRun = new Option<bool>("--no-run-folder") { Description = "Leave no such folder, the model alone." };
        var printConfig = new Option<bool>("--print-config")
        {
            Description =
                "Train nothing; print the recipe that would hold, with the other options in it, as a file for --recipe. --seed, --train-size, --validation, --patience, --threads and --data are no part of a recipe.",
        };

        var command = new Command("train", "Train a network, write it to a file, and test it once at the end.")
        {
            recipe,
        };
        foreach (
            Option option in (IEnumerable<Option>)
                [.. training.OfSteps, .. training.OfRuns, patience, seed, output, run, noRun, printConfig]
        )
            command.Add(option);
        command.SetWork(
            (parsed, stop) =>
            {
                string source = parsed.GetRequiredValue(recipe)!;
                TrainSettings settings = training.Resolve(source, parsed, parsed.GetValue(seed)) with
                {
                    Patience = parsed.GetValue(patience),
                };
                if (settings is { Patience: not null, Validation: 0 })
                    throw new CommandException(
                        ExitCode.Usage,
                        "--patience needs images to be held out; give --validation, such as --validation 5000."
                    );
                if (parsed.GetValue(run) is not null && parsed.GetValue(noRun))
                    throw new CommandException(
                        ExitCode.Usage,
                        "--run names a folder for the run, and --no-run-folder leaves none; give one of them."
                    );
                if (parsed.GetValue(printConfig))
                {
                    Consoles.Result(RecipeFile.Write(settings.Recipe));
                    return ExitCode.Success;
                }
                Actions.ReserveThreads(settings.Threads);
                RunChoice? choice = parsed.GetValue(noRun)
                    ? null
                    : new RunChoice(parsed.GetValue(run), source, Repeat(parsed, source, settings.Seed));
                return new TrainingRun(settings, parsed.GetRequiredValue(output)!, choice).Execute(stop);
            }
        );
        return command;

        // what is usual today may be something else tomorrow: recipe and seed are named in any case
        string Repeat(ParseResult parsed, string source, int start) =>
            CommandText.Join([
                "cnn",
                command.Name,
                recipe.Name,
                source,
                .. CommandText.Given(parsed, [.. training.OfSteps, .. training.OfRuns, patience]),
                seed.Name,
                start.ToString(CultureInfo.InvariantCulture),
                .. CommandText.Given(parsed, [output]),
            ]);
    }
}
