using System.CommandLine;
using Cnn.Host.Models;
using Cnn.Host.Onnx;
using Cnn.Host.Output;
using Cnn.Host.PyTorch;
using Cnn.Interchange;

namespace Cnn.Host.Commands;

/// <summary><c>cnn import</c>: a model from another program.</summary>
internal static class ImportCommand
{
    public static Command Create()
    {
        Argument<string?> file = Options.File(
            "FILE",
            optional: false,
            "An ONNX file, of cnn export or of another program; or the weights of PyTorch, as safetensors.torch.save_file wrote them. Its contents tell."
        );
        Option<string?> target = Options.Text(
            "--out",
            byDefault: null,
            "FILE",
            "Where the model goes; the name of the file with .bin at its end, in the current folder, unless given; then nothing is replaced."
        );
        Option<string?> pixels = Options.Text(
            "--pixels",
            byDefault: null,
            "WHAT",
            "What the network in the file takes for a pixel: bytes, from 0 to 255 as they are; unit, byte / 255; or the mean and the deviation "
                + "that its trainer took, such as \"0.1307 0.3081\" for (byte / 255 - 0.1307) / 0.3081. Files of cnn export say it themselves; "
                + "for others it is unit, unless their own nodes scale pixels down.",
            "bytes",
            "unit"
        );
        pixels.Validators.Add(given =>
        {
            try
            {
                if (given.GetValueOrDefault<string?>() is { } text)
                    ModelGraph.ReadPixels(text);
            }
            catch (CnnException cause)
            {
                given.AddError($"--pixels {cause.Message.TrimEnd('.')}.");
            }
        });
        var pyTorch = new PyTorchImportOptions();
        var command = new Command(
            "import",
            "Make a model of a file of another program: convolutional classifiers of images, of the layers that this program has."
        )
        {
            file,
            target,
            pixels,
        };
        foreach (Option option in pyTorch.All)
            command.Add(option);
        command.SetWork(
            (parsed, _) =>
            {
                string path = parsed.GetRequiredValue(file)!;
                string name = parsed.GetValue(target) ?? Path.GetFileName(Path.ChangeExtension(path, ".bin"));
                // model.onnx lies beside the model.bin that it was made of
                if (parsed.GetValue(target) is null && Path.Exists(name))
                    throw new CommandException(
                        ExitCode.Usage,
                        $"{name} is there already; say with --out where the model goes, --out {name} to replace it."
                    );
                OutputFile output = OutputFile.Check(name);
                if (output.IsAt(path))
                    throw new CommandException(ExitCode.Usage, $"--out {name} is the file itself; name another file.");
                Model model = Read(path, parsed.GetValue(pixels), pyTorch, parsed);
                string digest = ModelFiles.Save(model, output);
                Consoles.Result($"{string.Join('x', model.InputShape)}: {model.Architecture}");
                Consoles.Result($"{name}  sha256 {digest}");
                return ExitCode.Success;
            }
        );
        return command;
    }

    // which kind of file it is, its contents say
    private static Model Read(string path, string? pixels, PyTorchImportOptions pyTorch, ParseResult parsed)
    {
        byte[] contents = ModelFiles.Read(path);
        if (ModelFiles.IsModel(contents))
            throw CommandException.BadData($"{path} is a model of this program already; use it as it is.");
        if (ModelFiles.IsLikely(contents))
            return PyTorchFile.Import(path, contents, pyTorch.Read(parsed, pixels));
        if (StateDict.IsPickle(contents))
            throw CommandException.BadData(
                $"{path} is a pickle or a zip archive, as torch.save writes, which may hold programs as well; save the weights with safetensors.torch.save_file(model.state_dict(), FILE)."
            );
        if (pyTorch.FindGiven(parsed) is { } stray)
            throw new CommandException(
                ExitCode.Usage,
                $"{stray} is for the weights of PyTorch, and {path} is no safetensors file; an ONNX file says by itself what its network is."
            );
        return OnnxFile.Read(path, contents, pixels);
    }
}
