using System.CommandLine;
using Cnn.Host.Interchange;

namespace Cnn.Host.Commands;

/// <summary>How weights are written for PyTorch.</summary>
internal sealed class PyTorchExportOptions
{
    private readonly Option<string?> pyTorch = Options.Text(
        "--pytorch",
        byDefault: null,
        "FILE",
        "Where the state_dict goes, as safetensors."
    );

    private readonly Option<ModuleMap?> map = ModuleMap.Option(
        "What the module of a layer is called: \"conv1=0,fc1=7\"; unless given, it is the number of the layer, as in nn.Sequential."
    );

    /// <summary>All options.</summary>
    public IReadOnlyList<Option> All => [pyTorch, map];

    /// <summary>What the user wants.</summary>
    /// <exception cref="CommandException">Usage: no file is named.</exception>
    public PyTorchExport Read(ParseResult parsed) =>
        new(
            parsed.GetValue(pyTorch)
                ?? throw new CommandException(
                    ExitCode.Usage,
                    "--pytorch is needed: the file that the weights go to, such as weights.safetensors."
                ),
            parsed.GetValue(map) ?? ModuleMap.Empty
        );
}
