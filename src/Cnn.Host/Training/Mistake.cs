using Cnn.Host.Data;

namespace Cnn.Host.Training;

/// <summary>An image that a model takes for what it is not.</summary>
/// <param name="Index">Its place among the images, from 0.</param>
/// <param name="Truth">Its class.</param>
/// <param name="Answer">The class that the model takes it for.</param>
/// <param name="Probability">How probable that is to the model.</param>
internal sealed record Mistake(int Index, int Truth, int Answer, double Probability)
{
    // as in the Evaluator
    private const int ChunkSize = 1000;

    /// <summary>The mistakes in which a model is most confident, the most confident first.</summary>
    /// <param name="model">The model.</param>
    /// <param name="images">Images that it knows the shape and the classes of.</param>
    /// <param name="threads">Threads to compute on; the result is the same for any number.</param>
    /// <param name="most">How many at most.</param>
    public static IReadOnlyList<Mistake> MostConfident(Model model, LabelledImages images, int threads, int most) =>
        [
            .. images
                .Labels.Chunk(ChunkSize)
                .SelectMany((labels, chunk) => Of(model, images, chunk * ChunkSize, labels, threads))
                .OrderByDescending(mistake => mistake.Probability)
                .ThenBy(mistake => mistake.Index)
                .Take(most),
        ];

    private static List<Mistake> Of(Model model, LabelledImages images, int start, byte[] labels, int threads)
    {
        double[] probabilities = model
            .Probabilities(images.Pixels.AsMemory(start * images.ImageSize, labels.Length * images.ImageSize), threads)
            .ToArray();
        int classes = model.Classes;
        var found = new List<Mistake>();
        for (int image = 0; image < labels.Length; image++)
        {
            ReadOnlySpan<double> row = probabilities.AsSpan(image * classes, classes);
            int answer = 0;
            for (int label = 1; label < classes; label++)
                if (row[label] > row[answer])
                    answer = label;
            // scores that overflow are no answer
            if (answer != labels[image] && double.IsFinite(row[answer]))
                found.Add(new Mistake(start + image, labels[image], answer, row[answer]));
        }
        return found;
    }
}
