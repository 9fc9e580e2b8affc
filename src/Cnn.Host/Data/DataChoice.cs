namespace Cnn.Host.Data;

/// <summary>On which data a user wants to train.</summary>
/// <param name="Path">The data set; null for the one of the program.</param>
/// <param name="Form">What is wanted of its images.</param>
internal sealed record DataChoice(string? Path, ImageForm Form)
{
    /// <summary>Opens the data set.</summary>
    /// <exception cref="CommandException">Bad data: it is none.</exception>
    public IImageSource Open() => DataSource.Open(Path ?? DataSource.Default);

    /// <summary>Opens it, and reads the training images.</summary>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    public LabelledImages LoadTraining() => Open().LoadTraining(Form);
}
