using System.Globalization;
using SkiaSharp;

namespace Cnn.Host.Figures;

/// <summary>Panels of maps below each other, narrow ones in pairs, each with its title and its scale of colours.</summary>
/// <param name="Title">Of the whole.</param>
/// <param name="Panels">What it shows.</param>
/// <param name="Bars">What stands below them; null for nothing.</param>
internal sealed record TileSheet(string Title, IReadOnlyList<TilePanel> Panels, BarPanel? Bars = null)
{
    private const int LeastWidth = 960;
    private const int Margin = 16;
    private const int Gap = 8;
    private const int TitleHeight = 34;
    private const int PanelTitleHeight = 26;
    private const int CaptionHeight = 16;

    // of the scale of colours
    private const int ScaleWidth = 96;
    private const int ScaleHeight = 84;

    // room for a caption
    private const int CaptionWidth = 72;

    // two panels of this width stand beside each other
    private const int HalfWidth = (LeastWidth - 2 * Margin) / 2;

    // large maps need more room than there usually is
    private int Width =>
        Math.Max(LeastWidth, Panels.Select(panel => PanelWidth(panel) + 2 * Margin).DefaultIfEmpty(0).Max());

    /// <summary>The picture.</summary>
    public Figure Draw() =>
        new(Width, TitleHeight + 2 * Margin + Rows().Sum(row => row.Max(PanelHeight)) + (Bars?.Height ?? 0), Paint);

    private List<TilePanel[]> Rows()
    {
        var rows = new List<TilePanel[]>();
        foreach (TilePanel panel in Panels)
            if (rows is [.., [var before]] && PanelWidth(before) <= HalfWidth && PanelWidth(panel) <= HalfWidth)
                rows[^1] = [before, panel];
            else
                rows.Add([panel]);
        return rows;
    }

    private static int Enlargement(TilePanel panel) =>
        Math.Max(1, panel.Side / Math.Max(panel.Tiles[0].Rows, panel.Tiles[0].Columns));

    private static bool HasCaptions(TilePanel panel) => panel.Tiles.Any(tile => tile.Caption.Length > 0);

    private static int CellWidth(TilePanel panel) =>
        Math.Max(HasCaptions(panel) ? CaptionWidth : 0, panel.Tiles[0].Columns * Enlargement(panel)) + Gap;

    private static int CellHeight(TilePanel panel) =>
        panel.Tiles[0].Rows * Enlargement(panel) + Gap + (HasCaptions(panel) ? CaptionHeight : 0);

    private static int Columns(TilePanel panel) =>
        Math.Min(
            panel.Tiles.Count,
            panel.PerRow ?? Math.Max(1, (LeastWidth - 2 * Margin - ScaleWidth) / CellWidth(panel))
        );

    // levels of grey explain themselves
    private static bool HasScale(TilePanel panel) => panel.Colours != TileColours.Grey;

    private static int PanelWidth(TilePanel panel) =>
        Columns(panel) * CellWidth(panel) + (HasScale(panel) ? ScaleWidth : 0);

    private static int PanelHeight(TilePanel panel) =>
        PanelTitleHeight
        + Math.Max(
            CellHeight(panel) * ((panel.Tiles.Count + Columns(panel) - 1) / Columns(panel)),
            HasScale(panel) ? ScaleHeight + CaptionHeight : 0
        )
        + Gap;

    private void Paint(SKCanvas canvas)
    {
        canvas.Write(Title, Margin, Margin + 18, Width - 2 * Margin, size: 18, isBold: true);
        int top = Margin + TitleHeight;
        foreach (TilePanel[] row in Rows())
        {
            int room = row.Length == 1 ? Width - 2 * Margin : HalfWidth;
            foreach ((int place, TilePanel panel) in row.Index())
                Paint(canvas, panel, Margin + place * HalfWidth, top, room - Gap);
            top += row.Max(PanelHeight);
        }
        Bars?.Paint(canvas, Margin, top, Width - 2 * Margin);
    }

    private static void Paint(SKCanvas canvas, TilePanel panel, int left, int top, int room)
    {
        canvas.Write(panel.Title, left, top + 16, room, size: 14, isBold: true);
        var colouring = new TileColouring(panel);
        int first = top + PanelTitleHeight;
        foreach ((int place, Tile tile) in panel.Tiles.Index())
        {
            int column = left + place % Columns(panel) * CellWidth(panel);
            int row = first + place / Columns(panel) * CellHeight(panel);
            if (HasCaptions(panel))
            {
                canvas.Write(tile.Caption, column, row + 11, CellWidth(panel) - Gap, size: 11);
                row += CaptionHeight;
            }
            Paint(canvas, tile, colouring, Enlargement(panel), column, row);
        }
        if (HasScale(panel))
            PaintScale(canvas, panel, colouring, left + Columns(panel) * CellWidth(panel) + Gap, first);
    }

    private static void Paint(SKCanvas canvas, Tile tile, TileColouring colouring, int side, int left, int top)
    {
        using var paint = new SKPaint { IsAntialias = false };
        for (int cell = 0; cell < tile.Rows * tile.Columns; cell++)
        {
            paint.Color = colouring.Of(tile, cell);
            canvas.DrawRect(left + cell % tile.Columns * side, top + cell / tile.Columns * side, side, side, paint);
        }
        // what is white would have no end on white
        using var edge = new SKPaint
        {
            Color = new SKColor(0xa0, 0xa0, 0xa0),
            Style = SKPaintStyle.Stroke,
            IsAntialias = false,
        };
        canvas.DrawRect(left - 0.5f, top - 0.5f, tile.Columns * side + 1, tile.Rows * side + 1, edge);
    }

    private static void PaintScale(SKCanvas canvas, TilePanel panel, TileColouring colouring, int left, int top)
    {
        (float least, float largest) = panel.Scale;
        using var paint = new SKPaint { IsAntialias = false };
        for (int row = 0; row < ScaleHeight; row++)
        {
            paint.Color = colouring.Of(largest + (least - largest) * row / (ScaleHeight - 1));
            canvas.DrawRect(left, top + row, 14, 1, paint);
        }
        Label(largest, 0);
        Label((least + largest) / 2, ScaleHeight / 2);
        Label(least, ScaleHeight);

        void Label(float value, int row) =>
            canvas.Write(
                value.ToString("G3", CultureInfo.InvariantCulture),
                left + 20,
                top + 4 + row,
                ScaleWidth - 20 - Gap,
                size: 11
            );
    }
}
