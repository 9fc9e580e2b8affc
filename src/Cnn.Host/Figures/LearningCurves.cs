using Cnn.Host.Experiments;
using ScottPlot;

namespace Cnn.Host.Figures;

/// <summary>How the seeds of an experiment learned: a line each.</summary>
internal static class LearningCurves
{
    /// <summary>Training loss, and below it the accuracy on held-out images, or on the training images without any.</summary>
    /// <param name="results">At least one, all of the same configuration, each with an epoch at least.</param>
    /// <returns>A PNG file.</returns>
    /// <exception cref="CommandException">Failed: charts cannot be drawn here.</exception>
    public static byte[] Draw(IReadOnlyList<ExperimentResult> results) =>
        Charts.Encode(() =>
        {
            bool isHeldOut = results.All(result => result.Curve.All(point => point.ValidationAccuracy is not null));
            ExperimentResult first = results[0];
            Plot losses = Charts.Create($"{first.Recipe}, version {first.Version}", "epoch", "training loss");
            Plot accuracies = Charts.Create(
                "",
                "epoch",
                isHeldOut ? "accuracy on held-out images, %" : "accuracy on training images, %"
            );
            var palette = new ScottPlot.Palettes.Category10();
            foreach ((int index, ExperimentResult result) in results.Index())
            {
                Color color = palette.GetColor(index);
                double[] epochs = [.. result.Curve.Select(point => (double)point.Epoch)];
                losses.AddLine(
                    epochs,
                    result.Curve.Select(point => Charts.Logarithm(point.Loss)),
                    color,
                    $"seed {result.Seed}"
                );
                accuracies.AddLine(
                    epochs,
                    result.Curve.Select(point => 100 * (point.ValidationAccuracy ?? point.Accuracy)),
                    color
                );
            }
            // losses fall by powers of ten
            Charts.LabelLogarithms(
                losses.Axes.Left,
                results.SelectMany(result => result.Curve.Select(point => Charts.Logarithm(point.Loss)))
            );
            losses.ShowLegend(Alignment.UpperRight);
            foreach (Plot plot in (Plot[])[losses, accuracies])
                Charts.LabelWholeNumbers(plot.Axes.Bottom);
            return [losses, accuracies];
        });
}
