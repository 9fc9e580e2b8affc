using ScottPlot;

namespace Cnn.Host.Figures;

/// <summary>Images as points: close to each other where the last hidden layer gives much the same for both.</summary>
internal static class EmbeddingFigure
{
    /// <summary>The picture.</summary>
    /// <param name="embedding">The points.</param>
    /// <param name="labels">The class of each.</param>
    /// <param name="names">The name of each class.</param>
    /// <param name="title">What they are.</param>
    public static Figure Draw(
        Embedding embedding,
        IReadOnlyList<byte> labels,
        IReadOnlyList<string> names,
        string title
    ) => new(900, 720, canvas => Plot(embedding, labels, names, title).Render(canvas, new PixelRect(0, 900, 720, 0)));

    private static Plot Plot(Embedding embedding, IReadOnlyList<byte> labels, IReadOnlyList<string> names, string title)
    {
        ScottPlot.Plot plot = Charts.Create(title, Axis(0), Axis(1));
        var palette = new ScottPlot.Palettes.Category10();
        foreach (
            IGrouping<byte, int> group in Enumerable
                .Range(0, embedding.Count)
                .GroupBy(image => labels[image])
                .OrderBy(group => group.Key)
        )
        {
            ScottPlot.Plottables.Scatter points = plot.Add.ScatterPoints(
                group.Select(image => embedding.Point(image, 0)).ToArray(),
                group.Select(image => embedding.Point(image, 1)).ToArray(),
                palette.GetColor(group.Key)
            );
            points.MarkerSize = 5;
            // ten colours; the shape tells further classes apart
            points.MarkerShape = (group.Key / 10 % 3) switch
            {
                0 => MarkerShape.FilledCircle,
                1 => MarkerShape.FilledSquare,
                _ => MarkerShape.FilledTriangleUp,
            };
            points.LegendText = names[group.Key];
        }
        plot.ShowLegend(Edge.Right);
        return plot;

        string Axis(int axis) => $"component {axis + 1} ({100 * embedding.Explained(axis):F1} % of the variance)";
    }
}
