using System.Security.Cryptography;

namespace Cnn.Host.Data;

/// <summary>Files of a data set, read from their start to their end.</summary>
internal static class DataFile
{
    // a record of CIFAR-10 has 3 KB, a row of a CSV file a little more
    private const int BufferSize = 1 << 16;

    /// <summary>Does something with a file's contents.</summary>
    /// <param name="path">The file, as the user wrote it.</param>
    /// <param name="noun">What is expected in it, such as "a CSV file".</param>
    /// <param name="read">The work.</param>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    public static T Read<T>(string path, string noun, Func<FileStream, T> read)
    {
        if (Directory.Exists(path))
            throw CommandException.BadData($"{path} is a folder where {noun} is expected.");
        try
        {
            if (RegularFile.SeemsEmpty(path))
                throw CommandException.BadData($"{path} is empty, or a pipe or device; give {noun} on a disk.");
            using var file = new FileStream(
                path,
                new FileStreamOptions { BufferSize = BufferSize, Options = FileOptions.SequentialScan }
            );
            if (!file.CanSeek)
                throw CommandException.BadData($"{path} is not a regular file; give {noun} on a disk.");
            return read(file);
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw CommandException.Unreadable(path, cause);
        }
    }

    /// <summary>Makes sure that a file is there and may be read.</summary>
    public static void Check(string path) => Read(path, "a file", _ => true);

    /// <summary>The SHA-256 of a file; 32 bytes.</summary>
    public static byte[] Sha256(string path) => Read(path, "a file", SHA256.HashData);

    /// <summary>The SHA-256 of those of some files, one after the other, in hexadecimal.</summary>
    public static string DigestOf(params IEnumerable<string> paths)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string path in paths)
            hash.AppendData(Sha256(path));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Bytes for so many images, once it is known that an array holds them.</summary>
    /// <param name="path">The data.</param>
    /// <param name="count">How many images.</param>
    /// <param name="channels">Planes of each.</param>
    /// <param name="height">Rows of each.</param>
    /// <param name="width">Columns of each.</param>
    /// <exception cref="CommandException">Bad data: an array does not hold them, or the memory does not.</exception>
    public static byte[] Allocate(string path, long count, int channels, int height, int width)
    {
        var size = (Int128)count * channels * height * width;
        if (size > Array.MaxLength)
            throw CommandException.BadData(
                $"{path} has {count:N0} images of {channels}x{height}x{width}, which take {(decimal)size:N0} bytes, and {Array.MaxLength:N0} are the most; take fewer of them or smaller ones."
            );
        try
        {
            return GC.AllocateUninitializedArray<byte>((int)size);
        }
        catch (OutOfMemoryException cause)
        {
            throw CommandException.Unreadable(path, cause);
        }
    }
}
