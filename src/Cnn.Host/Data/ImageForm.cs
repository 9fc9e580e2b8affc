namespace Cnn.Host.Data;

/// <summary>What is wanted of the images of a data set; null is for what the data may say.</summary>
/// <param name="Channels">Planes of an image: 1 for grey, 3 for colour.</param>
/// <param name="Height">Rows, in pixels; given if and only if the width is.</param>
/// <param name="Width">Columns, in pixels.</param>
public sealed record ImageForm(int? Channels, int? Height, int? Width)
{
    /// <summary>Nothing: images as the data has them.</summary>
    public static ImageForm Any { get; } = new(null, null, null);

    /// <summary>The images that a model takes.</summary>
    public static ImageForm Of(Model model) => new(model.InputShape[0], model.InputShape[1], model.InputShape[2]);

    /// <summary>Makes sure that nothing is wanted, for data that says itself what its images are like.</summary>
    /// <param name="path">The data.</param>
    /// <exception cref="CommandException">Usage: something is wanted.</exception>
    public void ExpectNone(string path)
    {
        if (this != Any)
            throw new CommandException(
                ExitCode.Usage,
                $"--image-size and --channels are for pictures and CSV files, and the images of {path} have one form already; leave them out."
            );
    }
}
