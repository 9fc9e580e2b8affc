using System.CommandLine;
using Cnn.Host.Augmentations;
using Cnn.Host.Data;
using Cnn.Host.Figures;
using Cnn.Host.Models;
using Cnn.Host.Output;
using Cnn.Host.Recipes;

namespace Cnn.Host.Commands;

/// <summary><c>cnn augment</c>: what an augmentation makes of the training images.</summary>
internal static class AugmentCommand
{
    // of rows and of columns; no picture could hold as many of both
    private const int Most = 1000;

    public static Command Create()
    {
        Option<string?> augment = Options.Augmentation(byDefault: null);
        Option<string?> recipe = NetworkOptions.Recipe();
        Option<string?> preview = Options.Text(
            "--preview",
            "augment.png",
            "FILE",
            "Where the picture goes: a row for each image, first as it is, then as each epoch sees it."
        );
        Option<int> index = Options.Whole("--index", 0, "The first training image to show, counted from 0.", least: 0);
        Option<int> count = Options.Whole("--count", 8, "How many training images to show.", least: 1, Most);
        Option<int> variations = Options.Whole(
            "--variations",
            8,
            "Variations of each image: those of so many epochs.",
            least: 0,
            Most
        );
        Option<int> seed = Options.Seed(
            TrainingOptions.UsualSeed,
            "The variations are those of cnn train with the same seed."
        );
        var data = new DataOptions("Whose training images to show");
        var command = new Command("augment", "Draw training images beside the variations that training would see.")
        {
            augment,
            recipe,
            preview,
            index,
            count,
            variations,
            seed,
        };
        foreach (Option option in data.All)
            command.Add(option);
        command.SetWork(
            (parsed, _) =>
            {
                Augmentation augmentation = parsed.GetValue(augment) is { } text
                    ? Augmentation.Parse(text)
                    : RecipeFile.Load(parsed.GetRequiredValue(recipe)!).Augmentation;
                string path = parsed.GetRequiredValue(preview)!;
                OutputFile output = OutputFile.Check(path, "--preview", "augment.png");
                LabelledImages images = data.Choose(parsed).LoadTraining();
                var figure = new AugmentationPreview(
                    images,
                    parsed.GetValue(index),
                    parsed.GetValue(count),
                    parsed.GetValue(variations),
                    augmentation,
                    parsed.GetValue(seed)
                );
                Check(figure);
                output.Write(figure.Draw());
                Consoles.Result(
                    $"{path}  {figure.Layout.Width}x{figure.Layout.Height} pixels: "
                        + $"{Numbers.Count(figure.Count, "training image")} from index {figure.First} on, each with "
                        + $"{Numbers.Count(figure.Variations, "variation")} by {augmentation.Text} (seed {figure.Seed})"
                );
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static void Check(AugmentationPreview figure)
    {
        int left = figure.Images.Count - figure.First;
        if (figure.Count > left)
            throw new CommandException(
                ExitCode.Usage,
                left > 0
                    ? $"--count {figure.Count} is too large: from --index {figure.First} on there are {left} training images."
                    : $"--index {figure.First} is too large: there are {figure.Images.Count} training images, counted from 0."
            );
        if (!ImageGrid.CanHold(figure.Layout))
            throw new CommandException(
                ExitCode.Usage,
                $"a picture of {figure.Layout.Width}x{figure.Layout.Height} pixels is too large; lower --count or --variations."
            );
    }
}
