using ScottPlot;

namespace Cnn.Host.Figures;

/// <summary>The colours of a chart that is shown on a page of its own background.</summary>
/// <param name="Background">Behind everything.</param>
/// <param name="Text">Of letters and axes.</param>
/// <param name="Grid">Of the lines behind the data.</param>
/// <param name="First">Of the first line.</param>
/// <param name="Second">Of the second.</param>
internal sealed record ChartTheme(Color Background, Color Text, Color Grid, Color First, Color Second)
{
    /// <summary>For a page in light colours; the background is that of the report.</summary>
    public static ChartTheme Light { get; } =
        new(Hex("#ffffff"), Hex("#1f2328"), Hex("#e4e7eb"), Hex("#1f6feb"), Hex("#c2570c"));

    /// <summary>For a page in dark colours.</summary>
    public static ChartTheme Dark { get; } =
        new(Hex("#14171b"), Hex("#d7dce2"), Hex("#2c323a"), Hex("#6cb0ff"), Hex("#ffa657"));

    /// <summary>Gives a chart these colours, but for its lines.</summary>
    public void Apply(Plot plot)
    {
        plot.FigureBackground.Color = Background;
        plot.DataBackground.Color = Background;
        plot.Axes.Color(Text);
        plot.Grid.MajorLineColor = Grid;
        plot.Legend.BackgroundColor = Background;
        plot.Legend.FontColor = Text;
        plot.Legend.OutlineColor = Grid;
        plot.Legend.ShadowColor = Colors.Transparent;
    }

    private static Color Hex(string text) => Color.FromHex(text);
}
