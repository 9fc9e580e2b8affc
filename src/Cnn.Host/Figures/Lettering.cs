using SkiaSharp;

namespace Cnn.Host.Figures;

/// <summary>Words in a picture.</summary>
internal static class Lettering
{
    // what it is called differs between systems; without any of them, what the system takes for its default
    private static readonly string[] sansSerifs = ["Arial", "Helvetica", "DejaVu Sans", "Liberation Sans", "Noto Sans"];

    private static readonly SKColor usual = new(0x20, 0x20, 0x20);

    private static readonly Lazy<SKTypeface> typeface = new(() =>
        sansSerifs.Select(SKFontManager.Default.MatchFamily).FirstOrDefault(found => found is not null)
        ?? SKTypeface.Default
    );

    /// <summary>Writes a line, in smaller letters where it is long.</summary>
    /// <param name="canvas">Where to.</param>
    /// <param name="text">The words.</param>
    /// <param name="left">Where the line may start.</param>
    /// <param name="baseline">On what the letters stand.</param>
    /// <param name="width">How long it may be.</param>
    /// <param name="size">The size of the letters.</param>
    /// <param name="isBold">Whether they are bold.</param>
    /// <param name="align">At which end of the room it lies.</param>
    /// <param name="colour">Of the letters; null for nearly black.</param>
    public static void Write(
        this SKCanvas canvas,
        string text,
        float left,
        float baseline,
        float width,
        float size,
        bool isBold = false,
        SKTextAlign align = SKTextAlign.Left,
        SKColor? colour = null
    )
    {
        using var paint = new SKPaint { Color = colour ?? usual, IsAntialias = true };
        using var font = new SKFont(typeface.Value, size) { Embolden = isBold };
        float wanted = font.MeasureText(text);
        if (wanted > width)
            font.Size = size * width / wanted;
        float anchor = align switch
        {
            SKTextAlign.Center => left + width / 2,
            SKTextAlign.Right => left + width,
            _ => left,
        };
        canvas.DrawText(text, anchor, baseline, align, font, paint);
    }
}
