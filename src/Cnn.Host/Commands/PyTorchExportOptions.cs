using System.CommandLine;
using Cnn.Host.PyTorch;

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

    /// <summary>What the user wants; null where it is nothing for PyTorch.</summary>
    /// <exception cref="CommandException">Usage: names are given, but no file.</exception>
    public PyTorchExport? Read(ParseResult parsed) =>
        (parsed.GetValue(pyTorch), parsed.GetValue(map)) switch
        {
            ({ } path, var names) => new PyTorchExport(path, names ?? ModuleMap.Empty),
            (null, null) => null,
            _ => throw new CommandException(
                ExitCode.Usage,
                "--map names the modules of PyTorch; give --pytorch FILE as well."
            ),
        };
}
