using System.Buffers.Binary;
using Cnn.Interchange;
using Microsoft.FSharp.Collections;

namespace Cnn.Host.Onnx;

/// <summary>Reads the tensors of an ONNX file, and what it says of those that it is given and gives.</summary>
internal static class OnnxTensors
{
    // shapes and axes; weights are none
    private const int MostWholeNumbers = 64;

    /// <summary>A constant. Its numbers stay where they are in the file; whole ones, which are few, do not.</summary>
    public static GraphTensor Tensor(ProtobufReader reader)
    {
        string name = "";
        long type = 0;
        List<long> extents = [];
        List<long> integers = [];
        ReadOnlyMemory<byte>? bytes = null;
        while (reader.Read())
            switch (reader.Field)
            {
                case OnnxFields.Tensor.Name:
                    name = reader.Text;
                    break;
                case OnnxFields.Tensor.DataType:
                    type = reader.Number;
                    break;
                case OnnxFields.Tensor.Extents:
                    reader.AddNumbers(extents, GraphTensorModule.MostAxes, "axes of one tensor");
                    break;
                // numbers that are packed have the form of raw data
                case OnnxFields.Tensor.RawData:
                case OnnxFields.Tensor.FloatData when bytes is null && reader.HasContents:
                    bytes = reader.Bytes;
                    break;
                case OnnxFields.Tensor.Int32Data:
                case OnnxFields.Tensor.Int64Data:
                    reader.AddNumbers(integers, MostWholeNumbers, "whole numbers in one tensor");
                    break;
                case OnnxFields.Tensor.FloatData:
                case OnnxFields.Tensor.Segment:
                    throw new InvalidDataException("a tensor comes in pieces; only whole ones are read");
                case OnnxFields.Tensor.ExternalData:
                case OnnxFields.Tensor.DataLocation when reader.Number != 0:
                    throw new InvalidDataException(
                        "its weights are in another file; save it as a single file (external data is not read)"
                    );
            }
        return new GraphTensor(name, ElementTypeOf(type), ListModule.OfSeq(extents), bytes ?? Written(type, integers));
    }

    private static ElementType ElementTypeOf(long type) =>
        type switch
        {
            OnnxFields.DataTypes.Float32 => ElementType.Float32,
            OnnxFields.DataTypes.UInt8 => ElementType.UInt8,
            OnnxFields.DataTypes.Int32 => ElementType.Int32,
            OnnxFields.DataTypes.Int64 => ElementType.Int64,
            _ => ElementType.NewOtherType(OnnxFields.DataTypes.NameOf(type)),
        };

    // whole numbers in the form of raw data
    private static byte[] Written(long type, List<long> numbers)
    {
        int width = type == OnnxFields.DataTypes.Int64 ? sizeof(long) : sizeof(int);
        byte[] bytes = new byte[width * numbers.Count];
        for (int i = 0; i < numbers.Count; i++)
            if (width == sizeof(long))
                BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(width * i), numbers[i]);
            else
                BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(width * i), unchecked((int)numbers[i]));
        return bytes;
    }

    /// <summary>An input or output of a graph.</summary>
    public static GraphPort Port(ProtobufReader reader)
    {
        string name = "";
        ElementType type = ElementType.NewOtherType("no tensor");
        List<Extent> extents = [];
        while (reader.Read())
            if (reader.Field == OnnxFields.ValueInfo.Name)
                name = reader.Text;
            else if (reader.Field == OnnxFields.ValueInfo.Type)
                foreach (ProtobufReader tensor in Within(reader.Message, OnnxFields.Type.Tensor))
                    while (tensor.Read())
                        if (tensor.Field == OnnxFields.TensorType.ElementType)
                            type = ElementTypeOf(tensor.Number);
                        else if (tensor.Field == OnnxFields.TensorType.Shape)
                            foreach (ProtobufReader extent in Within(tensor.Message, OnnxFields.Shape.Extent))
                                ProtobufReader.AddTo(
                                    extents,
                                    ExtentOf(extent),
                                    GraphTensorModule.MostAxes,
                                    "axes of an input"
                                );
        return new GraphPort(name, type, ListModule.OfSeq(extents));
    }

    private static Extent ExtentOf(ProtobufReader reader)
    {
        Extent extent = Extent.NewOpen("");
        while (reader.Read())
            if (reader.Field == OnnxFields.Extent.Value)
                extent = Extent.NewFixed(reader.Number);
            else if (reader.Field == OnnxFields.Extent.Parameter)
                extent = Extent.NewOpen(reader.Text);
        return extent;
    }

    // the messages in one field of another
    private static IEnumerable<ProtobufReader> Within(ProtobufReader reader, int field)
    {
        while (reader.Read())
            if (reader.Field == field)
                yield return reader.Message;
    }
}
