using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Cnn.Host.Models;
using Cnn.Host.PyTorch;
using Cnn.Interchange;

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

    private readonly Option<ModuleMap?> map = ModuleMap.Option(
        "Which module of the file belongs to which layer, where names and shapes do not tell: \"conv1=0,fc1=7\"."
    );

    /// <summary>All options.</summary>
    public IReadOnlyList<Option> All => [network.Model, network.Arch, input, classes, map];

    /// <summary>The name of an option that was given; null where none was.</summary>
    public string? FindGiven(ParseResult parsed) =>
        All.FirstOrDefault(option => parsed.GetResult(option) is { Implicit: false })?.Name;

    /// <summary>What the user wants.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="pixels">What the network takes for a pixel, as ModelGraph.ReadPixels reads it; null for parts of 255, as ToTensor makes them.</param>
    /// <exception cref="CommandException">Usage: nobody says which network.</exception>
    public PyTorchImport Read(ParseResult parsed, string? pixels)
    {
        NetworkChoice choice =
            network.Find(parsed)
            ?? throw new CommandException(
                ExitCode.Usage,
                "a state_dict holds numbers alone; say with --model or --arch which network they are of."
            );
        (double mean, double deviation) = ModelGraph.ReadPixels(pixels ?? "unit");
        return new PyTorchImport(
            choice,
            parsed.GetRequiredValue(input),
            parsed.GetRequiredValue(classes),
            mean,
            deviation,
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
}
