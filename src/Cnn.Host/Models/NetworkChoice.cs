using System.Globalization;
using System.Text.RegularExpressions;
using Cnn.Host.Data;

namespace Cnn.Host.Models;

/// <summary>A network for any data set: layers in the text form, where "classes" stands for the number of classes.</summary>
/// <param name="Text">The layers.</param>
/// <param name="Source">Where they were read, to be named when they are wrong; null for the command line.</param>
internal sealed partial record NetworkChoice(string Text, string? Source = null)
{
    private const string Classes = "classes";

    /// <summary>The names that <c>--model</c> takes.</summary>
    // the presets have the same names for any number of classes
    public static IEnumerable<string> Presets => Model.Presets(classes: 1).Keys;

    /// <summary>The network of that name.</summary>
    public static NetworkChoice Preset(string name)
    {
        const int some = 10;
        string layers = Model.Presets(some)[name];
        // the last layer of each has an output for every class
        return new NetworkChoice(layers[..layers.LastIndexOf($"{some}", StringComparison.Ordinal)] + Classes);
    }

    /// <summary>Reads the layers, whatever images they may fit, so that a wrong word is known before any work is done.</summary>
    /// <exception cref="CommandException">They cannot be read.</exception>
    public void Check()
    {
        try
        {
            Model.CheckArchitecture(LayersFor(classes: 1));
        }
        catch (CnnException cause)
        {
            throw Wrong($"{cause.Message.TrimEnd('.')}.", cause);
        }
    }

    /// <summary>A fresh network for the images of a data set, with an output for each of its classes at least.</summary>
    /// <exception cref="CommandException">The layers do not fit the images or each other.</exception>
    public Model Create(LabelledImages images, string initializer, int seed)
    {
        Model model = Create(images.Channels, images.Height, images.Width, images.Classes, initializer, seed);
        // more is allowed: the highest classes may be missing from a small set of training images
        if (model.Classes < images.Classes)
            throw Wrong(
                $"the last layer gives {model.Classes} numbers, but the data has {images.Classes} classes; end with dense {Classes}."
            );
        // but not where each has a name
        if (images.ClassNames is { } names)
        {
            if (model.Classes > names.Count)
                throw Wrong(
                    $"the last layer gives {model.Classes} numbers, but the data has {names.Count} classes; end with dense {Classes}."
                );
            model = model.WithClassNames(names);
        }
        if (!model.IsFinite)
            throw new CommandException(
                ExitCode.Usage,
                $"init {initializer} draws weights that are too large for single precision; give a smaller deviation."
            );
        return model;
    }

    /// <summary>A fresh network for images of this shape.</summary>
    /// <exception cref="CommandException">The layers do not fit the images or each other.</exception>
    public Model Create(int channels, int height, int width, int classes, string initializer, int seed)
    {
        try
        {
            return Model.Create(LayersFor(classes), channels, height, width, initializer, seed);
        }
        catch (CnnException cause)
        {
            throw Wrong($"{cause.Message.TrimEnd('.')}.", cause);
        }
    }

    private string LayersFor(int classes) =>
        ClassesWord().Replace(Text, classes.ToString(CultureInfo.InvariantCulture));

    private CommandException Wrong(string sentence, Exception? cause = null) =>
        Source is null
            ? new CommandException(ExitCode.Usage, sentence, cause)
            : CommandException.BadData($"{Source}: {sentence}", cause);

    [GeneratedRegex(@"\bclasses\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex ClassesWord();
}
