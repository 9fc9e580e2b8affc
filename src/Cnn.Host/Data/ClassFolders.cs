using System.Security.Cryptography;
using System.Text;

namespace Cnn.Host.Data;

/// <summary>
/// Pictures in a folder for each class: <c>train/cat/1.png</c>, <c>test/cat/2.png</c>, or without halves <c>cat/1.png</c>.
/// Classes are numbered in the order of their names, character by character. Pictures are taken in turns, so that each class has
/// its share of every part of the set: images are held out from its end.
/// </summary>
public sealed class ClassFolders : IImageSource
{
    private const int Grey = 1;
    private const int Colour = 3;

    private static readonly string[] trainingNames = ["train", "training"];
    private static readonly string[] testNames = ["test", "testing"];

    private readonly string path;
    private readonly Checksums checksums;

    // null where there is no such folder; where there are no halves, training is the folder itself
    private readonly string? training;
    private readonly string? test;
    private readonly bool hasHalves;

    /// <summary>Opens a folder and reads its list of digests, but none of its pictures.</summary>
    /// <exception cref="CommandException">Bad data: a faulty list, or a folder that cannot be read.</exception>
    public ClassFolders(string path)
    {
        this.path = path;
        checksums = Checksums.Open(path);
        training = Half(path, trainingNames);
        test = Half(path, testNames);
        hasHalves = (training ?? test) is not null;
        if (!hasHalves)
            training = path;
    }

    /// <inheritdoc/>
    public string? MissingTest =>
        test is not null ? null
        : hasHalves ? $"the folder {path} has no folder test beside {Path.GetFileName(training)}"
        : $"{path} has no folders train and test";

    /// <summary>Whether a folder has folders with pictures for two halves.</summary>
    public static bool HasHalves(string path) => (Half(path, trainingNames) ?? Half(path, testNames)) is not null;

    /// <summary>Whether a folder has folders with pictures.</summary>
    public static bool Recognises(string path) =>
        HasHalves(path)
        || ClassFolder.FoldersIn(path).Any(folder => ClassFolder.FilesIn(folder).Any(ClassFolder.IsPicture));

    /// <inheritdoc/>
    public LabelledImages LoadTraining(ImageForm form) =>
        training is null
            ? throw CommandException.BadData(
                $"the folder {path} has no folder train beside test, to train with; add one with a folder for each class."
            )
            : Load(training, form);

    /// <inheritdoc/>
    public LabelledImages LoadTest(ImageForm form) => Load(TestFolder, form);

    /// <inheritdoc/>
    public void CheckTest()
    {
        foreach (string file in ClassFolder.AllIn(TestFolder).SelectMany(one => one.Files))
            DataFile.Check(file);
    }

    /// <inheritdoc/>
    public string DigestOfTest()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (ClassFolder one in ClassFolder.AllIn(TestFolder))
        foreach (string file in one.Files)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{one.Name}/{Path.GetFileName(file)}\n"));
            hash.AppendData(DataFile.Sha256(file));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private string TestFolder =>
        test
        ?? (
            hasHalves
                ? throw CommandException.BadData($"{MissingTest}; name a folder with a folder for each class.")
                : path
        );

    // a folder of that name whose folders are classes; a class may have that name as well
    private static string? Half(string path, string[] names) =>
        ClassFolder
            .FoldersIn(path)
            .Where(folder => names.Contains(Path.GetFileName(folder), StringComparer.OrdinalIgnoreCase))
            .FirstOrDefault(folder => ClassFolder.FoldersIn(folder).Length > 0);

    private LabelledImages Load(string half, ImageForm form)
    {
        if (form.Channels is not (null or Grey or Colour))
            throw CommandException.BadData(
                $"images of {form.Channels} channels are wanted, and pictures have {Grey} or {Colour}; use data that has them."
            );
        IReadOnlyList<ClassFolder> classes = ClassFolder.AllIn(half);
        (string File, byte Label)[] files = InTurns(classes);
        Picture first = Read(files[0].File);
        int height = form.Height ?? first.Height;
        int width = form.Width ?? first.Width;
        int channels = form.Channels ?? first.Channels;
        byte[] pixels = DataFile.Allocate(half, files.Length, channels, height, width);
        if (!TryFill(pixels, channels))
        {
            // one picture in colour is enough
            pixels = [];
            channels = Colour;
            pixels = DataFile.Allocate(half, files.Length, channels, height, width);
            TryFill(pixels, channels);
        }
        return new LabelledImages(channels, height, width, pixels, [.. files.Select(file => file.Label)])
        {
            ClassNames = [.. classes.Select(one => one.Name)],
        };

        bool TryFill(byte[] target, int planes)
        {
            int size = planes * height * width;
            for (int i = 0; i < files.Length; i++)
            {
                Picture picture = i == 0 ? first : Read(files[i].File);
                if (form.Height is null && (picture.Height, picture.Width) != (height, width))
                    throw CommandException.BadData(
                        $"{files[i].File} has {picture.Width}x{picture.Height} pixels, and {files[0].File} has {width}x{height}; give --image-size WIDTHxHEIGHT to fit all pictures into one size."
                    );
                if (form.Channels is null && picture.Channels > planes)
                    return false;
                Picture wanted = planes == Grey ? picture.ToGrey() : picture.ToColour();
                wanted.Letterboxed(height, width).Pixels.Span.CopyTo(target.AsSpan(i * size, size));
            }
            return true;
        }
    }

    private Picture Read(string file)
    {
        string name = Path.GetRelativePath(path, file).Replace(Path.DirectorySeparatorChar, '/');
        checksums.Verify(file, () => DataFile.Sha256(file), name);
        return ImageFile.Read(file);
    }

    // picture i of n comes at the place (i + 1/2) / n
    private static (string File, byte Label)[] InTurns(IReadOnlyList<ClassFolder> classes) =>
        [
            .. classes
                .SelectMany(
                    (one, label) =>
                        one.Files.Select((file, i) => (file, label: (byte)label, place: (i + 0.5) / one.Files.Count))
                )
                // equal places stay in the order of the classes
                .OrderBy(image => image.place)
                .Select(image => (image.file, image.label)),
        ];
}
