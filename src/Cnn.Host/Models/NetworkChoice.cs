using Cnn.Host.Commands;
using Cnn.Host.Data;

namespace Cnn.Host.Models;

/// <summary>A network as a command line names it: one of the presets, or layers written out.</summary>
internal sealed class NetworkChoice
{
    private readonly string? preset;
    private readonly string? layers;

    private NetworkChoice(string? preset, string? layers) => (this.preset, this.layers) = (preset, layers);

    /// <summary>The names that <c>--model</c> takes.</summary>
    // the presets have the same names for any number of classes
    public static IEnumerable<string> Presets => Model.Presets(classes: 10).Keys;

    /// <summary>The choice of <c>--model</c> and <c>--arch</c>, of which at most one may be given.</summary>
    /// <exception cref="CommandException">Usage: both are given.</exception>
    public static NetworkChoice Of(string? model, string? arch) =>
        (model, arch) switch
        {
            (not null, not null) => throw new CommandException(
                ExitCode.Usage,
                "--model and --arch both say which network to use; give one of them."
            ),
            (null, not null) => new NetworkChoice(preset: null, arch),
            _ => new NetworkChoice(model ?? TrainDefaults.Model, layers: null),
        };

    /// <summary>A fresh network for the images of a data set, with an output for each of its classes at least.</summary>
    /// <exception cref="CommandException">Usage: the layers do not fit the images or each other.</exception>
    public Model Create(LabelledImages images, string initializer, int seed)
    {
        Model model = Create(images.Channels, images.Height, images.Width, images.Classes, initializer, seed);
        // more is allowed: the highest classes may be missing from a small set of training images
        if (model.Classes < images.Classes)
            throw new CommandException(
                ExitCode.Usage,
                $"the last layer of --arch gives {model.Classes} numbers, but the data has {images.Classes} classes; end with dense {images.Classes}."
            );
        if (!model.IsFinite)
            throw new CommandException(
                ExitCode.Usage,
                $"--init {initializer} draws weights that are too large for single precision; give a smaller deviation."
            );
        return model;
    }

    /// <summary>A fresh network for images of this shape; the classes matter to presets alone.</summary>
    /// <exception cref="CommandException">Usage: the layers do not fit the images or each other.</exception>
    public Model Create(int channels, int height, int width, int classes, string initializer, int seed)
    {
        string architecture = layers ?? Model.Presets(classes)[preset!];
        try
        {
            return Model.Create(architecture, channels, height, width, initializer, seed);
        }
        catch (CnnException cause)
        {
            throw new CommandException(ExitCode.Usage, $"{cause.Message.TrimEnd('.')}.", cause);
        }
    }
}
