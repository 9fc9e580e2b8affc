using System.CommandLine;
using System.CommandLine.Parsing;

namespace Cnn.Host.PyTorch;

/// <summary>Modules of PyTorch, by name, and the layers that they are, by name: "conv1=0,fc1=7".</summary>
/// <param name="Layers">The layer of each module.</param>
internal sealed record ModuleMap(IReadOnlyList<KeyValuePair<string, string>> Layers)
{
    private const string Name = "--map";

    /// <summary>Says nothing.</summary>
    public static ModuleMap Empty { get; } = new([]);

    /// <summary><c>--map</c>.</summary>
    public static Option<ModuleMap?> Option(string description) =>
        new(Name)
        {
            Description = description,
            HelpName = "MODULE=LAYER[,...]",
            CustomParser = Parse,
        };

    private static ModuleMap Parse(ArgumentResult given)
    {
        string text = given.Tokens[0].Value;
        var layers = new List<KeyValuePair<string, string>>();
        foreach (string pair in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (pair.Split('=', StringSplitOptions.TrimEntries) is [var module, { Length: > 0 } layer])
                layers.Add(new(module, layer));
            else
                given.AddError(
                    $"{Name} '{pair}' is not possible; give a module and the number of its layer, as in conv1=0."
                );
        }
        return new ModuleMap(layers);
    }
}
