using ScottPlot;
using SkiaSharp;

namespace Cnn.Host.Figures;

/// <summary>A picture that becomes a PNG or an SVG file, drawn the same for both.</summary>
/// <param name="Width">Columns, in pixels.</param>
/// <param name="Height">Rows, in pixels.</param>
/// <param name="Paint">Draws it on a white ground, from (0, 0) on.</param>
internal sealed record Figure(int Width, int Height, Action<SKCanvas> Paint)
{
    /// <summary>A chart of ScottPlot as a figure.</summary>
    public static Figure Of(Plot plot, int width, int height) =>
        new(width, height, canvas => plot.Render(canvas, new PixelRect(0, width, height, 0)));

    /// <summary>The file.</summary>
    /// <param name="isSvg">Whether it is to be an SVG file.</param>
    /// <exception cref="CommandException">Failed: the library that draws does not run here.</exception>
    public byte[] Encode(bool isSvg) => Drawing.Run<byte[]>(isSvg ? EncodeSvg : EncodePng);

    private byte[] EncodePng()
    {
        using var bitmap = new SKBitmap(new SKImageInfo(Width, Height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using (var canvas = new SKCanvas(bitmap))
        {
            canvas.Clear(SKColors.White);
            Paint(canvas);
        }
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    private byte[] EncodeSvg()
    {
        using var stream = new MemoryStream();
        // what was drawn is in the stream when the canvas has gone
        using (SKCanvas canvas = SKSvgCanvas.Create(SKRect.Create(Width, Height), stream))
        {
            using var ground = new SKPaint { Color = SKColors.White };
            canvas.DrawRect(0, 0, Width, Height, ground);
            Paint(canvas);
        }
        return stream.ToArray();
    }
}
