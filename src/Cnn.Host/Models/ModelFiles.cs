using System.Buffers.Binary;
using System.Security.Cryptography;
using Cnn.Host.Data;
using Cnn.Host.Output;

namespace Cnn.Host.Models;

/// <summary>Reads and writes model files.</summary>
internal static class ModelFiles
{
    // 2 GiB, less what the runtime keeps from arrays
    private static readonly long MostBytes = Array.MaxLength;

    // a file starts with the size of its header
    private const int SizeBytes = sizeof(ulong);

    /// <summary>Reads a model; nothing in the file is trusted.</summary>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    public static Model Load(string path)
    {
        byte[] contents = Read(path);
        try
        {
            var model = Model.Decode(contents);
            if (!model.IsVerified)
                Consoles.Status(
                    $"{path} is unverified: it holds no SHA-256 of its own, so that nobody can tell whether it is as it was written"
                );
            return model;
        }
        catch (CnnException cause)
        {
            throw Unusable(path, cause.Message.TrimEnd('.'), cause);
        }
    }

    /// <summary>Whether a file starts as a model does: with the size of a header, and that header; false where there is none.</summary>
    public static bool IsLikely(string path)
    {
        Span<byte> start = stackalloc byte[SizeBytes + 1];
        try
        {
            if (RegularFile.SeemsEmpty(path))
                return false;
            using FileStream file = File.OpenRead(path);
            return IsLikely(start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)]);
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            return false;
        }
    }

    /// <summary>Whether bytes start as a model does.</summary>
    public static bool IsLikely(ReadOnlySpan<byte> start) =>
        start.Length > SizeBytes
        && BinaryPrimitives.ReadUInt64LittleEndian(start) <= uint.MaxValue
        && start[SizeBytes] == (byte)'{';

    /// <summary>Whether the bytes of a file are a model of this program.</summary>
    public static bool IsModel(byte[] contents)
    {
        try
        {
            Model.Decode(contents);
            return true;
        }
        catch (CnnException)
        {
            return false;
        }
    }

    /// <summary>Writes a model, whole or not at all.</summary>
    /// <returns>The SHA-256 of the file in hexadecimal: equal digests, equal models.</returns>
    /// <exception cref="CommandException">Write failed.</exception>
    public static string Save(Model model, OutputFile file)
    {
        byte[] contents = model.Encode();
        file.Write(contents);
        return Convert.ToHexStringLower(SHA256.HashData(contents));
    }

    private static CommandException Unusable(string path, string reason, Exception cause) =>
        CommandException.BadData($"{path} is not a usable model: {reason}.", cause);

    /// <summary>The bytes of a file that may be a model.</summary>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    public static byte[] Read(string path)
    {
        if (Directory.Exists(path))
            throw CommandException.BadData($"{path} is a folder where a model file is expected; name the file in it.");
        try
        {
            if (RegularFile.SeemsEmpty(path))
                throw CommandException.BadData($"{path} is empty, or a pipe or device; give a whole file on a disk.");
            using var file = new FileStream(
                path,
                new FileStreamOptions { BufferSize = 0, Options = FileOptions.SequentialScan }
            );
            if (!file.CanSeek)
                throw CommandException.BadData($"{path} is not a regular file; give a model file on a disk.");
            if (file.Length > MostBytes)
                throw CommandException.BadData(
                    $"{path} has {file.Length:N0} bytes, and a model may have {MostBytes:N0} at most; check the path."
                );
            byte[] contents = GC.AllocateUninitializedArray<byte>((int)file.Length);
            file.ReadExactly(contents);
            return contents;
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw CommandException.Unreadable(path, cause);
        }
    }
}
