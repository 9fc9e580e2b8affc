using System.Globalization;
using ScottPlot;
using ScottPlot.TickGenerators;
using SkiaSharp;

namespace Cnn.Host.Figures;

/// <summary>What the charts of the program have in common: their style, and that they become PNG files.</summary>
internal static class Charts
{
    private const int Width = 900;
    private const int Height = 560;

    // readable on a phone, where they are shown a little smaller
    private const int SmallWidth = 440;
    private const int SmallHeight = 300;
    private const int SmallScale = 2;
    private const float SmallText = 15;

    // what is 0 in single precision has no logarithm; losses below this all look the same
    private const double LeastLogarithm = -9;

    // over less than this part of a power of ten, hardly a digit would be labelled
    private const double LeastDigits = 0.6;

    // what differs by less than this part of it has one label
    private const double LeastNarrow = 1e-3;

    private static readonly int[] roundDigits = [1, 2, 5, 10];

    // more labels than this would cover each other
    private const int MostPowers = 20;

    // what it is called differs between systems; without any of them, what the library chooses
    private static readonly string[] sansSerifs = ["Arial", "Helvetica", "DejaVu Sans", "Liberation Sans", "Noto Sans"];

    /// <summary>An empty chart with its titles.</summary>
    public static Plot Create(string title, string x, string y)
    {
        var plot = new Plot();
        plot.Title(title, size: 18);
        plot.XLabel(x);
        plot.YLabel(y);
        if (sansSerifs.FirstOrDefault(SKFontManager.Default.FontFamilies.Contains) is { } installed)
            plot.Font.Set(installed);
        return plot;
    }

    /// <summary>Joins points by a line.</summary>
    public static ScottPlot.Plottables.Scatter AddLine(
        this Plot plot,
        IEnumerable<double> x,
        IEnumerable<double> y,
        Color color,
        string? legend = null
    )
    {
        ScottPlot.Plottables.Scatter line = plot.Add.ScatterLine(x.ToArray(), y.ToArray(), color);
        line.LineWidth = 2;
        // a run of a single epoch is a point
        line.MarkerSize = line.Data.GetScatterPoints().Count == 1 ? 7 : 0;
        line.LegendText = legend ?? "";
        return line;
    }

    /// <summary>The decimal logarithm of a loss; of one that is 0 as well.</summary>
    public static double Logarithm(double loss) => Math.Max(LeastLogarithm, Math.Log10(loss));

    /// <summary>Labels an axis, on which the decimal logarithms of numbers are drawn, with the numbers.</summary>
    public static void LabelLogarithms(IAxis axis, IEnumerable<double> logarithms)
    {
        double[] drawn = [.. logarithms];
        if (drawn.Max() - drawn.Min() < LeastDigits)
        {
            LabelNarrow(axis, Math.Pow(10, drawn.Min()), Math.Pow(10, drawn.Max()));
            return;
        }
        (int first, int last) = ((int)Math.Floor(drawn.Min()), (int)Math.Ceiling(drawn.Max()));
        // over few powers of ten, what lies between them needs labels as well
        int[] labelled = drawn.Max() - drawn.Min() > 2.5 ? [1] : [1, 2, 3, 5];
        var ticks = new NumericManual();
        int every = 1 + (last - first) / MostPowers;
        for (int exponent = first; exponent <= last; exponent += every)
        for (int digit = 1; digit < (every == 1 ? 10 : 2); digit++)
        {
            double place = exponent + Math.Log10(digit);
            if (labelled.Contains(digit))
                ticks.AddMajor(place, PowerOf10(digit, exponent));
            else
                ticks.AddMinor(place);
        }
        axis.TickGenerator = ticks;
    }

    // numbers so close to each other are labelled as on an axis without logarithms, about four of them
    private static void LabelNarrow(IAxis axis, double low, double high)
    {
        var ticks = new NumericManual();
        if (high - low < LeastNarrow * high)
            ticks.AddMajor(Math.Log10(low), Short(low));
        else
        {
            double power = Math.Pow(10, Math.Floor(Math.Log10((high - low) / 4)));
            double step = power * roundDigits.First(digit => digit * power >= (high - low) / 5);
            for (double number = Math.Ceiling(low / step); number * step <= high; number++)
                ticks.AddMajor(Math.Log10(number * step), Short(number * step));
        }
        axis.TickGenerator = ticks;

        static string Short(double number) => number.ToString("G4", CultureInfo.InvariantCulture);
    }

    private static string PowerOf10(int digit, int exponent) =>
        exponent is < -4 or > 4
            ? $"{digit}e{exponent}"
            : (digit * Math.Pow(10, exponent)).ToString("0.####", CultureInfo.InvariantCulture);

    /// <summary>Whole numbers alone, for epochs.</summary>
    public static void LabelWholeNumbers(IAxis axis) =>
        axis.TickGenerator = new NumericAutomatic { IntegerTicksOnly = true };

    /// <summary>Draws charts one below the other.</summary>
    /// <param name="plots">Makes the charts: the library that draws is loaded by the first.</param>
    /// <returns>A PNG file.</returns>
    /// <exception cref="CommandException">Failed: that library does not run here.</exception>
    public static byte[] Encode(Func<IReadOnlyList<Plot>> plots) =>
        Drawing.Run(() =>
        {
            IReadOnlyList<Plot> rows = plots();
            if (rows is [var only])
                return only.GetImageBytes(Width, Height, ImageFormat.Png);
            var multiplot = new Multiplot();
            multiplot.RemovePlot(multiplot.GetPlot(0));
            foreach (Plot row in rows)
                multiplot.AddPlot(row);
            multiplot.Layout = new ScottPlot.MultiplotLayouts.Rows();
            return multiplot.Render(Width, Height * rows.Count * 2 / 3).GetImageBytes(ImageFormat.Png);
        });

    /// <summary>Draws a small chart for a page, with twice the pixels that it is shown with.</summary>
    /// <param name="plot">Makes the chart.</param>
    /// <param name="theme">Its colours.</param>
    /// <returns>A PNG file.</returns>
    /// <exception cref="CommandException">Failed: the library that draws does not run here.</exception>
    public static byte[] EncodeSmall(Func<Plot> plot, ChartTheme theme) =>
        Drawing.Run(() =>
        {
            Plot small = plot();
            theme.Apply(small);
            small.Axes.Left.TickLabelStyle.FontSize = SmallText;
            small.Axes.Bottom.TickLabelStyle.FontSize = SmallText;
            small.Axes.Bottom.Label.FontSize = SmallText;
            small.Axes.Bottom.Label.Bold = false;
            small.Legend.FontSize = SmallText;
            small.ScaleFactor = SmallScale;
            return small.GetImageBytes(SmallScale * SmallWidth, SmallScale * SmallHeight, ImageFormat.Png);
        });
}
