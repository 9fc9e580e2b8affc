using System.Text;

namespace Cnn.Peers.Torch;

/// <summary>
/// Lets a library that was built with GCC 13 load where libstdc++ is older, as on Debian 12.
///
/// Such a library asks for version GLIBCXX_3.4.32 because of a single function that every file with
/// <c>#include &lt;iostream&gt;</c> calls when it is loaded: <c>std::ios_base_library_init()</c>, which makes sure that
/// cin and cout exist. Before GCC 13 the constructor <c>std::ios_base::Init::Init()</c> did that. It uses no field of
/// its object, so that it can be called in the place of the function, without arguments; and all versions of
/// libstdc++ have it. What is changed, in place, is therefore that one name, and the version that it belongs to.
/// </summary>
internal static class OlderStandardLibrary
{
    /// <summary>The version that is too new.</summary>
    public const string NewVersion = "GLIBCXX_3.4.32";

    private const string OldVersion = "GLIBCXX_3.4";
    private const string NewFunction = "_ZSt21ios_base_library_initv";
    private const string OldFunction = "_ZNSt8ios_base4InitC1Ev";

    /// <summary>Replaces a library by one that asks for the old function.</summary>
    /// <exception cref="InvalidDataException">The library needs something else of the new version.</exception>
    public static void Suit(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        var library = new ElfSymbols(file);
        ElfVersion tooNew = Version(library, NewVersion);
        ElfVersion old = Version(library, OldVersion);
        ElfSymbol[] affected = [.. library.Symbols.Where(symbol => symbol.Version == tooNew.Number)];
        if (affected is not [{ Name: { Text: NewFunction } name }])
            throw new InvalidDataException(
                $"of {NewVersion} it needs more than can be replaced: {string.Join(", ", affected.Select(s => s.Name.Text))}"
            );
        if (IsShared(library, name))
            throw new InvalidDataException($"other names are stored as a part of {NewFunction}");

        // The symbol keeps its number of a version, and that version becomes the old one: first the hash of its
        // name, then, after two numbers of 16 bits that stay, where the name stands.
        file.AsSpan(old.Entry, 4).CopyTo(file.AsSpan(tooNew.Entry));
        file.AsSpan(old.Entry + 8, 4).CopyTo(file.AsSpan(tooNew.Entry + 8));
        Span<byte> text = file.AsSpan(name.Offset, NewFunction.Length);
        text.Clear();
        Encoding.ASCII.GetBytes(OldFunction, text);

        // moved into its place, as the file may be linked to the one in the package folder, which is not ours
        string mended = path + ".mended";
        File.WriteAllBytes(mended, file);
        // as old as the original and of the same size, so that the next build does not put that back
        File.SetLastWriteTimeUtc(mended, File.GetLastWriteTimeUtc(path));
        File.Move(mended, path, overwrite: true);
    }

    private static ElfVersion Version(ElfSymbols library, string name) =>
        library.Versions.Where(version => version.Name.Text == name).Take(1).ToArray() is [var found]
            ? found
            : throw new InvalidDataException($"it does not ask for {name}");

    // linkers store a name that another one ends with only once
    private static bool IsShared(ElfSymbols library, ElfName name)
    {
        IEnumerable<int> offsets = library
            .Symbols.Select(symbol => symbol.Name.Offset)
            .Concat(library.Versions.Select(version => version.Name.Offset));
        return offsets.Count(offset => offset >= name.Offset && offset < name.Offset + name.Text.Length) > 1;
    }
}
