using System.CommandLine;
using Cnn.Host.Data;
using Cnn.Host.Models;
using Cnn.Host.Output;
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
        Option<string?> model = Options.Choice(
            "--model",
            byDefault: null,
            NetworkChoice.Presets,
            $"A network with a name; {TrainDefaults.Model} unless another is asked for."
        );
        Option<string?> arch = Options.Text(
            "--arch",
            byDefault: null,
            "LAYERS",
            "A network of your own, such as \"conv 16 3 pad 1, relu, pool 2, flatten, dense 10\"."
        );
        Option<string?> data = Options.Data(
            "The folder of the data set that the network is for; without it, images of 1x28x28 and 10 classes, as MNIST has."
        );
        var command = new Command("summary", "List the layers of a network with their shapes, parameters and costs.")
        {
            file,
            model,
            arch,
            data,
        };
        command.SetWork(
            (parsed, _) =>
            {
                Write(
                    Find(parsed.GetValue(file), parsed.GetValue(model), parsed.GetValue(arch), parsed.GetValue(data))
                );
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static Model Find(string? file, string? model, string? arch, string? data)
    {
        if (file is not null && (model ?? arch ?? data) is not null)
            throw new CommandException(
                ExitCode.Usage,
                "a model file says all about its network; leave out --model, --arch and --data."
            );
        if (file is not null)
            return ModelFiles.Load(file);
        NetworkChoice choice = NetworkChoice.Of(model, arch);
        // the numbers are not shown, so that any way of drawing them will do
        if (data is null)
            return choice.Create(Channels, Side, Side, Classes, TrainDefaults.Initializer, TrainDefaults.Seed);
        LabelledImages images = DataFolder.Open(data).LoadTraining();
        return choice.Create(images, TrainDefaults.Initializer, TrainDefaults.Seed);
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
}
