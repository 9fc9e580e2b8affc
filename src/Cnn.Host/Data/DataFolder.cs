using System.Security.Cryptography;

namespace Cnn.Host.Data;

/// <summary>
/// A folder that holds a data set as MNIST is distributed: images and labels for training, images and
/// labels for the test, in four IDX files. Each half is opened only when it is asked for: choices made
/// on a validation split must not be able to see the test files.
/// </summary>
public sealed class DataFolder
{
    private const string Training = "train";
    private const string Test = "t10k";

    private readonly string path;
    private readonly Checksums checksums;

    private DataFolder(string path, Checksums checksums)
    {
        this.path = path;
        this.checksums = checksums;
    }

    /// <summary>The folder of the MNIST files that travel with the program.</summary>
    public static string Default { get; } = Path.Combine(AppContext.BaseDirectory, "data", "mnist");

    /// <summary>Opens a folder and reads its list of digests, but none of its data.</summary>
    /// <exception cref="CommandException">Bad data: no such folder, or a faulty list.</exception>
    public static DataFolder Open(string path)
    {
        try
        {
            if (!File.GetAttributes(path).HasFlag(FileAttributes.Directory))
                throw CommandException.BadData(
                    $"{path} is not a folder; give the folder that holds the four IDX files."
                );
        }
        catch (Exception cause) when (cause is FileNotFoundException or DirectoryNotFoundException or ArgumentException)
        {
            throw CommandException.BadData(
                $"there is no folder '{path}'; give the folder that holds the four IDX files.",
                cause
            );
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw CommandException.Unreadable(path, cause);
        }
        return new DataFolder(path, Checksums.Open(path));
    }

    /// <summary>Reads and verifies the training images and labels; opens no test file.</summary>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    public LabelledImages LoadTraining() => Load(Training);

    /// <summary>Reads and verifies the test images and labels; opens no training file.</summary>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    public LabelledImages LoadTest() => Load(Test);

    /// <summary>Makes sure that there are test files and that they may be read, before a long run; reads none of their bytes.</summary>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    public void CheckTest() => ReadTest(_ => []);

    /// <summary>
    /// The SHA-256 of the test files as they are on the disk, in hexadecimal. It says whether two runs are scored on the same
    /// images, and is no look at any of them.
    /// </summary>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    public string DigestOfTest() => Convert.ToHexStringLower(SHA256.HashData(ReadTest(SHA256.HashData)));

    // what there is to say of both files, one after the other
    private byte[] ReadTest(Func<Stream, byte[]> read)
    {
        (string images, string labels) = Find(Test);
        return [.. Read(images), .. Read(labels)];

        byte[] Read(string file)
        {
            if (Directory.Exists(file))
                throw CommandException.BadData($"{file} is a folder where a file is expected.");
            try
            {
                using FileStream content = File.OpenRead(file);
                return read(content);
            }
            catch (Exception cause) when (CommandException.IsFileTrouble(cause))
            {
                throw CommandException.Unreadable(file, cause);
            }
        }
    }

    private LabelledImages Load(string half)
    {
        (string imagesPath, string labelsPath) = Find(half);
        // the small file first: whatever is wrong with it is told at once
        IdxFile labels = IdxFile.ReadLabels(labelsPath);
        IdxFile images = IdxFile.ReadImages(imagesPath);
        checksums.Verify(labelsPath, labels);
        checksums.Verify(imagesPath, images);
        if (images.Dimensions[0] != labels.Dimensions[0])
            throw CommandException.BadData(
                $"{imagesPath} holds {images.Dimensions[0]:N0} images but {labelsPath} holds {labels.Dimensions[0]:N0} labels; every image needs one label."
            );
        return images.Dimensions switch
        {
            [_, int height, int width] => new(1, height, width, images.Data, labels.Data),
            [_, int channels, int height, int width] => new(channels, height, width, images.Data, labels.Data),
            _ => throw new InvalidOperationException("IdxFile lets only 3 or 4 dimensions pass."),
        };
    }

    private (string Images, string Labels) Find(string half) =>
        (Find($"{half}-images", "idx3-ubyte"), Find($"{half}-labels", "idx1-ubyte"));

    private string Find(string stem, string type)
    {
        string[] names = [$"{stem}-{type}", $"{stem}-{type}.gz", $"{stem}.{type}", $"{stem}.{type}.gz"];
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
