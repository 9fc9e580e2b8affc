using Cnn.Host.Output;

namespace Cnn.Host.Data;

/// <summary>A folder of the pictures of one class, which has its name.</summary>
/// <param name="Name">The class.</param>
/// <param name="Files">The pictures, in the order of their names.</param>
internal sealed record ClassFolder(string Name, IReadOnlyList<string> Files)
{
    private static readonly string[] extensions = [".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"];

    // hidden files and folders are those of systems and programs: .DS_Store, .ipynb_checkpoints
    private static readonly EnumerationOptions visible = new()
    {
        AttributesToSkip = FileAttributes.Hidden | FileAttributes.System,
        IgnoreInaccessible = false,
    };

    /// <summary>The folders in a folder, in the order of their names, character by character; hidden ones are none.</summary>
    public static string[] FoldersIn(string folder) => Sorted(Directory.EnumerateDirectories(folder, "*", visible));

    /// <summary>The files in a folder, in the same order.</summary>
    public static string[] FilesIn(string folder) => Sorted(Directory.EnumerateFiles(folder, "*", visible));

    /// <summary>Whether a file is taken for a picture, by its name.</summary>
    public static bool IsPicture(string file) =>
        extensions.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase);

    /// <summary>The classes in a folder. What is no picture is left out, and a line says so.</summary>
    /// <exception cref="CommandException">Bad data: a folder without pictures, or something that nobody would expect there.</exception>
    public static IReadOnlyList<ClassFolder> AllIn(string folder)
    {
        try
        {
            string[] classes = FoldersIn(folder);
            if (classes.Length is 0 or > ClassList.Most)
                throw CommandException.BadData(
                    $"{folder} has {classes.Length:N0} folders, each of which is a class; there may be 1 to {ClassList.Most}."
                );
            Tell(
                folder,
                FilesIn(folder).Where(IsPicture),
                "picture is left out that is in no folder of a class",
                "pictures are left out that are in no folder of a class"
            );
            return [.. classes.Select(Open)];
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw CommandException.Unreadable(folder, cause);
        }
    }

    private static ClassFolder Open(string folder)
    {
        string name = Path.GetFileName(folder);
        if (!ClassList.IsPossible(name))
            throw CommandException.BadData(
                $"the folder {folder} cannot be the name of a class: it may have {ClassList.Longest} characters at most, none of them for control; rename it."
            );
        if (FoldersIn(folder) is [var inner, ..])
            throw CommandException.BadData(
                $"{inner} is a folder inside of the class {name}; put its pictures into {folder} itself, or move it elsewhere."
            );
        string[] files = FilesIn(folder);
        string[] pictures = [.. files.Where(IsPicture)];
        if (pictures.Length == 0)
            throw CommandException.BadData(
                $"the folder {folder} has no picture of its class; add files that end with {string.Join(", ", extensions)}, or remove it."
            );
        Tell(
            folder,
            files.Where(file => !IsPicture(file)),
            "file is left out that is no picture",
            "files are left out that are no pictures"
        );
        return new ClassFolder(name, pictures);
    }

    private static void Tell(string folder, IEnumerable<string> files, string one, string many)
    {
        string[] left = [.. files];
        if (left.Length > 0)
            Consoles.Status(
                $"{folder}: {left.Length:N0} {(left.Length == 1 ? one : many)}, such as {Path.GetFileName(left[0])}"
            );
    }

    private static string[] Sorted(IEnumerable<string> paths) => [.. paths.Order(StringComparer.Ordinal)];
}
