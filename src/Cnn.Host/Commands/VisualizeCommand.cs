using System.CommandLine;
using Cnn.Host.Data;
using Cnn.Host.Figures;
using Cnn.Host.Models;
using Cnn.Host.Output;
using Cnn.Host.Training;

namespace Cnn.Host.Commands;

/// <summary><c>cnn visualize</c>: pictures of what is in a model; <see cref="ModelFigures"/> draws them.</summary>
internal static class VisualizeCommand
{
    public static Command Create()
    {
        Argument<string?> file = Options.ModelFile(optional: false, "The model, as cnn train wrote it.");
        Option<string?> output = Options.Text(
            "--out",
            "figures",
            "FOLDER",
            "Where the pictures go; pictures of the same names are replaced."
        );
        Option<int?> layer = Options.OptionalWhole(
            "--layer",
            "Draw the filters of this layer alone, counted from 0 as in cnn summary; those of every convolution unless given.",
            least: 0
        );
        Option<string?> digits = Options.Text(
            "--digits",
            byDefault: null,
            "N[,N]",
            "The classes of which a test image is followed through the layers, by their names or numbers; the first ten unless given."
        );
        var svg = new Option<bool>("--svg") { Description = "Draw SVG files, which can be enlarged, instead of PNG." };
        Option<string?> data = Options.Data(
            $"Where the test images are: {Options.DataKinds}; the MNIST files of the program unless given."
        );
        Option<int> threads = Options.Threads();
        var command = new Command(
            "visualize",
            "Draw what is in a model: filters, what its layers make of test images, on what its answers hang, its mistakes, and, where metrics.jsonl lies beside the model, how it learned."
        )
        {
            file,
            output,
            layer,
            digits,
            svg,
            data,
            threads,
        };
        command.SetWork(
            (parsed, stop) =>
            {
                string path = parsed.GetRequiredValue(file)!;
                Model model = ModelFiles.Load(path);
                LabelledImages test = TestImages.Load(parsed.GetValue(data), model);
                int count = parsed.GetValue(threads);
                Actions.ReserveThreads(count);
                var figures = new ModelFigures(
                    model,
                    path,
                    test,
                    parsed.GetValue(layer),
                    Classes(parsed.GetValue(digits), test, model.ClassNames),
                    count
                );
                return Write(figures, parsed.GetRequiredValue(output)!, parsed.GetValue(svg), stop);
            }
        );
        return command;
    }

    private static ExitCode Write(ModelFigures figures, string folder, bool isSvg, CancellationToken stop)
    {
        (string Name, Func<Figure> Draw)[] all = [.. figures.All(stop)];
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw new CommandException(
                ExitCode.WriteFailed,
                $"the folder {folder} cannot be made: {cause.Message.TrimEnd('.')}.",
                cause
            );
        }
        foreach ((string name, Func<Figure> draw) in all)
        {
            stop.ThrowIfCancellationRequested();
            string path = Path.Combine(folder, name + (isSvg ? ".svg" : ".png"));
            OutputFile target = OutputFile.Check(path, "--out", "figures");
            target.Write(Drawing.Run(draw).Encode(isSvg));
            Consoles.Result(path);
        }
        return ExitCode.Success;
    }

    private static IReadOnlyList<int> Classes(string? text, LabelledImages test, IReadOnlyList<string> names)
    {
        if (text is null)
            return [.. test.Labels.Distinct().Order().Take(10).Select(label => (int)label)];
        var chosen = new List<int>();
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            // a name may be a number, and then not that of its class
            int place = names.Index().Where(name => name.Item == part).Select(name => name.Index).FirstOrDefault(-1);
            byte label = (byte)Math.Max(place, 0);
            if ((place < 0 && !byte.TryParse(part, out label)) || !test.Labels.Contains(label))
                throw new CommandException(
                    ExitCode.Usage,
                    $"--digits {part} is not possible; give classes of the test images, from 0 to {test.Classes - 1}, with commas between."
                );
            chosen.Add(label);
        }
        return [.. chosen.Distinct()];
    }
}
