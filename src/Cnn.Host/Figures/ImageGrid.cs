using SkiaSharp;

namespace Cnn.Host.Figures;

/// <summary>Images of one size in rows and columns, enlarged so that each pixel is seen, with names.</summary>
/// <param name="layout">Where everything is.</param>
/// <param name="channels">Planes of an image: three are red, green and blue; of other numbers the first is shown in grey.</param>
internal sealed class ImageGrid(GridLayout layout, int channels) : IDisposable
{
    // a picture of 256 MB
    private const long MostPixels = 1 << 26;

    private const float TitleSize = 16;
    private const float TextSize = 13;

    private readonly SKBitmap picture = Blank(layout);

    /// <summary>Whether a picture of this size can be drawn.</summary>
    public static bool CanHold(GridLayout layout) => layout.Width * (Int128)layout.Height <= MostPixels;

    /// <summary>Writes the title, in smaller letters where it is long.</summary>
    public void WriteTitle(string title) =>
        Write(
            title,
            GridLayout.Margin,
            GridLayout.Margin + TitleSize,
            layout.Width - 2 * GridLayout.Margin,
            TitleSize,
            isBold: true
        );

    /// <summary>Writes the name of a column above it.</summary>
    public void WriteHeading(int column, string name) =>
        Write(name, layout.Left(column), layout.Top(0) - 7, layout.Left(1) - layout.Left(0) - GridLayout.Gap, TextSize);

    /// <summary>Writes two lines to the left of a row.</summary>
    public void WriteName(int row, string first, string second)
    {
        const float width = GridLayout.NameWidth - GridLayout.Gap;
        Write(first, GridLayout.Margin, layout.Top(row) + TextSize, width, TextSize);
        Write(second, GridLayout.Margin, layout.Top(row) + 2.4f * TextSize, width, TextSize);
    }

    /// <summary>Draws one image, <c>[channels; height; width]</c>: 0 is black.</summary>
    public void Draw(int row, int column, ReadOnlySpan<byte> image)
    {
        int left = (int)layout.Left(column);
        int top = (int)layout.Top(row);
        int side = layout.Enlargement;
        int plane = layout.ImageHeight * layout.ImageWidth;
        using var canvas = new SKCanvas(picture);
        using var paint = new SKPaint { IsAntialias = false };
        for (int y = 0; y < layout.ImageHeight; y++)
        for (int x = 0; x < layout.ImageWidth; x++)
        {
            int pixel = y * layout.ImageWidth + x;
            byte red = image[pixel];
            paint.Color =
                channels == 3
                    ? new SKColor(red, image[plane + pixel], image[2 * plane + pixel])
                    : new SKColor(red, red, red);
            canvas.DrawRect(left + x * side, top + y * side, side, side, paint);
        }
    }

    /// <summary>The picture as a PNG file.</summary>
    public byte[] Encode()
    {
        using SKData data = picture.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    /// <inheritdoc/>
    public void Dispose() => picture.Dispose();

    private static SKBitmap Blank(GridLayout layout)
    {
        var info = new SKImageInfo(
            checked((int)layout.Width),
            checked((int)layout.Height),
            SKColorType.Rgba8888,
            SKAlphaType.Opaque
        );
        var picture = new SKBitmap(info);
        picture.Erase(SKColors.White);
        return picture;
    }

    private void Write(string text, float left, float baseline, float width, float size, bool isBold = false)
    {
        using var canvas = new SKCanvas(picture);
        canvas.Write(text, left, baseline, width, size, isBold);
    }
}
