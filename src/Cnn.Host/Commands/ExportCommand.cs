using System.CommandLine;
using System.Security.Cryptography;
using Cnn.Host.Models;
using Cnn.Host.Onnx;
using Cnn.Host.Output;
using Cnn.Host.PyTorch;
using Cnn.Interchange;

namespace Cnn.Host.Commands;

/// <summary><c>cnn export</c>: a model for other programs.</summary>
internal static class ExportCommand
{
    private const string Onnx = "--onnx";
    private const string Example = "model.onnx";

    public static Command Create()
    {
        Argument<string?> file = Options.ModelFile(optional: false, "The model, as cnn train wrote it.");
        Option<string?> onnx = Options.Text(
            Onnx,
            byDefault: null,
            "FILE",
            "Where it goes as an ONNX file, which takes images as float32 pixels from 0 to 255 and gives logits. The file holds the "
                + "normalisation of the pixels, the names of the classes and the command of the training; cnn import makes the same model of it."
        );
        var pyTorch = new PyTorchExportOptions();
        var command = new Command("export", "Write a model for other programs: as ONNX, or its weights for PyTorch.")
        {
            file,
            onnx,
        };
        foreach (Option option in pyTorch.All)
            command.Add(option);
        command.SetWork(
            (parsed, _) =>
            {
                string path = parsed.GetRequiredValue(file)!;
                PyTorchExport? weights = pyTorch.Read(parsed);
                return (parsed.GetValue(onnx), weights) switch
                {
                    ({ } name, null) => WriteOnnx(path, name),
                    (null, { } asked) => PyTorchFile.Export(path, asked),
                    (null, null) => throw new CommandException(
                        ExitCode.Usage,
                        $"say what to write, such as {Onnx} {Example} or --pytorch weights.safetensors."
                    ),
                    _ => throw new CommandException(
                        ExitCode.Usage,
                        $"{Onnx} and --pytorch are two files for two programs; give one of them."
                    ),
                };
            }
        );
        return command;
    }

    private static ExitCode WriteOnnx(string path, string name)
    {
        OutputFile output = OutputFile.Check(name, Onnx, Example);
        if (output.IsAt(path))
            throw new CommandException(ExitCode.Usage, $"{Onnx} {name} is the model itself; name another file.");
        OperatorGraph graph = ModelGraph.Export(ModelFiles.Load(path));
        byte[] written = OnnxFile.Save(graph, output);
        Consoles.Result(
            $"{name}  operator set {graph.Opset}, {graph.Nodes.Length} nodes, {Numbers.Count(written.Length)} bytes, "
                + $"sha256 {Convert.ToHexStringLower(SHA256.HashData(written))}"
        );
        return ExitCode.Success;
    }
}
