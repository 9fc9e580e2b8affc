using Cnn.Host.Models;
using Cnn.Host.Output;
using Cnn.Interchange;

namespace Cnn.Host.Onnx;

/// <summary>Models in ONNX files (https://onnx.ai).</summary>
internal static class OnnxFile
{
    /// <summary>Writes a model as an ONNX file, whole or not at all.</summary>
    /// <returns>The bytes of the file.</returns>
    /// <exception cref="CommandException">Write failed.</exception>
    public static byte[] Save(OperatorGraph graph, OutputFile file)
    {
        byte[] contents = OnnxWriter.Encode(graph);
        file.Write(contents);
        return contents;
    }

    /// <summary>The model in the bytes of an ONNX file; what its user should know of it goes to stderr.</summary>
    /// <param name="path">The file, for sentences.</param>
    /// <param name="contents">Its bytes.</param>
    /// <param name="pixels">What the graph is given for a pixel, or null: see <see cref="ModelGraph.ReadPixels"/>.</param>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    public static Model Read(string path, byte[] contents, string? pixels)
    {
        ImportedModel imported = Decode(path, contents, pixels);
        foreach (string remark in imported.Remarks)
            Consoles.Status($"{path}: {remark}");
        return imported.Model;
    }

    /// <summary>The same without a word.</summary>
    public static ImportedModel Decode(string path, byte[] contents, string? pixels)
    {
        try
        {
            return ModelGraph.Import(OnnxReader.Decode(contents), pixels);
        }
        catch (Exception cause) when (cause is CnnException or InvalidDataException)
        {
            throw CommandException.BadData(
                $"{path} is not an ONNX file that can be a model here: {cause.Message.TrimEnd('.')}.",
                cause
            );
        }
    }
}
