using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Google.Protobuf;
using static Google.Protobuf.WireFormat;

namespace Cnn.Host.Onnx;

/// <summary>
/// Goes through the fields of a protobuf message. The contents of a field stay where they are, in the file: a reader takes what it
/// needs, and can count before it takes.
/// </summary>
/// <remarks>Where there is no protobuf message, an <see cref="InvalidDataException"/> says so.</remarks>
[SuppressMessage("Design", "CA1001", Justification = "The input reads an array, and holds nothing to give back.")]
internal sealed class ProtobufReader
{
    private static readonly UTF8Encoding strictUtf8 = new(
        encoderShouldEmitUTF8Identifier: false,
        throwOnInvalidBytes: true
    );

    private readonly byte[] file;
    private readonly CodedInputStream input;

    // what the input calls the start of the file
    private readonly long origin;

    private WireType type;
    private long number;
    private int contentsStart;
    private int contentsLength;

    public ProtobufReader(byte[] file)
        : this(file, 0, file.Length) { }

    private ProtobufReader(byte[] file, int start, int length)
    {
        this.file = file;
        input = new CodedInputStream(file, start, length);
        origin = input.Position - start;
    }

    /// <summary>The number of the field at hand.</summary>
    public int Field { get; private set; }

    /// <summary>Goes on to the next field; false at the end.</summary>
    public bool Read()
    {
        try
        {
            uint tag = input.ReadTag();
            if (tag == 0)
                return false;
            Field = GetTagFieldNumber(tag);
            type = GetTagWireType(tag);
            switch (type)
            {
                case WireType.Varint:
                    number = input.ReadInt64();
                    break;
                case WireType.Fixed32:
                    number = input.ReadFixed32();
                    break;
                case WireType.Fixed64:
                    number = (long)input.ReadFixed64();
                    break;
                case WireType.LengthDelimited:
                    contentsStart = Position;
                    input.SkipLastField();
                    // the length before the contents ends with the first byte whose highest bit is not set
                    while (file[contentsStart++] > sbyte.MaxValue) { }
                    contentsLength = Position - contentsStart;
                    break;
                default:
                    // groups, which no ONNX file has
                    throw NoMessage();
            }
            return true;
        }
        catch (InvalidProtocolBufferException cause)
        {
            throw NoMessage(cause);
        }
    }

    /// <summary>The whole number in the field at hand.</summary>
    public long Number => type == WireType.Varint ? number : throw NoMessage();

    /// <summary>The number in single precision in the field at hand.</summary>
    public float Single => type == WireType.Fixed32 ? BitConverter.UInt32BitsToSingle((uint)number) : throw NoMessage();

    /// <summary>Whether the field at hand has contents of some length, and is no single number.</summary>
    public bool HasContents => type == WireType.LengthDelimited;

    /// <summary>The bytes in the field at hand.</summary>
    public ReadOnlyMemory<byte> Bytes => HasContents ? file.AsMemory(contentsStart, contentsLength) : throw NoMessage();

    /// <summary>The text in the field at hand.</summary>
    public string Text
    {
        get
        {
            try
            {
                return strictUtf8.GetString(Bytes.Span);
            }
            catch (DecoderFallbackException cause)
            {
                throw new InvalidDataException("it holds text that is not UTF-8", cause);
            }
        }
    }

    /// <summary>The message in the field at hand.</summary>
    public ProtobufReader Message =>
        HasContents ? new ProtobufReader(file, contentsStart, contentsLength) : throw NoMessage();

    /// <summary>Adds the whole numbers in the field at hand, one or many, to a list that may come to hold so many.</summary>
    public void AddNumbers(List<long> list, int most, string what)
    {
        if (type == WireType.Varint)
        {
            AddTo(list, number, most, what);
            return;
        }
        ReadOnlyMemory<byte> contents = Bytes;
        var packed = new CodedInputStream(file, contentsStart, contents.Length);
        try
        {
            while (!packed.IsAtEnd)
                AddTo(list, packed.ReadInt64(), most, what);
        }
        catch (InvalidProtocolBufferException cause)
        {
            throw NoMessage(cause);
        }
    }

    /// <summary>Adds the numbers in single precision in the field at hand, one or many, to a list that may come to hold so many.</summary>
    public void AddSingles(List<float> list, int most, string what)
    {
        if (type == WireType.Fixed32)
        {
            AddTo(list, Single, most, what);
            return;
        }
        ReadOnlySpan<byte> packed = Bytes.Span;
        if (packed.Length % sizeof(float) != 0)
            throw NoMessage();
        for (; packed.Length > 0; packed = packed[sizeof(float)..])
            AddTo(list, BinaryPrimitives.ReadSingleLittleEndian(packed), most, what);
    }

    /// <summary>Adds an item to a list that may come to hold so many.</summary>
    public static void AddTo<T>(List<T> list, T item, int most, string what)
    {
        if (list.Count == most)
            throw new InvalidDataException($"it has more than {most:N0} {what}");
        list.Add(item);
    }

    private int Position => (int)(input.Position - origin);

    private static InvalidDataException NoMessage(Exception? cause = null) =>
        new("it is damaged, or no protobuf message", cause);
}
