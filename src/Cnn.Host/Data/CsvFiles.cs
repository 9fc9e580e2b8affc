namespace Cnn.Host.Data;

/// <summary>
/// Images in CSV files, a row each: <c>train.csv</c> and <c>test.csv</c> in a folder, or a file by itself. Names such as
/// <c>mnist_train.csv</c> do as well.
/// </summary>
public sealed class CsvFiles : IImageSource
{
    private const string Training = "train.csv";
    private const string Test = "test.csv";

    private readonly Checksums checksums;
    private readonly string folder;

    // null where there is no such file
    private readonly string? training;
    private readonly string? test;
    private readonly bool isFile;

    private CsvFiles(string folder, string? training, string? test, bool isFile)
    {
        checksums = Checksums.Open(folder);
        (this.folder, this.training, this.test, this.isFile) = (folder, training, test, isFile);
    }

    /// <inheritdoc/>
    public string? MissingTest
    {
        get
        {
            if (isFile)
                return $"{training} is a single file";
            if (test is null)
                return $"the folder {folder} lacks {Test}";
            // as those that a competition gives away
            return training is not null && CsvTable.ColumnsOf(test) == CsvTable.ColumnsOf(training) - 1
                ? $"{test} has one column less than {training}: it lacks the labels"
                : null;
        }
    }

    /// <summary>Opens a folder and reads its list of digests, but none of its data.</summary>
    /// <exception cref="CommandException">Bad data: a faulty list, or two files for one half.</exception>
    public static CsvFiles OpenFolder(string folder)
    {
        string[] files = ClassFolder.FilesIn(folder);
        return new CsvFiles(folder, Find(Training), Find(Test), isFile: false);

        string? Find(string name) =>
            files.Where(file => IsHalf(Path.GetFileName(file), name)).ToArray() switch
            {
                [] => null,
                [var one] => one,
                [var one, var other, ..] => throw CommandException.BadData(
                    $"{one} and {other} could both be {name}; name one of them as --data, or move it elsewhere."
                ),
            };
    }

    /// <summary>Opens a file that is all there is.</summary>
    /// <exception cref="CommandException">Bad data: a faulty list of digests beside it.</exception>
    public static CsvFiles OpenFile(string path) =>
        new(Path.GetDirectoryName(path) is { Length: > 0 } folder ? folder : ".", path, path, isFile: true);

    /// <summary>Whether a folder with these files is one.</summary>
    public static bool Recognises(IEnumerable<string> files) =>
        files.Any(name => IsHalf(name, Training) || IsHalf(name, Test));

    /// <inheritdoc/>
    public LabelledImages LoadTraining(ImageForm form) =>
        training is null
            ? throw CommandException.BadData($"the folder {folder} lacks {Training}, to train with; add it.")
            : Load(training, form);

    /// <inheritdoc/>
    public LabelledImages LoadTest(ImageForm form)
    {
        LabelledImages images = Load(TestFile, form);
        // "3" is a name here, for a model whose classes have others
        return images.ClassNames is null
            ? images with
            {
                ClassNames = [.. Enumerable.Range(0, images.Classes).Select(label => $"{label}")],
            }
            : images;
    }

    /// <inheritdoc/>
    public void CheckTest() => DataFile.Check(TestFile);

    /// <inheritdoc/>
    public string DigestOfTest() => DataFile.DigestOf(TestFile);

    private string TestFile =>
        test is null || (!isFile && MissingTest is not null)
            ? throw CommandException.BadData($"{MissingTest}; name a CSV file with labels to test with.")
            : test;

    private static bool IsHalf(string file, string name) =>
        file.Equals(name, StringComparison.OrdinalIgnoreCase)
        || file.EndsWith($"_{name}", StringComparison.OrdinalIgnoreCase)
        || file.EndsWith($"-{name}", StringComparison.OrdinalIgnoreCase);

    private LabelledImages Load(string file, ImageForm form)
    {
        checksums.Verify(file);
        return CsvImages.Read(file, form);
    }
}
