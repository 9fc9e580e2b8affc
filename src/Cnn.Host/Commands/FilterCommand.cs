using System.CommandLine;
using Cnn.Host.Data;
using Cnn.Host.Models;
using Cnn.Host.Output;

namespace Cnn.Host.Commands;

/// <summary><c>cnn filter</c>: what one convolution makes of a picture.</summary>
internal static class FilterCommand
{
    private static readonly string names = string.Join(", ", ImageFilter.Names);

    public static Command Create()
    {
        Argument<string?> image = Options.Image(optional: false, "The picture: a PNG or JPEG file.");
        Option<string?> kernel = Options.Text(
            "--kernel",
            byDefault: null,
            "KERNEL",
            $"One of {names}, or the rows of your own, such as \"1 0 -1; 2 0 -2; 1 0 -1\" or \"1/9 1/9 1/9; ...\"; "
                + "it is not flipped, as in every network (strictly, a cross-correlation).",
            [.. ImageFilter.Names]
        );
        Option<string?> target = Options.Text(
            "--out",
            "filtered.png",
            "FILE",
            "Where the result goes, as a PNG of the same size: magnitudes where the kernel adds up to 0, as edge detectors do, "
                + "else the values from 0 to 255."
        );
        var grey = new Option<bool>("--grey") { Description = "Turn a colour picture to grey first." };
        var signed = new Option<bool>("--signed")
        {
            Description = "Show negative values too: 0 is mid-grey, and the largest magnitude white or black.",
        };
        var command = new Command(
            "filter",
            "Run one kernel over a picture, by the convolution of the networks. Each colour is filtered on its own; "
                + "beyond its edges the picture goes on as its outermost pixels."
        )
        {
            image,
            kernel,
            target,
            grey,
            signed,
        };
        command.SetWork(
            (parsed, stop) =>
            {
                ImageFilter filter = Parse(parsed.GetValue(kernel));
                string path = parsed.GetRequiredValue(image)!;
                string name = parsed.GetRequiredValue(target)!;
                OutputFile output = OutputFile.Check(name, example: "filtered.png");
                if (output.IsAt(path))
                    throw new CommandException(
                        ExitCode.Usage,
                        $"--out {name} is the picture itself; name another file."
                    );
                Picture picture = ImageFile.Read(path);
                if (parsed.GetValue(grey))
                    picture = picture.ToGrey();
                FilteredImage filtered = filter.Apply(
                    picture.Pixels,
                    picture.Channels,
                    picture.Height,
                    picture.Width,
                    parsed.GetValue(signed),
                    stop
                );
                output.Write(
                    ImageFile.EncodePng(new Picture(picture.Channels, picture.Height, picture.Width, filtered.Pixels))
                );
                Consoles.Result(
                    $"{name}  {picture.Width}x{picture.Height} pixels in {(picture.Channels == 1 ? "grey" : "colour")}: "
                        + $"{path} by {Describe(filter)}, values from {Numbers.Tenths(filtered.Lowest)} to {Numbers.Tenths(filtered.Highest)}"
                );
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static ImageFilter Parse(string? text)
    {
        if (text is null)
            throw new CommandException(
                ExitCode.Usage,
                $"--kernel is needed: {names}, or rows such as \"1 0 -1; 2 0 -2; 1 0 -1\"."
            );
        try
        {
            return ImageFilter.Parse(text);
        }
        catch (CnnException cause)
        {
            throw new CommandException(ExitCode.Usage, $"--kernel: {cause.Message}.", cause);
        }
    }

    private static string Describe(ImageFilter filter) =>
        ImageFilter.Names.Contains(filter.Text)
            ? filter.Text
            : $"a kernel of {filter.Rows}x{filter.Columns}, \"{filter.Text}\"";
}
