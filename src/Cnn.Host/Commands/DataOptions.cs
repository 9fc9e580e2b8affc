using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Cnn.Host.Data;

namespace Cnn.Host.Commands;

/// <summary>The options of all commands that read training images: which, and in what size and colours.</summary>
internal sealed class DataOptions
{
    // of a side of an image
    private const int MostPixels = 1 << 14;

    private readonly Option<ImageSize?> size = new("--image-size")
    {
        Description =
            "Fit all pictures into this size; the size of images in a CSV file that are not square. Left out, it is as the data has it.",
        HelpName = "WIDTHxHEIGHT",
        CustomParser = Parse,
    };

    private readonly Option<string?> channels = Options.Choice(
        "--channels",
        byDefault: null,
        ["1", "3"],
        "Take pictures or images in a CSV file for grey or for colour. Left out, they are as the data has them."
    );

    /// <param name="what">What the data is for, the start of a sentence.</param>
    /// <param name="otherwise">What holds where it is not given.</param>
    public DataOptions(string what, string otherwise = "the MNIST files of the program unless given")
    {
        Path = Options.Data($"{what}: {Options.DataKinds}; {otherwise}.");
    }

    /// <summary><c>--data</c>.</summary>
    public Option<string?> Path { get; }

    /// <summary>All of them.</summary>
    public IEnumerable<Option> All => [Path, size, channels];

    /// <summary>What the user wants.</summary>
    public DataChoice Choose(ParseResult parsed)
    {
        ImageSize? wanted = parsed.GetValue(size);
        int? planes = parsed.GetValue(channels) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;
        return new DataChoice(parsed.GetValue(Path), new ImageForm(planes, wanted?.Height, wanted?.Width));
    }

    private static ImageSize? Parse(ArgumentResult given)
    {
        string text = given.Tokens[0].Value;
        if (
            text.Split('x') is [var width, var height]
            && int.TryParse(width, NumberStyles.None, CultureInfo.InvariantCulture, out int columns)
            && int.TryParse(height, NumberStyles.None, CultureInfo.InvariantCulture, out int rows)
            && columns is > 0 and <= MostPixels
            && rows is > 0 and <= MostPixels
        )
            return new ImageSize(columns, rows);
        given.AddError(
            $"--image-size {text} is not possible; give width and height in pixels, from 1 to {MostPixels}, such as 32x32."
        );
        return null;
    }

    private sealed record ImageSize(int Width, int Height);
}
