using System.CommandLine;
using Cnn.Host.Data;
using Cnn.Host.Models;
using Cnn.Host.Output;
using Cnn.Host.Preparation;

namespace Cnn.Host.Commands;

/// <summary><c>cnn predict</c>: what a model takes pictures for.</summary>
internal static class PredictCommand
{
    private const int UsualClasses = 3;
    private const string Mnist = "mnist";
    private const string Fit = "fit";

    public static Command Create()
    {
        Argument<string?> file = Options.ModelFile(optional: false, "The model, as cnn train wrote it.");
        Argument<string[]> images = Options.Files(
            "FILE",
            $"PNG, JPEG or BMP files, patterns such as \"digits/**/*.png\", or {PictureInputs.Stdin} for stdin: such a file, or the bytes of images in the model's size."
        );
        Option<int> top = Options.Whole("--top", UsualClasses, "So many classes, the most probable first.", least: 1);
        Option<string?> prepare = Options.Choice(
            "--prepare",
            byDefault: null,
            [Mnist, Fit],
            $"How a picture becomes an input. {Mnist}: the ink of one digit, found on whatever ground, light on black, scaled into a box and centred by its mass as the digits of MNIST were; {Fit}: as large as fits, on black. Unless given, {Mnist} for models in grey with ten classes called 0 to 9 or without names, else {Fit}."
        );
        var explain = new Option<bool>("--explain")
        {
            Description = "Show each step from the picture to the input, with what was found.",
        };
        var json = new Option<bool>("--json") { Description = "Print a JSON object in a line for each picture." };
        var command = new Command("predict", "Say what a model takes pictures for, and how sure it is.")
        {
            file,
            images,
            top,
            prepare,
            explain,
            json,
        };
        command.SetWork(
            (parsed, stop) =>
            {
                Model model = ModelFiles.Load(parsed.GetRequiredValue(file)!);
                PreparationKind kind = KindFor(model, parsed.GetValue(prepare));
                int count = Math.Min(parsed.GetValue(top), model.Classes);
                bool isExplained = parsed.GetValue(explain);
                Action<PredictedPicture, bool> write = parsed.GetValue(json)
                    ? PredictionOutput.WriteJson
                    : PredictionOutput.WriteText;
                ExitCode code = ExitCode.Success;
                foreach (string name in PictureInputs.Expand(parsed.GetRequiredValue(images)))
                {
                    stop.ThrowIfCancellationRequested();
                    try
                    {
                        IReadOnlyList<PreparedPicture> inputs = Prepare(name, kind, model);
                        for (int i = 0; i < inputs.Count; i++)
                            write(
                                new PredictedPicture(
                                    name,
                                    inputs.Count > 1 ? i : null,
                                    Classify(name, model, inputs[i].Picture, count),
                                    inputs[i].Steps
                                ),
                                isExplained
                            );
                    }
                    catch (CommandException trouble) when (trouble.ExitCode == ExitCode.BadData)
                    {
                        // one of many that cannot be read does not keep the others from their answers
                        Consoles.Complain(trouble.Message);
                        code = trouble.ExitCode;
                    }
                }
                return code;
            }
        );
        return command;
    }

    private static PreparationKind KindFor(Model model, string? asked)
    {
        int channels = model.InputShape[0];
        if (channels is not (1 or 3))
            throw CommandException.BadData(
                $"the model takes images of {channels} channels, and a picture has 1 or 3; use cnn show with --index for an image of its data."
            );
        if (asked == Mnist && channels != 1)
            throw new CommandException(
                ExitCode.Usage,
                $"--prepare {Mnist} gives grey images, and the model takes colours; leave it out, or give --prepare {Fit}."
            );
        return asked switch
        {
            Mnist => PreparationKind.Mnist,
            Fit => PreparationKind.Fit,
            _ => Preparing.KindFor(model),
        };
    }

    // one picture of a file; stdin may hold several in the model's own form
    private static IReadOnlyList<PreparedPicture> Prepare(string name, PreparationKind kind, Model model)
    {
        if (name != PictureInputs.Stdin)
            return [Preparing.Prepare(name, ImageFile.Read(name), kind, model)];
        byte[] contents = PictureInputs.ReadStdin();
        (int channels, int height, int width) = (model.InputShape[0], model.InputShape[1], model.InputShape[2]);
        int size = channels * height * width;
        bool isWhole = contents.Length % size == 0;
        if (FindPicture(contents, mayBeRaw: isWhole) is { } found)
            return [Preparing.Prepare("stdin", found, kind, model)];
        if (!isWhole)
            throw CommandException.BadData(
                $"stdin is no PNG or JPEG file, and its {contents.Length:N0} bytes are no whole number of {channels}x{height}x{width} images of {size:N0} bytes."
            );
        return
        [
            .. from pixels in contents.Chunk(size)
            let picture = new Picture(channels, height, width, pixels)
            select new PreparedPicture(
                picture,
                [new PreparationStep("bytes", $"{channels}x{height}x{width}, as they are", picture)]
            ),
        ];
    }

    // raw bytes may begin as a file does: they are one only if they can be read as one
    private static Picture? FindPicture(byte[] contents, bool mayBeRaw)
    {
        if (!ImageFile.IsLikely(contents))
            return null;
        try
        {
            return ImageFile.Decode("stdin", contents);
        }
        catch (CommandException trouble) when (mayBeRaw && trouble.ExitCode == ExitCode.BadData)
        {
            return null;
        }
    }

    private static IReadOnlyList<Candidate> Classify(string name, Model model, Picture picture, int count)
    {
        try
        {
            return [.. model.Predict(picture.Pixels).Candidates.Take(count)];
        }
        catch (CnnException)
        {
            throw CommandException.BadData(
                $"the model's scores of {name} are too large for a number, as after a training that diverged; train it anew."
            );
        }
    }
}
