using System.Text;
using System.Xml;

namespace Cnn.Host.Data;

/// <summary>The names of classes, as data sets give them.</summary>
internal static class ClassList
{
    /// <summary>Classes that a data set may have: labels are bytes.</summary>
    public const int Most = byte.MaxValue + 1;

    /// <summary>Characters of a name, at most: as many as a model keeps.</summary>
    public const int Longest = 100;

    // so many names, each of characters of up to four bytes, and some room
    private const long MostBytes = 1 << 18;

    private static readonly UTF8Encoding strictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Whether a class can have this name: it will be shown in terminals, pages and pictures.</summary>
    public static bool IsPossible(string name) =>
        name.Length is > 0 and <= Longest && !name.Any(char.IsControl) && IsWhole(name);

    /// <summary>Reads names from a file, one a line; empty lines are none.</summary>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the line.</exception>
    public static IReadOnlyList<string> Read(string path)
    {
        string[] lines = DataFile.Read(
            path,
            "a file of class names",
            file =>
            {
                if (file.Length > MostBytes)
                    throw CommandException.BadData($"{path} is too large for a list of class names; check what it is.");
                using var reader = new StreamReader(file, strictUtf8);
                try
                {
                    return reader.ReadToEnd().ReplaceLineEndings("\n").Split('\n', StringSplitOptions.TrimEntries);
                }
                catch (DecoderFallbackException cause)
                {
                    throw CommandException.BadData($"{path} is not UTF-8 text; save it as that.", cause);
                }
            }
        );
        var names = new List<string>();
        foreach ((int index, string name) in lines.Index().Where(line => line.Item.Length > 0))
        {
            if (!IsPossible(name))
                throw CommandException.BadData(
                    $"{path}, line {index + 1}, is no name of a class: it may have {Longest} characters at most, none of them for control."
                );
            if (names.Contains(name))
                throw CommandException.BadData(
                    $"{path}, line {index + 1}, gives a second class the name {name}; every class needs its own."
                );
            names.Add(name);
        }
        return names.Count is > 0 and <= Most
            ? names
            : throw CommandException.BadData(
                $"{path} holds {names.Count} names of classes; there may be 1 to {Most}, one a line."
            );
    }

    // no half of a surrogate pair, and nothing that XML has no place for
    private static bool IsWhole(string name)
    {
        for (int i = 0; i < name.Length; i++)
        {
            if (char.IsHighSurrogate(name[i]) && i + 1 < name.Length && char.IsLowSurrogate(name[i + 1]))
                i++;
            else if (!XmlConvert.IsXmlChar(name[i]))
                return false;
        }
        return true;
    }
}
