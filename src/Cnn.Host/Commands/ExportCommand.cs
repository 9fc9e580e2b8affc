using System.CommandLine;
using Cnn.Host.Interchange;

namespace Cnn.Host.Commands;

/// <summary><c>cnn export</c>: a model as a file for another program.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        Argument<string?> file = Options.ModelFile(optional: false, "The model, as cnn train wrote it.");
        var pyTorch = new PyTorchExportOptions();
        var command = new Command("export", "Write the weights of a model as PyTorch loads them.") { file };
        foreach (Option option in pyTorch.All)
            command.Add(option);
        command.SetWork((parsed, _) => PyTorchFile.Export(parsed.GetRequiredValue(file)!, pyTorch.Read(parsed)));
        return command;
    }
}
