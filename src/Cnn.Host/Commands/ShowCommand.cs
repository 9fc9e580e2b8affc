using System.CommandLine;
using Cnn.Host.Data;
using Cnn.Host.Models;
using Cnn.Host.Output;
using Cnn.Host.Training;

namespace Cnn.Host.Commands;

/// <summary><c>cnn show</c>: one image in the terminal, and what a model takes it for.</summary>
internal static class ShowCommand
{
    // classes that are shown unless the user says how many
    private const int UsualClasses = 10;

    public static Command Create()
    {
        Argument<string?> file = Options.ModelFile(optional: false, "The model, as cnn train wrote it.");
        Argument<string?> image = Options.Image(
            optional: true,
            "A PNG or JPEG file, instead of --index; one of another size is fitted into the middle of a black image of the right one."
        );
        Option<int?> index = Options.OptionalWhole("--index", "The test image to show, counted from 0.", least: 0);
        Option<string?> data = Options.Data(
            $"Where the test image of --index is: {Options.DataKinds}; the MNIST files of the program unless given."
        );
        var invert = new Option<bool>("--invert")
        {
            Description =
                "Show the model the negative of IMAGE: for dark ink on white paper, where it has learned light ink on black, as MNIST is.",
        };
        Option<int?> top = Options.OptionalWhole(
            "--top",
            $"So many classes, the most probable first; unless given, all in their order, or the first {UsualClasses} of more."
        );
        var command = new Command("show", "Show an image in the terminal, and the probability of each class.")
        {
            file,
            image,
            index,
            data,
            invert,
            top,
        };
        command.SetWork(
            (parsed, _) =>
            {
                string first = parsed.GetRequiredValue(file)!;
                Check(
                    first,
                    parsed.GetValue(image),
                    parsed.GetValue(index),
                    parsed.GetValue(data),
                    parsed.GetValue(invert)
                );
                ShownImage shown;
                Model model;
                if (parsed.GetValue(image) is { } second)
                {
                    (string modelPath, string imagePath) = TellApart(first, second);
                    model = ModelFiles.Load(modelPath);
                    shown = Prepare(model, imagePath, parsed.GetValue(invert));
                }
                else
                {
                    model = ModelFiles.Load(first);
                    LabelledImages test = TestImages.Load(parsed.GetValue(data), model);
                    shown = Take(model, test, parsed.GetValue(index)!.Value);
                }
                ShowOutput.Write(shown, Choose(model, Ask(model, shown.Picture), parsed.GetValue(top)));
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static void Check(string file, string? image, int? index, string? data, bool isInverted)
    {
        string? sentence = (image, index) switch
        {
            (not null, not null) => "an IMAGE and --index both say which image to show; give one of them.",
            (null, null) when ImageFile.IsLikely(file) =>
                $"{file} is an image, and a model is needed as well: cnn show model.bin {file}.",
            (null, null) => "an image is needed: --index N for a test image, or a PNG or JPEG file behind the model.",
            (not null, _) when data is not null =>
                "--data is for the test image that --index says; leave it out for an IMAGE.",
            (null, _) when isInverted =>
                "--invert is for an IMAGE; test images are as those that the model was trained on.",
            _ => null,
        };
        if (sentence is not null)
            throw new CommandException(ExitCode.Usage, sentence);
    }

    // the image may come first as well, where the files themselves leave no doubt
    private static (string Model, string Image) TellApart(string first, string second) =>
        !ModelFiles.IsLikely(first) && (ModelFiles.IsLikely(second) || ImageFile.IsLikely(first))
            ? (second, first)
            : (first, second);

    private static double[] Ask(Model model, Picture picture)
    {
        double[] probabilities = model.Probabilities(picture.Pixels, 1).ToArray();
        return probabilities.All(double.IsFinite)
            ? probabilities
            : throw CommandException.BadData(
                "the model's scores of this image are too large for a number, as after a training that diverged; train it anew."
            );
    }

    private static ShownImage Take(Model model, LabelledImages test, int index)
    {
        if (index >= test.Count)
            throw new CommandException(
                ExitCode.Usage,
                $"--index {index} is too large: there are {Numbers.Count(test.Count, "test image")}, counted from 0."
            );
        var picture = new Picture(
            test.Channels,
            test.Height,
            test.Width,
            test.Pixels.AsMemory(index * test.ImageSize, test.ImageSize)
        );
        string truth = model.ClassNames[test.Labels[index]];
        return new ShownImage($"test image {index}, class {truth}", picture, truth);
    }

    private static ShownImage Prepare(Model model, string path, bool isInverted)
    {
        (int channels, int height, int width) = (model.InputShape[0], model.InputShape[1], model.InputShape[2]);
        if (channels is not (1 or 3))
            throw CommandException.BadData(
                $"the model takes images of {channels} channels, and a picture has 1 or 3; use --index for an image of its data."
            );
        Picture picture = ImageFile.Read(path);
        string caption = $"{path}, {picture.Width}x{picture.Height} pixels";
        if ((picture.Height, picture.Width) != (height, width))
            caption += $", fitted into {width}x{height}";
        if (isInverted)
            caption += ", inverted";
        picture = channels == 1 ? picture.ToGrey() : picture.ToColour();
        // black around what is inverted already: that is the background the model knows
        picture = (isInverted ? picture.Inverted() : picture).Letterboxed(height, width);
        return new ShownImage(caption, picture, Truth: null);
    }

    private static ClassProbability[] Choose(Model model, double[] probabilities, int? top)
    {
        ClassProbability[] all =
        [
            .. probabilities.Select((part, label) => new ClassProbability(model.ClassNames[label], part)),
        ];
        return top is null && all.Length <= UsualClasses
            ? all
            : [.. all.OrderByDescending(one => one.Probability).Take(top ?? UsualClasses)];
    }
}
