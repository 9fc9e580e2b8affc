namespace Cnn.Host.Data;

/// <summary>
/// A folder in the binary format of CIFAR-10 (https://www.cs.toronto.edu/~kriz/cifar.html): five files of training images and one of
/// test images, records of a label and the red, green and blue plane of 32 x 32 pixels; and the names of the classes, a line each.
/// </summary>
public sealed class CifarFolder : IImageSource
{
    private const string TestName = "test_batch.bin";
    private const string NamesName = "batches.meta.txt";
    private const string Noun = "a batch of CIFAR-10";
    private const int Channels = 3;
    private const int Side = 32;
    private const int ImageSize = Channels * Side * Side;
    private const int RecordSize = 1 + ImageSize;

    // where no file names more of them, or fewer
    private const int UsualClasses = 10;

    private static readonly string[] trainingNames = [.. Enumerable.Range(1, 5).Select(i => $"data_batch_{i}.bin")];

    private readonly string path;
    private readonly Checksums checksums;

    /// <summary>Opens a folder and reads its list of digests, but none of its data.</summary>
    /// <exception cref="CommandException">Bad data: a faulty list.</exception>
    public CifarFolder(string path)
    {
        this.path = path;
        checksums = Checksums.Open(path);
    }

    private string TestFile => Path.Combine(path, TestName);

    /// <inheritdoc/>
    public string? MissingTest => Path.Exists(TestFile) ? null : $"the folder {path} lacks {TestName}";

    /// <summary>Whether a folder with these files is one.</summary>
    public static bool Recognises(IEnumerable<string> files) =>
        files.Any(name => name == TestName || trainingNames.Contains(name));

    /// <inheritdoc/>
    public LabelledImages LoadTraining(ImageForm form)
    {
        form.ExpectNone(path);
        return Load(trainingNames);
    }

    /// <inheritdoc/>
    public LabelledImages LoadTest(ImageForm form) => Load([TestName]);

    /// <inheritdoc/>
    public void CheckTest() => DataFile.Check(TestFile);

    /// <inheritdoc/>
    public string DigestOfTest() => DataFile.DigestOf(TestFile);

    private LabelledImages Load(string[] names)
    {
        string[] files = [.. names.Select(name => Path.Combine(path, name))];
        // all of them before the first byte is read, and before memory is taken for it
        long[] counts = [.. files.Select(file => DataFile.Read(file, Noun, content => CountOf(file, content.Length)))];
        IReadOnlyList<string>? classes = ReadNames();
        long total = counts.Sum();
        byte[] pixels = DataFile.Allocate(path, total, Channels, Side, Side);
        byte[] labels = new byte[total];
        int start = 0;
        foreach ((int place, string file) in files.Index())
        {
            checksums.Verify(file);
            int first = start;
            int count = (int)counts[place];
            DataFile.Read(
                file,
                Noun,
                content =>
                {
                    Fill(
                        file,
                        content,
                        pixels.AsSpan(first * ImageSize, count * ImageSize),
                        labels.AsSpan(first, count),
                        classes?.Count ?? UsualClasses
                    );
                    return true;
                }
            );
            start += count;
        }
        return new LabelledImages(Channels, Side, Side, pixels, labels) { ClassNames = classes };
    }

    private static long CountOf(string file, long length)
    {
        (long count, long rest) = Math.DivRem(length, RecordSize);
        if (rest != 0)
            throw CommandException.BadData(
                $"{file} is truncated: record {count + 1:N0} lacks {RecordSize - rest:N0} of its {RecordSize:N0} bytes; restore it from a fresh copy."
            );
        return count;
    }

    private static void Fill(string file, Stream content, Span<byte> pixels, Span<byte> labels, int classes)
    {
        for (int i = 0; i < labels.Length; i++)
        {
            if (
                content.ReadAtLeast(labels.Slice(i, 1), 1, throwOnEndOfStream: false) == 0
                || content.ReadAtLeast(pixels.Slice(i * ImageSize, ImageSize), ImageSize, throwOnEndOfStream: false)
                    < ImageSize
            )
                throw CommandException.BadData($"{file} became shorter while it was read; try again.");
            if (labels[i] >= classes)
                throw CommandException.BadData(
                    $"{file}, record {i + 1:N0}, has the label {labels[i]}, and there are the classes 0 to {classes - 1}; restore it from a fresh copy."
                );
        }
    }

    private IReadOnlyList<string>? ReadNames()
    {
        string file = Path.Combine(path, NamesName);
        return Path.Exists(file) ? ClassList.Read(file) : null;
    }
}
