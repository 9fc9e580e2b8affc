using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Cnn.Peers.Ours;

/// <summary>A named tensor of a model.</summary>
/// <param name="Shape">Its extents, the outermost first.</param>
/// <param name="Values">Its numbers, the last axis fastest.</param>
internal sealed record ModelTensor(long[] Shape, float[] Values);

/// <summary>The numbers of a model, from the safetensors file that it is saved as.</summary>
internal sealed class ModelTensors
{
    private readonly Dictionary<string, ModelTensor> tensors = [];

    public ModelTensors(Model model)
    {
        // eight bytes with the length of a JSON header, the header, then the numbers
        ReadOnlySpan<byte> file = model.Encode();
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        ReadOnlySpan<byte> values = file[(sizeof(long) + length)..];
        using var header = JsonDocument.Parse(file.Slice(sizeof(long), length).ToArray());
        foreach (JsonProperty entry in header.RootElement.EnumerateObject().Where(e => e.Name != "__metadata__"))
        {
            int[] range = [.. entry.Value.GetProperty("data_offsets").EnumerateArray().Select(n => n.GetInt32())];
            long[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(n => n.GetInt64())];
            // both the file and the machines that libtorch is for are little-endian
            tensors[entry.Name] = new(shape, MemoryMarshal.Cast<byte, float>(values[range[0]..range[1]]).ToArray());
        }
    }

    /// <summary>The weights of a layer, counted from 0: [filters; channels; rows; columns] or [inputs; outputs].</summary>
    public ModelTensor Weight(int layer) => tensors[$"{layer}.weight"];

    /// <summary>The bias of a layer, counted from 0.</summary>
    public ModelTensor Bias(int layer) => tensors[$"{layer}.bias"];
}
