using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.IO.Compression;
using System.IO.Hashing;
using System.Security.Cryptography;

namespace Cnn.Host.Data;

/// <summary>
/// An array of unsigned bytes in LeCun's IDX format, plain or gzipped: a magic number, one size a
/// dimension (both as 32-bit big-endian integers), then the bytes in row-major order. Nothing in the
/// file is trusted: a header that announces gigabytes costs no memory before the bytes arrive, and a
/// gzip stream that never ends is left one byte after the announced size.
/// </summary>
public sealed class IdxFile
{
    private static readonly Kind Images = new("images", [0x00000803, 0x00000804]);
    private static readonly Kind Labels = new("labels", [0x00000801]);

    private readonly byte[] header;

    private IdxFile(byte[] header, int[] dimensions, byte[] data)
    {
        this.header = header;
        Dimensions = dimensions;
        Data = data;
    }

    /// <summary><c>[count]</c>, <c>[count; rows; columns]</c> or <c>[count; channels; rows; columns]</c>.</summary>
    public IReadOnlyList<int> Dimensions { get; }

    /// <summary>The bytes after the header, as many as the product of the dimensions.</summary>
    public byte[] Data { get; }

    /// <summary>Reads images of 3 dimensions (grey) or 4 (with channels).</summary>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    public static IdxFile ReadImages(string path) => Read(path, Images);

    /// <summary>Reads labels, one byte each.</summary>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    public static IdxFile ReadLabels(string path) => Read(path, Labels);

    /// <summary>SHA-256 of the file as it is uncompressed, header included; 32 bytes.</summary>
    public byte[] Sha256()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(header);
        hash.AppendData(Data);
        return hash.GetHashAndReset();
    }

    private static IdxFile Read(string path, Kind kind) =>
        DataFile.Read(path, $"a file of {kind.Noun}", file => Read(path, kind, file));

    private static IdxFile Read(string path, Kind kind, FileStream file)
    {
        bool compressed = file.ReadByte() == 0x1f && file.ReadByte() == 0x8b;
        file.Position = 0;
        if (!compressed && path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase))
            Refuse(
                $"{path} is named .gz but is not gzip data; drop .gz from the name of an unpacked file, or restore it from a fresh copy."
            );
        if (!compressed)
            return Parse(path, kind, file, file.Length);
        using var content = new GZipStream(file, CompressionMode.Decompress);
        // Images seldom shrink to less than an eighth, so that one allocation is usually enough.
        IdxFile result = Parse(path, kind, content, Math.Min(file.Length, Array.MaxLength) * 8);
        CheckTrailer(path, file, result);
        return result;
    }

    private static IdxFile Parse(string path, Kind kind, Stream content, long likelySize)
    {
        Span<byte> word = stackalloc byte[sizeof(uint)];
        ReadHeader(path, content, word);
        uint magic = BinaryPrimitives.ReadUInt32BigEndian(word);
        CheckMagic(path, kind, magic);

        int rank = (int)(magic & 0xff);
        byte[] header = new byte[word.Length * (1 + rank)];
        word.CopyTo(header);
        Span<byte> rest = header.AsSpan(word.Length);
        ReadHeader(path, content, rest);
        uint[] announced = new uint[rank];
        for (int i = 0; i < rank; i++)
            announced[i] = BinaryPrimitives.ReadUInt32BigEndian(rest[(i * word.Length)..]);

        int size = Product(path, announced);
        return new IdxFile(
            header,
            Array.ConvertAll(announced, n => (int)n),
            ReadExactly(path, content, size, likelySize)
        );
    }

    private static void ReadHeader(string path, Stream content, Span<byte> part)
    {
        int read = content.ReadAtLeast(part, part.Length, throwOnEndOfStream: false);
        if (read < part.Length)
            Refuse($"{path} is truncated: its header lacks {part.Length - read} bytes; restore it from a fresh copy.");
    }

    private static void CheckMagic(string path, Kind kind, uint magic)
    {
        if (kind.Magics.Contains(magic))
            return;
        Kind other = kind == Images ? Labels : Images;
        string right = string.Join(" or ", kind.Magics.Select(n => $"0x{n:X8}"));
        if (other.Magics.Contains(magic))
            Refuse(
                $"{path} holds {other.Noun} (magic number 0x{magic:X8}) where {kind.Noun} ({right}) are expected; the two files may be swapped."
            );
        Refuse($"{path} starts with 0x{magic:X8}, but IDX {kind.Noun} of unsigned bytes start with {right}.");
    }

    private static int Product(string path, uint[] dimensions)
    {
        ulong product = 1;
        foreach (uint dimension in dimensions)
        {
            // both factors stay below 2^32, so that this cannot overflow
            product *= dimension;
            if (product == 0 || product > (ulong)Array.MaxLength)
                Refuse(
                    $"{path} announces {string.Join(" x ", dimensions)} bytes; every dimension must be at least 1, and their product at most {Array.MaxLength:N0}."
                );
        }
        return (int)product;
    }

    private static byte[] ReadExactly(string path, Stream content, int size, long likelySize)
    {
        byte[] data = GC.AllocateUninitializedArray<byte>((int)Math.Clamp(likelySize, 1, size));
        int filled = 0;
        try
        {
            while (true)
            {
                int read = content.Read(data.AsSpan(filled));
                filled += read;
                if (filled == size)
                    break;
                if (read == 0)
                    Refuse(Shortfall(path, size, filled));
                if (filled == data.Length)
                    Array.Resize(ref data, (int)Math.Min(2L * data.Length, size));
            }
            if (content.ReadByte() >= 0)
                Refuse(
                    $"{path} holds more than the {size:N0} bytes that its header announces; restore it from a fresh copy."
                );
            return data;
        }
        catch (InvalidDataException cause)
        {
            throw CommandException.BadData(Shortfall(path, size, filled), cause);
        }
    }

    // GZipStream lets pass a trailer that was cut off, and with it the checksum, and anything after one.
    // A whole gzip stream ends with the CRC-32 and the size of what it unpacks to (RFC 1952, section 2.3.1).
    private static void CheckTrailer(string path, FileStream file, IdxFile unpacked)
    {
        var checksum = new Crc32();
        checksum.Append(unpacked.header);
        checksum.Append(unpacked.Data);
        uint size = (uint)unpacked.header.Length + (uint)unpacked.Data.Length;
        Span<byte> trailer = stackalloc byte[2 * sizeof(uint)];
        file.Seek(-Math.Min(trailer.Length, file.Length), SeekOrigin.End);
        if (
            file.ReadAtLeast(trailer, trailer.Length, throwOnEndOfStream: false) < trailer.Length
            || BinaryPrimitives.ReadUInt32LittleEndian(trailer) != checksum.GetCurrentHashAsUInt32()
            || BinaryPrimitives.ReadUInt32LittleEndian(trailer[sizeof(uint)..]) != size
        )
            Refuse(
                $"{path} does not end as one gzip stream of {size:N0} bytes does: its end is cut off, or something follows it; restore it from a fresh copy or compress it anew."
            );
    }

    private static string Shortfall(string path, int size, int found) =>
        $"{path} is truncated or damaged: {size:N0} bytes are expected after its header and {found:N0} were found; restore it from a fresh copy.";

    [DoesNotReturn]
    private static void Refuse(string sentence) => throw CommandException.BadData(sentence);

    private sealed record Kind(string Noun, uint[] Magics);
}
