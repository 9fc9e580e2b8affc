using System.CommandLine;
using Cnn.Host.Interchange;

namespace Cnn.Host.Commands;

/// <summary><c>cnn import</c>: a model from a file of another program.</summary>
internal static class ImportCommand
{
    public static Command Create()
    {
        Argument<string?> file = Options.File(
            "FILE",
            optional: false,
            "What safetensors.torch.save_file(model.state_dict(), FILE) wrote."
        );
        var pyTorch = new PyTorchImportOptions();
        Option<string?> output = Options.Text("--out", "model.bin", "FILE", "Where the model goes.");
        var command = new Command("import", "Make a model of the weights that PyTorch saved.") { file };
        foreach (Option option in pyTorch.All)
            command.Add(option);
        command.Add(output);
        command.SetWork(
            (parsed, _) =>
                PyTorchFile.Import(
                    parsed.GetRequiredValue(file)!,
                    pyTorch.Read(parsed),
                    parsed.GetRequiredValue(output)!
                )
        );
        return command;
    }
}
