using System.Buffers.Binary;
using System.Text;

namespace Cnn.Peers.Torch;

/// <summary>A name in the string table of an ELF file, and where the file says that it is to be found.</summary>
/// <param name="Text">The name itself.</param>
/// <param name="Offset">Where the name stands in the file.</param>
internal readonly record struct ElfName(string Text, int Offset);

/// <summary>A symbol that a shared library defines or asks of others.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Version">The number of the version that belongs to it; 0 and 1 stand for none.</param>
internal readonly record struct ElfSymbol(ElfName Name, int Version);

/// <summary>A version that a shared library asks of another, such as GLIBCXX_3.4 of libstdc++.so.6.</summary>
/// <param name="Name">The name of the version.</param>
/// <param name="Number">By what number symbols refer to it.</param>
/// <param name="Entry">Where its entry (struct Elf64_Vernaux) stands in the file.</param>
internal readonly record struct ElfVersion(ElfName Name, int Number, int Entry);

/// <summary>
/// What a 64-bit little-endian ELF library asks of others, as its section headers say: the layout is in elf(5)
/// and in the chapter on symbol versions of the Linux Standard Base.
/// </summary>
internal sealed class ElfSymbols
{
    private const uint DynamicSymbols = 11;
    private const uint VersionNeeds = 0x6ffffffe;
    private const uint SymbolVersions = 0x6fffffff;
    private const int SymbolSize = 24;

    private readonly byte[] file;

    /// <summary>Reads the tables.</summary>
    /// <exception cref="InvalidDataException">These are not the bytes of such a library.</exception>
    public ElfSymbols(byte[] file)
    {
        this.file = file;
        try
        {
            if (!file.AsSpan().StartsWith("\u007fELF\u0002\u0001"u8))
                throw new InvalidDataException("it is not a 64-bit little-endian ELF file");
            Section[] sections = [.. ReadSections()];
            Section symbols = sections.First(section => section.Type == DynamicSymbols);
            Section numbers = sections.First(section => section.Type == SymbolVersions);
            Section needs = sections.First(section => section.Type == VersionNeeds);
            Versions = [.. ReadVersions(needs, sections[needs.Link])];
            Symbols = [.. ReadSymbols(symbols, sections[symbols.Link], numbers)];
        }
        catch (Exception cause)
            when (cause is InvalidOperationException or ArgumentException or IndexOutOfRangeException)
        {
            throw new InvalidDataException("its tables of symbols cannot be read", cause);
        }
    }

    /// <summary>All symbols for the dynamic linker.</summary>
    public IReadOnlyList<ElfSymbol> Symbols { get; }

    /// <summary>All versions that other libraries must have.</summary>
    public IReadOnlyList<ElfVersion> Versions { get; }

    private IEnumerable<Section> ReadSections()
    {
        int table = Offset(0x28);
        int size = Half(0x3a);
        int count = Half(0x3c);
        for (int at = table; at < table + count * size; at += size)
            yield return new Section(Word(at + 4), Offset(at + 24), Offset(at + 32), (int)Word(at + 40));
    }

    private IEnumerable<ElfVersion> ReadVersions(Section needs, Section names)
    {
        // one list a library that is needed, and in it one entry a version; each says how far the next one is
        int library = needs.Start;
        while (true)
        {
            int entry = library + (int)Word(library + 8);
            for (int left = Half(library + 2); left > 0; left--)
            {
                yield return new ElfVersion(Name(names, Word(entry + 8)), Half(entry + 6), entry);
                entry += (int)Word(entry + 12);
            }
            int next = (int)Word(library + 12);
            if (next == 0)
                yield break;
            library += next;
        }
    }

    private IEnumerable<ElfSymbol> ReadSymbols(Section symbols, Section names, Section numbers)
    {
        for (int i = 0; i < symbols.Size / SymbolSize; i++)
            yield return new ElfSymbol(
                Name(names, Word(symbols.Start + i * SymbolSize)),
                Half(numbers.Start + i * sizeof(ushort)) & 0x7fff
            );
    }

    private ElfName Name(Section names, uint offset)
    {
        int start = names.Start + (int)offset;
        return new ElfName(Encoding.ASCII.GetString(file, start, Array.IndexOf(file, (byte)0, start) - start), start);
    }

    private int Half(int at) => BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(at));

    private uint Word(int at) => BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at));

    private int Offset(int at) => checked((int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at)));

    private readonly record struct Section(uint Type, int Start, int Size, int Link);
}
