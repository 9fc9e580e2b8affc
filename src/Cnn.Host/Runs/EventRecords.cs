using System.Buffers.Binary;
using System.Numerics;
using Google.Protobuf;
using static Google.Protobuf.WireFormat;

namespace Cnn.Host.Runs;

/// <summary>
/// The records of a TensorBoard event file, each with its frame: the length of the message, a checksum of that, the message,
/// a checksum of that, all little-endian (the TFRecord format of TensorFlow). The messages are those of event.proto and
/// summary.proto; the numbers below are those of their fields.
/// </summary>
public static class EventRecords
{
    private const string Version = "brain.Event:2";

    // DataType in types.proto, DataClass in summary.proto
    private const int StringType = 7;
    private const int TensorData = 2;

    // added to a checksum that is turned, so that one of data which hold checksums is not trivial
    private const uint MaskDelta = 0xa282ead8;

    /// <summary>The name of an event file; TensorBoard looks for its beginning.</summary>
    public static string FileName(DateTimeOffset started) => $"events.out.tfevents.{started.ToUnixTimeSeconds()}.cnn";

    /// <summary>The record that a file starts with.</summary>
    public static byte[] Start(DateTimeOffset time) =>
        Record(time, step: 0, output => WriteString(output, field: 3, Version));

    /// <summary>Some numbers after a step, each with the name of its curve.</summary>
    public static byte[] Scalars(DateTimeOffset time, long step, IEnumerable<(string Tag, double Value)> scalars) =>
        Record(
            time,
            step,
            output =>
                WriteMessage(
                    output,
                    field: 5,
                    summary =>
                    {
                        foreach ((string tag, double number) in scalars)
                            WriteMessage(
                                summary,
                                field: 1,
                                value =>
                                {
                                    WriteString(value, field: 1, tag);
                                    value.WriteTag(2, WireType.Fixed32);
                                    value.WriteFloat((float)number);
                                }
                            );
                    }
                )
        );

    /// <summary>A text, in Markdown.</summary>
    public static byte[] Text(DateTimeOffset time, string tag, string text) =>
        Record(
            time,
            step: 0,
            output =>
                WriteMessage(
                    output,
                    field: 5,
                    summary =>
                        WriteMessage(
                            summary,
                            field: 1,
                            value =>
                            {
                                WriteString(value, field: 1, tag);
                                WriteMessage(value, field: 8, tensor => WriteTensor(tensor, text));
                                WriteMessage(value, field: 9, WriteTextMetadata);
                            }
                        )
                )
        );

    // a tensor without axes
    private static void WriteTensor(CodedOutputStream tensor, string text)
    {
        WriteNumber(tensor, field: 1, StringType);
        WriteMessage(tensor, field: 2, _ => { });
        WriteString(tensor, field: 8, text);
    }

    private static void WriteTextMetadata(CodedOutputStream metadata)
    {
        WriteMessage(metadata, field: 1, plugin => WriteString(plugin, field: 1, "text"));
        WriteNumber(metadata, field: 4, TensorData);
    }

    private static byte[] Record(DateTimeOffset time, long step, Action<CodedOutputStream> what) =>
        Frame(
            Message(output =>
            {
                output.WriteTag(1, WireType.Fixed64);
                output.WriteDouble((time - DateTimeOffset.UnixEpoch).TotalSeconds);
                WriteNumber(output, field: 2, step);
                what(output);
            })
        );

    private static byte[] Frame(byte[] message)
    {
        byte[] record = new byte[sizeof(long) + sizeof(uint) + message.Length + sizeof(uint)];
        Span<byte> length = record.AsSpan(0, sizeof(long));
        BinaryPrimitives.WriteInt64LittleEndian(length, message.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(sizeof(long)), MaskedChecksum(length));
        message.CopyTo(record, sizeof(long) + sizeof(uint));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(^sizeof(uint)..), MaskedChecksum(message));
        return record;
    }

    private static uint MaskedChecksum(ReadOnlySpan<byte> data)
    {
        uint checksum = uint.MaxValue;
        foreach (byte value in data)
            checksum = BitOperations.Crc32C(checksum, value);
        return unchecked(BitOperations.RotateRight(~checksum, 15) + MaskDelta);
    }

    private static byte[] Message(Action<CodedOutputStream> write)
    {
        using var buffer = new MemoryStream();
        using (var output = new CodedOutputStream(buffer, leaveOpen: true))
            write(output);
        return buffer.ToArray();
    }

    private static void WriteMessage(CodedOutputStream output, int field, Action<CodedOutputStream> write)
    {
        output.WriteTag(field, WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(Message(write)));
    }

    private static void WriteString(CodedOutputStream output, int field, string text)
    {
        output.WriteTag(field, WireType.LengthDelimited);
        output.WriteString(text);
    }

    private static void WriteNumber(CodedOutputStream output, int field, long number)
    {
        output.WriteTag(field, WireType.Varint);
        output.WriteInt64(number);
    }
}
