using System.CommandLine;
using System.Security.Cryptography;
using Cnn.Host.Models;
using Cnn.Host.Onnx;
using Cnn.Host.Output;
using Cnn.Interchange;

namespace Cnn.Host.Commands;

/// <summary><c>cnn export</c>: a model for other programs.</summary>
internal static class ExportCommand
{
    private const string Example = "model.onnx";

    public static Command Create()
    {
        Argument<string?> file = Options.ModelFile(optional: false, "The model, as cnn train wrote it.");
        Option<string?> onnx = Options.Text(
            "--onnx",
            byDefault: null,
            "FILE",
            "Where it goes as an ONNX file, which takes images as float32 pixels from 0 to 255 and gives logits."
        );
        var command = new Command(
            "export",
            "Write a model for other programs, such as ONNX Runtime. The file holds the normalisation of the pixels, the names of the classes "
                + "and the command of the training; cnn import makes the same model of it."
        )
        {
            file,
            onnx,
        };
        command.SetWork(
            (parsed, _) =>
            {
                string path = parsed.GetRequiredValue(file)!;
                string name =
                    parsed.GetValue(onnx)
                    ?? throw new CommandException(ExitCode.Usage, $"say what to write, such as --onnx {Example}.");
                OutputFile output = Output(path, name);
                OperatorGraph graph = ModelGraph.Export(ModelFiles.Load(path));
                byte[] written = OnnxFile.Save(graph, output);
                Consoles.Result(
                    $"{name}  operator set {graph.Opset}, {graph.Nodes.Length} nodes, {Numbers.Count(written.Length)} bytes, "
                        + $"sha256 {Convert.ToHexStringLower(SHA256.HashData(written))}"
                );
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static OutputFile Output(string path, string name)
    {
        OutputFile output = OutputFile.Check(name, "--onnx", Example);
        return output.IsAt(path)
            ? throw new CommandException(ExitCode.Usage, $"--onnx {name} is the model itself; name another file.")
            : output;
    }
}
