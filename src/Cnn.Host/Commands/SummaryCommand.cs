using System.CommandLine;
using Cnn.Host.Data;
using Cnn.Host.Models;
using Cnn.Host.Output;
using Cnn.Host.Recipes;
using Spectre.Console;

namespace Cnn.Host.Commands;

/// <summary><c>cnn summary</c>: what a network is made of, and what it costs.</summary>
internal static class SummaryCommand
{
    // MNIST, for which no file need be opened
    private const int Channels = 1;
    private const int Side = 28;
    private const int Classes = 10;

    public static Command Create()
    {
        Argument<string?> file = Options.ModelFile(
            optional: true,
            "A model to look into, instead of --model or --arch."
        );
        var network = new NetworkOptions();
        Option<string?> recipe = NetworkOptions.Recipe();
        var data = new DataOptions(
            "What the network is for",
            "without it, images of 1x28x28 and 10 classes, as MNIST has"
        );
        var command = new Command("summary", "List the layers of a network with their shapes, parameters and costs.")
        {
            file,
            network.Model,
            network.Arch,
            recipe,
        };
        foreach (Option option in data.All)
            command.Add(option);
        command.SetWork(
            (parsed, _) =>
            {
                string? path = parsed.GetValue(file);
                Model model = Find(parsed, path);
                Write(model);
                if (path is not null)
                    WriteNotes(model);
                return ExitCode.Success;
            }
        );
        return command;

        Model Find(ParseResult parsed, string? path)
        {
            Option[] others = [network.Model, network.Arch, recipe, .. data.All];
            if (path is not null && others.Any(option => parsed.GetResult(option) is { Implicit: false }))
                throw new CommandException(
                    ExitCode.Usage,
                    "a model file says all about its network; leave out --model, --arch, --recipe and those of data."
                );
            return path is not null
                ? ModelFiles.Load(path)
                : Create(network, parsed, parsed.GetRequiredValue(recipe)!, data.Choose(parsed));
        }
    }

    private static Model Create(NetworkOptions network, ParseResult parsed, string source, DataChoice data)
    {
        Recipe recipe = RecipeFile.Load(source);
        NetworkChoice choice = network.Choose(parsed, recipe, source);
        // the numbers are not shown, so that any way of drawing them will do
        return data.Path is null
            ? choice.Create(
                data.Form.Channels ?? Channels,
                data.Form.Height ?? Side,
                data.Form.Width ?? Side,
                Classes,
                recipe.Init,
                TrainingOptions.UsualSeed
            )
            : choice.Create(data.LoadTraining(), recipe.Init, TrainingOptions.UsualSeed);
    }

    private static void Write(Model model)
    {
        Table table = Consoles.CreateTable("layer", ":", ":output", "parameters", "multiply-adds");
        table.AddPlainRow("", "input", string.Join('x', model.InputShape), "", "");
        foreach (LayerSummary layer in model.Layers)
            table.AddPlainRow(
                $"{layer.Index}",
                layer.Text,
                layer.OutputShape,
                Numbers.Count(layer.Parameters),
                Numbers.Count(layer.MultiplyAdds)
            );
        table.AddEmptyRow();
        table.AddPlainRow(
            "",
            "total",
            "",
            Numbers.Count(model.ParameterCount),
            Numbers.Count(model.Layers.Sum(layer => layer.MultiplyAdds))
        );
        Consoles.Result(table);
    }

    // what a file says of its model besides
    private static void WriteNotes(Model model)
    {
        (double mean, double deviation) = model.Normalization;
        Consoles.Result($"  input    (byte / 255 - {mean:0.######}) / {deviation:0.######}");
        Consoles.Result($"  classes  {string.Join(", ", model.ClassNames)}");
        Consoles.Result(
            $"  trained  {(model.TrainingCommand.Length == 0 ? "nobody noted how" : model.TrainingCommand)}"
        );
        Consoles.Result(
            model.IsVerified
                ? "  SHA-256  that which the file holds: it is as it was written"
                : "  SHA-256  none in the file: unverified"
        );
    }
}
