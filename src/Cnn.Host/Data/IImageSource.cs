namespace Cnn.Host.Data;

/// <summary>
/// A data set on a disk, in whatever format. Each half is opened only when it is asked for: choices made on a validation split
/// must not be able to see the test files. Reading takes the memory of the images, of a buffer, and of one picture.
/// </summary>
public interface IImageSource
{
    /// <summary>Why there are no images to test a training with, as a part of a sentence; null where there are.</summary>
    string? MissingTest { get; }

    /// <summary>Reads and verifies the training images and labels; opens no test file.</summary>
    /// <param name="form">What is wanted of them.</param>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    LabelledImages LoadTraining(ImageForm form);

    /// <summary>
    /// Reads and verifies the test images and labels; opens no training file. Where the data has no halves, it is all of them:
    /// somebody wants a model to be tested with them.
    /// </summary>
    /// <param name="form">What is wanted of them. Data with one form of its own keeps it.</param>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    LabelledImages LoadTest(ImageForm form);

    /// <summary>Makes sure that there are test files and that they may be read, before a long run; looks at none of their images.</summary>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    void CheckTest();

    /// <summary>
    /// The SHA-256 of the test files as they are on the disk, in hexadecimal. It says whether two runs are scored on the same
    /// images, and is no look at any of them.
    /// </summary>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    string DigestOfTest();
}
