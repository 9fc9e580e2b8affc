using Cnn.Host.Runs;
using ScottPlot;
using SkiaSharp;

namespace Cnn.Host.Figures;

/// <summary>How one run went, as small charts over its epochs.</summary>
/// <param name="epochs">At least one.</param>
/// <param name="theme">The colours.</param>
internal sealed class RunCurves(IReadOnlyList<EpochLine> epochs, ChartTheme theme)
{
    private const string Training = "training images";
    private const string HeldOut = "held-out images";

    private const int SheetWidth = 900;
    private const int SheetHeight = 300;

    // beside the lines, as a part of their extent
    private const double Margin = 0.05;

    private readonly bool isHeldOut = epochs.All(epoch => epoch.ValidationLoss is not null);

    /// <summary>The loss, by powers of ten.</summary>
    /// <returns>A PNG file, as for the others.</returns>
    /// <exception cref="CommandException">Failed: charts cannot be drawn here; as for the others.</exception>
    public byte[] Loss() => Charts.EncodeSmall(LossPlot, theme);

    /// <summary>The accuracy in per cent.</summary>
    public byte[] Accuracy() => Charts.EncodeSmall(AccuracyPlot, theme);

    /// <summary>The learning rate of the last step of each epoch.</summary>
    public byte[] LearningRate() => Charts.EncodeSmall(RatePlot, theme);

    /// <summary>All three in one picture.</summary>
    public Figure Draw() =>
        new(
            SheetWidth,
            3 * SheetHeight,
            canvas =>
            {
                (string Title, Func<Plot> Create)[] plots =
                [
                    ("loss", LossPlot),
                    ("accuracy, %", AccuracyPlot),
                    ("learning rate", RatePlot),
                ];
                foreach ((int row, (string title, Func<Plot> create)) in plots.Index())
                {
                    Plot plot = create();
                    plot.YLabel(title);
                    theme.Apply(plot);
                    canvas.Save();
                    // a chart clears all that it may paint on
                    canvas.Translate(0, row * SheetHeight);
                    canvas.ClipRect(SKRect.Create(SheetWidth, SheetHeight));
                    plot.Render(canvas, new PixelRect(0, SheetWidth, SheetHeight, 0));
                    canvas.Restore();
                }
            }
        );

    private Plot LossPlot()
    {
        double[] training = [.. epochs.Select(epoch => Charts.Logarithm(epoch.Loss))];
        double[] heldOut = [.. epochs.Select(epoch => Charts.Logarithm(epoch.ValidationLoss ?? epoch.Loss))];
        Plot plot = Create(training, heldOut, Alignment.UpperRight);
        Charts.LabelLogarithms(plot.Axes.Left, training.Concat(heldOut));
        return plot;
    }

    private Plot AccuracyPlot() =>
        Create(
            [.. epochs.Select(epoch => 100 * epoch.Accuracy)],
            [.. epochs.Select(epoch => 100 * (epoch.ValidationAccuracy ?? epoch.Accuracy))],
            Alignment.LowerRight
        );

    private Plot RatePlot()
    {
        Plot plot = Empty();
        plot.AddLine(Epochs, epochs.Select(epoch => epoch.LearningRate), theme.First);
        double highest = epochs.Max(epoch => epoch.LearningRate);
        plot.Axes.SetLimitsY(-Margin * highest, (1 + Margin) * highest);
        return plot;
    }

    private IEnumerable<double> Epochs => epochs.Select(epoch => (double)epoch.Epoch);

    private Plot Empty()
    {
        Plot plot = Charts.Create("", "epoch", "");
        Charts.LabelWholeNumbers(plot.Axes.Bottom);
        // a single point has no width
        if (epochs.Count == 1)
            plot.Axes.SetLimitsX(0.5, 1.5);
        return plot;
    }

    private Plot Create(double[] training, double[] heldOut, Alignment legend)
    {
        Plot plot = Empty();
        plot.AddLine(Epochs, training, theme.First, isHeldOut ? Training : null);
        if (isHeldOut)
        {
            plot.AddLine(Epochs, heldOut, theme.Second, HeldOut);
            plot.ShowLegend(legend);
        }
        return plot;
    }
}
