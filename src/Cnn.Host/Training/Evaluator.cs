using Cnn.Host.Data;

namespace Cnn.Host.Training;

/// <summary>Measures models on labelled images.</summary>
internal static class Evaluator
{
    // enough to keep every thread busy, few enough for the memory of a small machine
    private const int ChunkSize = 1000;

    /// <summary>How a model does on some images. The chunks are the same for any number of threads.</summary>
    /// <exception cref="CommandException">Bad data: the images are not such as the model knows.</exception>
    /// <exception cref="OperationCanceledException">The user wants to stop.</exception>
    public static EvaluationReport Evaluate(Model model, LabelledImages images, int threads, CancellationToken stop)
    {
        CheckFit(model, images);
        EvaluationReport? total = null;
        for (int start = 0; start < images.Count; start += ChunkSize)
        {
            stop.ThrowIfCancellationRequested();
            int count = Math.Min(ChunkSize, images.Count - start);
            EvaluationReport part = model.Evaluate(
                images.Pixels.AsMemory(start * images.ImageSize, count * images.ImageSize),
                images.Labels.AsMemory(start, count),
                threads
            );
            total = total is null ? part : total.Add(part);
        }
        return total ?? throw new ArgumentException("There are no images.", nameof(images));
    }

    /// <summary>Checks that a model can be asked about some images, and that it knows their classes.</summary>
    /// <exception cref="CommandException">Bad data: the images are not such as the model knows.</exception>
    public static void CheckFit(Model model, LabelledImages images)
    {
        CheckShape(model, images);
        if (images.Classes > model.Classes)
            throw CommandException.BadData(
                $"the data has an image of class {images.Classes - 1}, but the model knows only the classes 0 to {model.Classes - 1}; use the data that it was trained for."
            );
    }

    /// <summary>Checks that images have the shape that a model takes.</summary>
    /// <exception cref="CommandException">Bad data: they have another.</exception>
    public static void CheckShape(Model model, LabelledImages images)
    {
        string expected = string.Join('x', model.InputShape);
        string found = $"{images.Channels}x{images.Height}x{images.Width}";
        if (expected != found)
            throw CommandException.BadData(
                $"the model takes images of {expected}, but those of the data are {found}; use the data that it was trained for."
            );
    }
}
