namespace Cnn.Host.Data;

/// <summary>Finds out what a data set is.</summary>
public static class DataSource
{
    private const string Kinds =
        "four IDX files as those of MNIST (train-images-idx3-ubyte, …), CIFAR-10 (data_batch_1.bin, …), train.csv and test.csv, or pictures in a folder for each class (train/cat/1.png, …)";

    private static readonly string[] tables = [".csv", ".tsv"];

    /// <summary>The folder of the MNIST files that travel with the program.</summary>
    public static string Default { get; } = Path.Combine(AppContext.BaseDirectory, "data", "mnist");

    /// <summary>Opens a data set and reads its list of digests, if there is one, but none of its data.</summary>
    /// <param name="path">A folder, or a CSV file.</param>
    /// <exception cref="CommandException">Bad data: nothing that can be read, more than one kind of it, or a faulty list.</exception>
    public static IImageSource Open(string path)
    {
        try
        {
            if (File.GetAttributes(path).HasFlag(FileAttributes.Directory))
                return OpenFolder(path);
        }
        catch (Exception cause) when (cause is FileNotFoundException or DirectoryNotFoundException or ArgumentException)
        {
            throw CommandException.BadData(
                $"there is no folder '{path}'; give a folder that holds a data set: {Kinds}.",
                cause
            );
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw CommandException.Unreadable(path, cause);
        }
        return tables.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase)
            ? CsvFiles.OpenFile(path)
            : throw CommandException.BadData(
                $"{path} is not a folder, nor a file that ends with .csv; give such a file, or a folder that holds {Kinds}."
            );
    }

    private static IImageSource OpenFolder(string path)
    {
        string[] names = [.. Directory.EnumerateFileSystemEntries(path).Select(entry => Path.GetFileName(entry)!)];
        (string Name, bool IsThere, Func<string, IImageSource> Open)[] kinds =
        [
            ("IDX files", IdxFolder.Recognises(names), folder => new IdxFolder(folder)),
            ("files of CIFAR-10", CifarFolder.Recognises(names), folder => new CifarFolder(folder)),
            ("CSV files", CsvFiles.Recognises(names), CsvFiles.OpenFolder),
            ("pictures of classes in train or test", ClassFolders.HasHalves(path), folder => new ClassFolders(folder)),
        ];
        return kinds.Where(kind => kind.IsThere).ToArray() switch
        {
            [var one] => one.Open(path),
            [var one, var other, ..] => throw CommandException.BadData(
                $"{path} holds both {one.Name} and {other.Name}; keep each data set in a folder of its own."
            ),
            // any folder may be a class: last of all, where there is nothing else
            [] when ClassFolders.Recognises(path) => new ClassFolders(path),
            [] when names.Contains("data_batch_1") => throw CommandException.BadData(
                $"{path} holds CIFAR-10 for Python; get its binary version, whose files end with .bin."
            ),
            [] => throw CommandException.BadData($"{path} holds no data set; give a folder that holds {Kinds}."),
        };
    }
}
