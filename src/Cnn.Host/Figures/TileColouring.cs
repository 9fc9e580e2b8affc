using SkiaSharp;

namespace Cnn.Host.Figures;

/// <summary>The colours of a panel.</summary>
internal sealed class TileColouring(TilePanel panel)
{
    private static readonly ScottPlot.Colormaps.Viridis viridis = new();

    // what is no finite number has no place on a scale
    private static readonly SKColor nowhere = new(0xc0, 0xc0, 0xc0);

    private readonly (float Least, float Largest) scale = panel.Scale;

    /// <summary>The colour of a number.</summary>
    public SKColor Of(float value)
    {
        if (!float.IsFinite(value))
            return nowhere;
        if (panel.Colours == TileColours.Diverging)
        {
            byte[] planes = KernelColours.Planes([value], scale.Largest);
            return new SKColor(planes[0], planes[1], planes[2]);
        }
        float extent = scale.Largest - scale.Least;
        // where all numbers are the same, they are the least
        float share = extent > 0 ? (value - scale.Least) / extent : 0;
        if (panel.Colours == TileColours.Grey)
            return Grey(share);
        ScottPlot.Color heat = viridis.GetColor(share);
        return new SKColor(heat.R, heat.G, heat.B);
    }

    /// <summary>The colour of a cell of a tile.</summary>
    public SKColor Of(Tile tile, int cell)
    {
        if (!tile.IsColour)
            return Of(tile.Values[cell]);
        int plane = tile.Rows * tile.Columns;
        return new SKColor(
            Grey(tile.Values[cell]).Red,
            Grey(tile.Values[plane + cell]).Red,
            Grey(tile.Values[2 * plane + cell]).Red
        );
    }

    private static SKColor Grey(float share)
    {
        byte level = (byte)Math.Clamp(MathF.Round(255 * share), 0, 255);
        return new SKColor(level, level, level);
    }
}
