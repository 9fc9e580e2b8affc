using System.Security.Cryptography;

namespace Cnn.Host.Data;

/// <summary>
/// The digests of a data folder: its file <c>SHA256SUMS</c>, in the format of the sha256sum command.
/// Names and digests are those of the uncompressed files, so that compressing again at another level
/// changes nothing. Names that are never loaded do no harm.
/// </summary>
public sealed class Checksums
{
    /// <summary>The name of the list in its folder.</summary>
    public const string FileName = "SHA256SUMS";

    private const int DigestDigits = 2 * SHA256.HashSizeInBytes;

    // enough to recognise a digest, few enough to read
    private const int ShownDigits = 12;

    // a list is a few lines; this bounds what a wrong file of that name can cost
    private const int LongestList = 1 << 20;

    private readonly Dictionary<string, string> digests = new(StringComparer.Ordinal);

    private Checksums() { }

    /// <summary>Reads the folder's list; a folder without one yields a list that verifies nothing.</summary>
    /// <exception cref="CommandException">Bad data: the list is unreadable or malformed.</exception>
    public static Checksums Open(string folder)
    {
        var checksums = new Checksums();
        string path = Path.Combine(folder, FileName);
        // asked first because a thrown and caught exception is slow at start-up
        if (!Path.Exists(path))
            return checksums;
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > LongestList })
                throw CommandException.BadData(
                    $"{path} is larger than {LongestList:N0} bytes, which no list of digests is; remove it or restore it from a fresh copy."
                );
            int number = 0;
            foreach (string line in File.ReadLines(path))
                checksums.Add(path, ++number, line);
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw CommandException.Unreadable(path, cause);
        }
        return checksums;
    }

    /// <summary>Compares a file with its line in the list, if it has one.</summary>
    /// <param name="path">Where the file is; its name, without .gz, is looked up.</param>
    /// <exception cref="CommandException">Bad data: the file is not the one that is listed, or cannot be read.</exception>
    public void Verify(string path) => Verify(path, () => DataFile.Sha256(path));

    /// <summary>Compares a file that was read with its line in the list, if it has one.</summary>
    /// <param name="path">Where the file was read from; its name, without .gz, is looked up.</param>
    /// <param name="digest">Of what was read, for a file that is listed.</param>
    /// <param name="name">The name in the list; null for that of the file.</param>
    /// <exception cref="CommandException">Bad data: the file is not the one that is listed.</exception>
    public void Verify(string path, Func<byte[]> digest, string? name = null)
    {
        name ??= Path.GetFileName(path);
        if (name.EndsWith(".gz", StringComparison.OrdinalIgnoreCase))
            name = name[..^3];
        if (!digests.TryGetValue(Canonical(name), out string? expected))
            return;
        string found = Convert.ToHexStringLower(digest());
        if (found != expected)
            throw CommandException.BadData(
                $"{path} is not the file that {FileName} lists: SHA-256 {expected[..ShownDigits]}... is expected and {found[..ShownDigits]}... was found; restore it from a fresh copy."
            );
    }

    private void Add(string path, int number, string line)
    {
        if (string.IsNullOrWhiteSpace(line))
            return;
        // after the digest come a space and a mark: another space for text, an asterisk for binary
        bool wellFormed =
            line.Length > DigestDigits + 2
            && IsHex(line[..DigestDigits])
            && line[DigestDigits] == ' '
            && line[DigestDigits + 1] is ' ' or '*';
        if (!wellFormed)
            throw CommandException.BadData(
                $"{path}, line {number}, is not 64 hexadecimal digits, two spaces and a file name; write the list with the sha256sum command."
            );
        string digest = line[..DigestDigits].ToLowerInvariant();
        string name = line[(DigestDigits + 2)..];
        if (!digests.TryAdd(Canonical(name), digest) && digests[Canonical(name)] != digest)
            throw CommandException.BadData(
                $"{path}, line {number}, gives {name} a second, different digest; keep the right one of the two."
            );
    }

    // SearchValues would do the same after milliseconds of just-in-time compilation
    private static bool IsHex(string digits)
    {
        foreach (char digit in digits)
        {
            if (!char.IsAsciiHexDigit(digit))
                return false;
        }
        return true;
    }

    // some mirrors spell train-images-idx3-ubyte with a dot before idx; the bytes are the same
    private static string Canonical(string name) => name.Replace(".idx", "-idx", StringComparison.Ordinal);
}
