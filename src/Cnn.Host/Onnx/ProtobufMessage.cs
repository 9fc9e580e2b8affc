using Google.Protobuf;
using static Google.Protobuf.WireFormat;

namespace Cnn.Host.Onnx;

/// <summary>
/// A protobuf message to be written: fields in their order, each a number, a text, bytes, or a message within. Sizes are known
/// before anything is written, so that a file of any size is written once, into one array.
/// </summary>
internal sealed class ProtobufMessage
{
    private readonly List<Action<CodedOutputStream>> fields = [];
    private int size;

    public void Add(int field, long number) =>
        Add(
            field,
            CodedOutputStream.ComputeInt64Size(number),
            output =>
            {
                output.WriteTag(field, WireType.Varint);
                output.WriteInt64(number);
            }
        );

    public void Add(int field, float number) =>
        Add(
            field,
            sizeof(float),
            output =>
            {
                output.WriteTag(field, WireType.Fixed32);
                output.WriteFloat(number);
            }
        );

    public void Add(int field, string text) =>
        Add(
            field,
            CodedOutputStream.ComputeStringSize(text),
            output =>
            {
                output.WriteTag(field, WireType.LengthDelimited);
                output.WriteString(text);
            }
        );

    public void Add(int field, ReadOnlyMemory<byte> bytes)
    {
        ByteString shared = UnsafeByteOperations.UnsafeWrap(bytes);
        Add(
            field,
            CodedOutputStream.ComputeBytesSize(shared),
            output =>
            {
                output.WriteTag(field, WireType.LengthDelimited);
                output.WriteBytes(shared);
            }
        );
    }

    /// <summary>A message within, which must be complete.</summary>
    public void Add(int field, ProtobufMessage message) =>
        Add(
            field,
            checked(CodedOutputStream.ComputeLengthSize(message.size) + message.size),
            output =>
            {
                output.WriteTag(field, WireType.LengthDelimited);
                output.WriteLength(message.size);
                message.WriteTo(output);
            }
        );

    /// <summary>The bytes of the message.</summary>
    public byte[] ToArray()
    {
        byte[] bytes = new byte[size];
        using var output = new CodedOutputStream(bytes);
        WriteTo(output);
        output.CheckNoSpaceLeft();
        return bytes;
    }

    private void Add(int field, int contents, Action<CodedOutputStream> write)
    {
        size = checked(size + CodedOutputStream.ComputeTagSize(field) + contents);
        fields.Add(write);
    }

    private void WriteTo(CodedOutputStream output)
    {
        foreach (Action<CodedOutputStream> write in fields)
            write(output);
    }
}
