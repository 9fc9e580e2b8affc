namespace Cnn.Host.Data;

/// <summary>
/// A folder that holds a data set as MNIST is distributed: images and labels for training, images and
/// labels for the test, in four IDX files. A file classes.txt beside them may name the classes, one a line.
/// </summary>
public sealed class IdxFolder : IImageSource
{
    private const string Training = "train";
    private const string Test = "t10k";
    private const string NamesName = "classes.txt";

    private readonly string path;
    private readonly Checksums checksums;

    /// <summary>Opens a folder and reads its list of digests, but none of its data.</summary>
    /// <exception cref="CommandException">Bad data: a faulty list.</exception>
    public IdxFolder(string path)
    {
        this.path = path;
        checksums = Checksums.Open(path);
    }

    /// <inheritdoc/>
    public string? MissingTest =>
        // one of the two is a mistake, which CheckTest will tell
        NamesOf(Test).All(names => names.All(name => !Path.Exists(Path.Combine(path, name))))
            ? $"the folder {path} has neither {Test}-images-idx3-ubyte nor {Test}-labels-idx1-ubyte"
            : null;

    /// <summary>Whether a folder with these files is one.</summary>
    public static bool Recognises(IEnumerable<string> files) =>
        files.Intersect(NamesOf(Training).Concat(NamesOf(Test)).SelectMany(names => names)).Any();

    /// <inheritdoc/>
    public LabelledImages LoadTraining(ImageForm form)
    {
        form.ExpectNone(path);
        return Load(Training);
    }

    /// <inheritdoc/>
    public LabelledImages LoadTest(ImageForm form) => Load(Test);

    /// <inheritdoc/>
    public void CheckTest()
    {
        foreach (string file in Find(Test))
            DataFile.Check(file);
    }

    /// <inheritdoc/>
    public string DigestOfTest() => DataFile.DigestOf(Find(Test));

    private LabelledImages Load(string half)
    {
        string[] files = Find(half);
        (string imagesPath, string labelsPath) = (files[0], files[1]);
        // the small file first: whatever is wrong with it is told at once
        IdxFile labels = IdxFile.ReadLabels(labelsPath);
        IdxFile images = IdxFile.ReadImages(imagesPath);
        checksums.Verify(labelsPath, labels.Sha256);
        checksums.Verify(imagesPath, images.Sha256);
        if (images.Dimensions[0] != labels.Dimensions[0])
            throw CommandException.BadData(
                $"{imagesPath} holds {images.Dimensions[0]:N0} images but {labelsPath} holds {labels.Dimensions[0]:N0} labels; every image needs one label."
            );
        LabelledImages result = images.Dimensions switch
        {
            [_, int height, int width] => new(1, height, width, images.Data, labels.Data),
            [_, int channels, int height, int width] => new(channels, height, width, images.Data, labels.Data),
            _ => throw new InvalidOperationException("IdxFile lets only 3 or 4 dimensions pass."),
        };
        return result with { ClassNames = ReadNames(labelsPath, result) };
    }

    private IReadOnlyList<string>? ReadNames(string labels, LabelledImages images)
    {
        string file = Path.Combine(path, NamesName);
        if (!Path.Exists(file))
            return null;
        IReadOnlyList<string> names = ClassList.Read(file);
        return names.Count >= images.Classes
            ? names
            : throw CommandException.BadData(
                $"{file} names {names.Count} classes, but {labels} has an image of class {images.Classes - 1}; add a line for each class from 0 on."
            );
    }

    // images before labels
    private string[] Find(string half) => [.. NamesOf(half).Select(Find)];

    // some mirrors spell them with a dot
    private static string[][] NamesOf(string half) =>
        [
            .. new[] { ($"{half}-images", "idx3-ubyte"), ($"{half}-labels", "idx1-ubyte") }.Select(file =>
                NamesOf(file.Item1, file.Item2)
            ),
        ];

    private static string[] NamesOf(string stem, string type) =>
        [$"{stem}-{type}", $"{stem}-{type}.gz", $"{stem}.{type}", $"{stem}.{type}.gz"];

    private string Find(string[] names)
    {
        foreach (string name in names)
        {
            string candidate = Path.Combine(path, name);
            if (Path.Exists(candidate))
                return candidate;
        }
        try
        {
            // A folder that may not be searched looks empty to Path.Exists; this call tells them apart.
            File.GetAttributes(Path.Combine(path, names[0]));
        }
        catch (Exception cause) when (cause is FileNotFoundException or DirectoryNotFoundException)
        {
            // really missing
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw CommandException.Unreadable(path, cause);
        }
        throw CommandException.BadData(
            $"the folder {path} lacks {names[0]}; one of {string.Join(", ", names)} must be there."
        );
    }
}
