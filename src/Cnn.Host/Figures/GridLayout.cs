namespace Cnn.Host.Figures;

/// <summary>
/// Where the parts of an <see cref="ImageGrid"/> are, in pixels. Images of <paramref name="ImageHeight"/> x
/// <paramref name="ImageWidth"/> are enlarged by the whole factor that brings their longer side to at most 112,
/// and stand in cells of at least 72 x 40. The picture has
/// <c>16 + 96 + columns (cell width + 8) - 8 + 16</c> columns and <c>16 + 28 + 24 + rows (cell height + 8) - 8 + 16</c> rows.
/// </summary>
/// <param name="Rows">Rows of images; at least 1.</param>
/// <param name="Columns">Columns of images; at least 1.</param>
/// <param name="ImageHeight">Rows of an image before it is enlarged.</param>
/// <param name="ImageWidth">Columns of an image before it is enlarged.</param>
public sealed record GridLayout(int Rows, int Columns, int ImageHeight, int ImageWidth)
{
    /// <summary>Around the whole.</summary>
    public const int Margin = 16;

    /// <summary>Between two images.</summary>
    public const int Gap = 8;

    /// <summary>Height of the line with the title.</summary>
    public const int TitleHeight = 28;

    /// <summary>Height of the line with the names of the columns.</summary>
    public const int HeadingHeight = 24;

    /// <summary>Width of the names of the rows.</summary>
    public const int NameWidth = 96;

    private const int Side = 112;
    private const int LeastCellWidth = 72;
    private const int LeastCellHeight = 40;

    /// <summary>The side of the square that each pixel of an image becomes.</summary>
    public int Enlargement => Math.Max(1, Side / Math.Max(ImageHeight, ImageWidth));

    /// <summary>Columns of an enlarged image.</summary>
    public long EnlargedWidth => (long)ImageWidth * Enlargement;

    /// <summary>Rows of an enlarged image.</summary>
    public long EnlargedHeight => (long)ImageHeight * Enlargement;

    /// <summary>Columns of the picture.</summary>
    public long Width => Left(Columns) - Gap + Margin;

    /// <summary>Rows of the picture.</summary>
    public long Height => Top(Rows) - Gap + Margin;

    /// <summary>The first column of the images in a column of the grid, counted from 0.</summary>
    public long Left(int column) => Margin + NameWidth + column * (Math.Max(LeastCellWidth, EnlargedWidth) + Gap);

    /// <summary>The first row of the images in a row of the grid, counted from 0.</summary>
    public long Top(int row) =>
        Margin + TitleHeight + HeadingHeight + row * (Math.Max(LeastCellHeight, EnlargedHeight) + Gap);
}
