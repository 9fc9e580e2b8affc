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
        Option<string?> resume = Options.Text(
            "--resume",
            byDefault: null,
            "FOLDER",
            $"Go on with the run in this folder, from its last checkpoint, exactly as if it had never stopped. Only --stop-after, --threads, --data and --out go with it."
        );
        Option<double?> stopAfter = Options.OptionalNumber(
            "--stop-after",
            NumberRange.Positive,
            "Stop after so many epochs from the start of the run, such as 2 or 2.5, as Ctrl-C would; the schedule stays that of the whole run."
        );
        var noRun = new Option<bool>("--no-run-folder") { Description = "Leave no such folder, the model alone." };
        var printConfig = new Option<bool>("--print-config")
        {
            Description =
                "Train nothing; print the recipe that would hold, with the other options in it, as a file for --recipe. --seed, --train-size, --validation, --patience, --threads and the data are no part of a recipe.",
        };

        var command = new Command("train", "Train a network, write it to a file, and test it once at the end.")
        {
            recipe,
        };
        foreach (
            Option option in (IEnumerable<Option>)
                [
                    .. training.OfSteps,
                    .. training.OfRuns,
                    patience,
                    seed,
                    output,
                    run,
                    noRun,
                    resume,
                    stopAfter,
                    printConfig,
                ]
        )
            command.Add(option);
        command.SetWork(
            (parsed, stop) =>
            {
                if (parsed.GetValue(resume) is { } begun)
                    return GoOn(parsed, begun, stop);
                string source = parsed.GetRequiredValue(recipe)!;
                TrainSettings settings = training.Resolve(source, parsed, parsed.GetValue(seed)) with
                {
                    Patience = parsed.GetValue(patience),
                    StopAfter = parsed.GetValue(stopAfter),
                };
                settings = settings with
                {
                    Command = Repeat(parsed, source, settings.Seed, except: [training.Threads]),
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
                    : new RunChoice(
                        parsed.GetValue(run),
                        source,
                        Repeat(parsed, source, settings.Seed, except: []) + Given(parsed, output)
                    );
                return new TrainingRun(settings, parsed.GetRequiredValue(output)!, choice).Execute(stop);
            }
        );
        return command;

        // what is usual today may be something else tomorrow: recipe and seed are named in any case
        string Repeat(ParseResult parsed, string source, int start, IEnumerable<Option> except) =>
            ShellWords.Join([
                "cnn",
                command.Name,
                recipe.Name,
                source,
                .. CommandText.Given(parsed, training.OfSteps.Concat(training.OfRuns).Append(patience).Except(except)),
                seed.Name,
                start.ToString(CultureInfo.InvariantCulture),
            ]);

        ExitCode GoOn(ParseResult parsed, string folder, CancellationToken stop)
        {
            Option[] possible = [resume, stopAfter, training.Threads, training.Data, output];
            if (CommandText.Given(parsed, command.Options.Except(possible)).FirstOrDefault() is { } stray)
                throw new CommandException(
                    ExitCode.Usage,
                    $"--resume goes on with a run as it began, and {stray} would change it; leave it out, or start a new run."
                );
            using var stored = StoredRun.Open(folder);
            // who names another file wants the model there
            if (stored.IsComplete && parsed.GetResult(output) is null or { Implicit: true })
            {
                Consoles.Result($"the run in {folder} is complete; its model is {stored.Folder[RunRecord.ModelName]}");
                return ExitCode.Success;
            }
            TrainSettings settings = stored.Settings with
            {
                StopAfter = parsed.GetValue(stopAfter),
                Threads = parsed.GetResult(training.Threads) is { Implicit: false }
                    ? parsed.GetValue(training.Threads)
                    : stored.Settings.Threads,
                Data = stored.Settings.Data with { Path = parsed.GetValue(training.Data) ?? stored.Settings.Data.Path },
            };
            string target = parsed.GetResult(output) is { Implicit: false }
                ? parsed.GetRequiredValue(output)!
                : stored.Output;
            Actions.ReserveThreads(settings.Threads);
            return new TrainingRun(settings, target, choice: null, stored).Execute(stop);
        }
    }

    // with a space before it, or nothing
    private static string Given(ParseResult parsed, Option option) =>
        ShellWords.Join([.. CommandText.Given(parsed, [option])]) is { Length: > 0 } words ? $" {words}" : "";
}
