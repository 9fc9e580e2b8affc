using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Cnn.Host.Interchange;
using Cnn.Host.Models;

namespace Cnn.Host.Commands;

/// <summary>What the weights of PyTorch do not say of themselves.</summary>
internal sealed class PyTorchImportOptions
{
    private const int MostClasses = 1000;

    private readonly NetworkOptions network = new(hasRecipe: false);

    private readonly Option<ImageShape> input = new("--input")
    {
        Description = "The images that the network is for: channels, rows and columns.",
        HelpName = "CxHxW",
        DefaultValueFactory = _ => new ImageShape(1, 28, 28),
        CustomParser = ParseShape,
    };

    private readonly Option<ClassList> classes = new("--classes")
    {
        Description = "The names of the classes in their order, with commas between, or how many there are.",
        HelpName = "NAME,NAME|N",
        DefaultValueFactory = _ => new ClassList(10, null),
        CustomParser = ParseClasses,
    };

    private readonly Option<InputScale> normalize = new("--normalize")
    {
        Description =
            "Mean and standard deviation of transforms.Normalize, 0.1307,0.3081 for the usual one of MNIST; unless given, inputs are from 0 to 1, as ToTensor leaves them.",
        HelpName = "MEAN,STD",
        DefaultValueFactory = _ => InputScale.ToTensor,
        CustomParser = ParseScale,
    };

    private readonly Option<ModuleMap?> map = ModuleMap.Option(
        "Which module of the file belongs to which layer, where names and shapes do not tell: \"conv1=0,fc1=7\"."
    );

    /// <summary>All options.</summary>
    public IReadOnlyList<Option> All => [network.Model, network.Arch, input, classes, normalize, map];

    /// <summary>What the user wants.</summary>
    /// <exception cref="CommandException">Usage: nobody says which network.</exception>
    public PyTorchImport Read(ParseResult parsed)
    {
        NetworkChoice choice =
            network.Find(parsed)
            ?? throw new CommandException(
                ExitCode.Usage,
                "a state_dict holds numbers alone; say with --model or --arch which network they are of."
            );
        return new PyTorchImport(
            choice,
            parsed.GetRequiredValue(input),
            parsed.GetRequiredValue(classes),
            parsed.GetRequiredValue(normalize),
            parsed.GetValue(map) ?? ModuleMap.Empty
        );
    }

    private static ImageShape ParseShape(ArgumentResult given)
    {
        string text = given.Tokens[0].Value;
        int[] extents =
        [
            .. text.Split('x')
                .Select(part =>
                    int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int extent) ? extent : 0
                ),
        ];
        if (extents is [> 0, > 0, > 0])
            return new ImageShape(extents[0], extents[1], extents[2]);
        given.AddError($"--input {text} is not possible; give channels, rows and columns, such as 1x28x28.");
        return default;
    }

    private static ClassList ParseClasses(ArgumentResult given)
    {
        string text = given.Tokens[0].Value;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count))
        {
            if (count is < 1 or > MostClasses)
                given.AddError($"--classes {text} is not possible; there may be 1 to {MostClasses} without names.");
            return new ClassList(count, null);
        }
        string[] names = text.Split(',', StringSplitOptions.TrimEntries);
        return new ClassList(names.Length, names);
    }

    private static InputScale ParseScale(ArgumentResult given)
    {
        string text = given.Tokens[0].Value;
        double[] numbers =
        [
            .. text.Split(',')
                .Select(part =>
                    double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
                        ? number
                        : double.NaN
                ),
        ];
        if (numbers is [var mean, > 0 and var deviation] && double.IsFinite(mean) && double.IsFinite(deviation))
            return new InputScale(mean, deviation);
        given.AddError(
            $"--normalize {text} is not possible; give one mean and one standard deviation above 0 for all channels, such as 0.1307,0.3081."
        );
        return InputScale.ToTensor;
    }
}
