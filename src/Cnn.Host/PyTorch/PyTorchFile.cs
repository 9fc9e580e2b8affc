using System.Globalization;
using System.Security.Cryptography;
using Cnn.Host.Models;
using Cnn.Host.Output;
using Spectre.Console;

namespace Cnn.Host.PyTorch;

/// <summary>Weights from PyTorch and for it, as safetensors files.</summary>
internal static class PyTorchFile
{
    private const int AnySeed = 0;

    /// <summary>Makes a model of weights, and prints which module became which layer.</summary>
    /// <param name="path">The file, for sentences.</param>
    /// <param name="contents">Its bytes; nothing in them is trusted.</param>
    /// <param name="import">What they are to become.</param>
    /// <exception cref="CommandException">The file is not what it should be.</exception>
    public static Model Import(string path, byte[] contents, PyTorchImport import)
    {
        // the numbers that it draws are replaced
        Model model = import.Network.Create(
            import.Input.Channels,
            import.Input.Height,
            import.Input.Width,
            import.Classes.Count,
            "he",
            AnySeed
        );
        model = Described(model, import);
        ImportedStateDict imported;
        try
        {
            imported = StateDict.Import(model, contents, import.Map.Layers);
        }
        catch (CnnException cause)
        {
            throw CommandException.BadData(
                $"the weights in {path} cannot be used: {cause.Message.TrimEnd('.')}.",
                cause
            );
        }
        Consoles.Result(Table(imported));
        Consoles.Result(
            $"  input    {Scale(imported.Model)}; {Numbers.Count(imported.Model.ParameterCount, "parameter")}"
        );
        WarnOfGelu(imported.Model);
        return imported.Model;
    }

    /// <summary>Writes the weights of a model, and prints what whoever loads them has to know.</summary>
    /// <exception cref="CommandException">The model is not one, or the file cannot be written.</exception>
    public static ExitCode Export(string path, PyTorchExport export)
    {
        OutputFile target = OutputFile.Check(export.Path, "--pytorch", "weights.safetensors");
        if (target.IsAt(path))
            throw new CommandException(ExitCode.Usage, $"--pytorch {export.Path} is the model itself; name another.");
        Model model = ModelFiles.Load(path);
        byte[] contents;
        try
        {
            contents = StateDict.Export(model, export.Map.Layers);
        }
        catch (CnnException cause)
        {
            throw new CommandException(
                ExitCode.Usage,
                $"{path} cannot be written for PyTorch: {cause.Message.TrimEnd('.')}.",
                cause
            );
        }
        WarnOfGelu(model);
        target.Write(contents);
        Consoles.Result($"  network  {model.Architecture}");
        Consoles.Result($"  input    {Scale(model)}; {Numbers.Count(model.ParameterCount, "parameter")}");
        Consoles.Result($"{export.Path}  sha256 {Convert.ToHexStringLower(SHA256.HashData(contents))}");
        return ExitCode.Success;
    }

    // the one layer whose usual form in PyTorch is another: there, exact with erf
    private static void WarnOfGelu(Model model)
    {
        if (model.Architecture.Contains("gelu", StringComparison.Ordinal))
            Consoles.Status(
                "gelu here is nn.GELU(approximate=\"tanh\"); with nn.GELU() the scores differ, by some ten-thousandths"
            );
    }

    private static Model Described(Model model, PyTorchImport import)
    {
        try
        {
            model = model.WithNormalization(import.Mean, import.Deviation);
            return import.Classes.Names is { } names ? model.WithClassNames(names) : model;
        }
        catch (CnnException cause)
        {
            throw new CommandException(ExitCode.Usage, $"{cause.Message.TrimEnd('.')}.", cause);
        }
    }

    private static Table Table(ImportedStateDict imported)
    {
        Table table = Consoles.CreateTable(":module", ":kind", "weight", "layer", ":", ":");
        foreach (ImportedModule module in imported.Modules)
            table.AddPlainRow(
                module.Name,
                module.Kind,
                module.WeightShape,
                module.Layer,
                module.LayerText,
                string.Join("; ", Notes(module))
            );
        return table;
    }

    private static IEnumerable<string> Notes(ImportedModule module)
    {
        if (module.IsByOrder)
            yield return "by order: others have its shape";
        if (!module.HasBias)
            yield return "no bias in the file: zeros";
    }

    private static string Scale(Model model)
    {
        (double mean, double deviation) = model.Normalization;
        string shape = string.Join('x', model.InputShape);
        return mean == 0 && deviation == 1
            ? $"{shape}, byte / 255"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{shape}, (byte / 255 - {mean:0.######}) / {deviation:0.######}"
            );
    }
}
