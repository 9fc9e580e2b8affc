using System.CommandLine;
using Cnn.Host.Data;
using Cnn.Host.Figures;
using Cnn.Host.Models;
using Cnn.Host.Output;
using Cnn.Host.Training;

namespace Cnn.Host.Commands;

/// <summary><c>cnn lr-find</c>: which learning rates a recipe can bear.</summary>
internal static class LearningRateCommand
{
    private const double UsualLowest = 1e-5;
    private const double UsualHighest = 10;
    private const int UsualSteps = 300;
    private const int LeastSteps = 10;
    private const int MostSteps = 1_000_000;

    public static Command Create()
    {
        var training = new TrainingOptions();
        Option<string?> recipe = NetworkOptions.Recipe();
        Option<double> lowest = Options.Positive("--lr-min", UsualLowest, "The first learning rate.");
        Option<double> highest = Options.Positive("--lr-max", UsualHighest, "The last one, if the loss bears it.");
        Option<int> steps = Options.Whole(
            "--steps",
            UsualSteps,
            "How many rates to try, each on one mini-batch.",
            LeastSteps,
            MostSteps
        );
        Option<int> seed = Options.Seed(TrainingOptions.UsualSeed, "Where all randomness starts.");
        Option<string?> plot = Options.Text(
            "--plot",
            "lr-find.png",
            "FILE",
            "Where the chart goes, as a PNG file; with --json there is none unless this is given."
        );
        Option<bool> json = Options.Json();
        var command = new Command(
            "lr-find",
            "Raise the learning rate at every step of a short run, and suggest one from what the loss does."
        )
        {
            recipe,
            lowest,
            highest,
            steps,
            plot,
            json,
        };
        foreach (Option option in training.OfSteps.Append(seed))
            command.Add(option);
        command.SetWork(
            (parsed, stop) =>
            {
                TrainSettings settings = training.Resolve(
                    parsed.GetRequiredValue(recipe)!,
                    parsed,
                    parsed.GetValue(seed)
                );
                (double first, double last) = (parsed.GetValue(lowest), parsed.GetValue(highest));
                if (first >= last)
                    throw new CommandException(
                        ExitCode.Usage,
                        $"--lr-min {first:R} is not below --lr-max {last:R}; give a lower one."
                    );
                // who asks for JSON is a program, and looks at no chart that it did not ask for
                bool isDrawn = !parsed.GetValue(json) || parsed.GetResult(plot) is { Implicit: false };
                OutputFile? picture = isDrawn ? OutputFile.Check(parsed.GetRequiredValue(plot)!, plot.Name) : null;
                Actions.ReserveThreads(settings.Threads);
                LabelledImages images = settings.Data.LoadTraining();
                var test = RateRangeTest.Run(
                    TrainingSetup.Create(settings, images),
                    first,
                    last,
                    parsed.GetValue(steps),
                    settings.Threads,
                    stop
                );
                if (test.Points.Count == 0)
                    throw new CommandException(
                        ExitCode.Diverged,
                        "the loss of the first mini-batch is no finite number; draw smaller weights with --init."
                    );
                if (parsed.GetValue(json))
                    RateRangeOutput.WriteJson(test);
                else
                    RateRangeOutput.WriteText(test);
                picture?.Write(
                    RateRangeChart.Draw(test, $"learning-rate range test: {settings.Recipe.Name}, seed {settings.Seed}")
                );
                return ExitCode.Success;
            }
        );
        return command;
    }
}
