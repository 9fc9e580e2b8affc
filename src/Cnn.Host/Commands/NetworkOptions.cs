using System.CommandLine;
using Cnn.Host.Models;
using Cnn.Host.Recipes;

namespace Cnn.Host.Commands;

/// <summary>The options that say which network: by its name, by its layers, or else by a recipe.</summary>
internal sealed class NetworkOptions
{
    /// <summary><c>--model</c>.</summary>
    public Option<string?> Model { get; } =
        Options.Choice(
            "--model",
            byDefault: null,
            NetworkChoice.Presets,
            "A network with a name, instead of that of the recipe."
        );

    /// <summary><c>--arch</c>.</summary>
    public Option<string?> Arch { get; } =
        Options.Text(
            $"--{RecipeKeys.Arch}",
            byDefault: null,
            "LAYERS",
            "A network of your own, such as \"conv 16 3 pad 1, relu, pool 2, flatten, dense classes\"."
        );

    /// <summary><c>--recipe</c>, for commands that do not ask for one.</summary>
    public static Option<string?> Recipe() =>
        Options.Text(
            "--recipe",
            RecipeFile.Default,
            string.Join('|', RecipeFile.Names.Append("FILE")),
            "Where to start from: one of the recipes of the program, or a file; the other options go before it.",
            [.. RecipeFile.Names]
        );

    /// <summary>The network that the user wants.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="recipe">The recipe whose network it is where none is given.</param>
    /// <param name="source">The name or path of that recipe.</param>
    /// <exception cref="CommandException">Usage: two are given.</exception>
    public NetworkChoice Choose(ParseResult parsed, Recipe recipe, string source) =>
        (parsed.GetValue(Model), parsed.GetValue(Arch)) switch
        {
            (not null, not null) => throw new CommandException(
                ExitCode.Usage,
                "--model and --arch both say which network to use; give one of them."
            ),
            ({ } name, null) => NetworkChoice.Preset(name),
            (null, { } layers) => new NetworkChoice(layers),
            _ => new NetworkChoice(recipe.Arch, $"{source}, key \"{RecipeKeys.Arch}\""),
        };
}
