using Cnn.Host.Output;
using Cnn.Host.Training;
using ScottPlot;

namespace Cnn.Host.Figures;

/// <summary>A learning-rate range test as a chart: the loss over the rates.</summary>
internal static class RateRangeChart
{
    // losses behind the turn would press all the others flat
    private const double Above = 1.3;

    // of an axis: a loss may be 0 from the start
    private const double LeastHeight = 1e-6;

    /// <summary>The losses, as they were and smoothed, with what is suggested.</summary>
    /// <param name="test">A test with at least one point.</param>
    /// <param name="title">What was tested.</param>
    /// <returns>A PNG file.</returns>
    /// <exception cref="CommandException">Failed: charts cannot be drawn here.</exception>
    public static byte[] Draw(RateRangeTest test, string title) =>
        Charts.Encode(() =>
        {
            Plot plot = Charts.Create(title, "learning rate", "loss of the mini-batch");
            double[] rates = [.. test.Points.Select(point => Math.Log10(point.LearningRate))];
            plot.AddLine(rates, test.Points.Select(point => point.Loss), Colors.LightGray, "as it was");
            plot.AddLine(rates, test.Points.Select(point => point.Smoothed), Colors.C0, "smoothed");
            if (test.Steepest is { } steepest)
                Mark(steepest, Colors.C2, "steepest");
            Mark(test.TenthOfLowest, Colors.C1, "a tenth of the lowest");
            Charts.LabelLogarithms(plot.Axes.Bottom, rates);
            plot.ShowLegend(Alignment.UpperLeft);
            // a test that ended at once has a single point, and no width
            double margin = rates.Length == 1 ? 1 : 0;
            plot.Axes.SetLimitsX(rates[0] - margin, rates[^1] + margin);
            plot.Axes.SetLimitsY(0, Above * Math.Max(test.Points[0].Smoothed, LeastHeight));
            return [plot];

            void Mark(double rate, Color color, string what)
            {
                ScottPlot.Plottables.VerticalLine line = plot.Add.VerticalLine(
                    Math.Log10(rate),
                    2,
                    color,
                    LinePattern.Dashed
                );
                line.LegendText = $"{what}: {Numbers.Rate(rate)}";
            }
        });
}
