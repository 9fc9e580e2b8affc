using SkiaSharp;

namespace Cnn.Host.Data;

/// <summary>
/// How the pixels of a file come to stand upright: the pixel of row r and column c goes to
/// <c>Start + r RowStep + c ColumnStep</c>, counted row by row.
/// </summary>
/// <param name="Height">Rows of the upright image.</param>
/// <param name="Width">Columns of the upright image.</param>
/// <param name="Start">Where the first pixel of the file goes.</param>
/// <param name="RowStep">From there to the first pixel of its second row.</param>
/// <param name="ColumnStep">And to the second pixel of its first row.</param>
internal sealed record Orientation(int Height, int Width, int Start, int RowStep, int ColumnStep)
{
    /// <summary>The orientation that a camera noted (tag 0x0112 of Exif), for an image of that size in the file.</summary>
    public static Orientation Of(SKEncodedOrigin origin, int height, int width)
    {
        int last = height * width - 1;
        // the first word says where the first row of the file belongs, the second where its first column does
        return origin switch
        {
            SKEncodedOrigin.TopRight => new(height, width, width - 1, width, -1),
            SKEncodedOrigin.BottomRight => new(height, width, last, -width, -1),
            SKEncodedOrigin.BottomLeft => new(height, width, last - (width - 1), -width, 1),
            SKEncodedOrigin.LeftTop => new(width, height, 0, 1, height),
            SKEncodedOrigin.RightTop => new(width, height, height - 1, -1, height),
            SKEncodedOrigin.RightBottom => new(width, height, last, -1, -height),
            SKEncodedOrigin.LeftBottom => new(width, height, last - (height - 1), 1, -height),
            _ => new(height, width, 0, width, 1),
        };
    }
}
