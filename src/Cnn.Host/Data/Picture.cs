namespace Cnn.Host.Data;

/// <summary>
/// One image of any size. Pixels are unsigned bytes, 0 for black, row-major as <c>[Channels; Height; Width]</c>.
/// </summary>
/// <param name="Channels">Planes: 1 is grey; 3 are red, green and blue.</param>
/// <param name="Height">Rows, in pixels.</param>
/// <param name="Width">Columns, in pixels.</param>
/// <param name="Pixels"><c>Channels * Height * Width</c> bytes, which nobody may write to.</param>
/// <exception cref="ArgumentException">A dimension is not positive, or the bytes are not as many.</exception>
public sealed record Picture(int Channels, int Height, int Width, ReadOnlyMemory<byte> Pixels)
{
    private const int Grey = 1;
    private const int Colour = 3;

    // Without setters, so that a `with` expression cannot get round the check.

    /// <summary>Planes: 1 is grey; 3 are red, green and blue.</summary>
    public int Channels { get; } = Channels;

    /// <summary>Rows, in pixels.</summary>
    public int Height { get; } = Height;

    /// <summary>Columns, in pixels.</summary>
    public int Width { get; } = Width;

    /// <summary>All planes, one after the other.</summary>
    public ReadOnlyMemory<byte> Pixels { get; } =
        Channels > 0 && Height > 0 && Width > 0 && (Int128)Channels * Height * Width == Pixels.Length
            ? Pixels
            : throw new ArgumentException(
                $"{Channels} x {Height} x {Width} pixels do not fill {Pixels.Length} bytes.",
                nameof(Pixels)
            );

    /// <summary>One plane.</summary>
    public ReadOnlySpan<byte> Plane(int channel) => Pixels.Span.Slice(channel * Height * Width, Height * Width);

    /// <summary>
    /// The same in grey: the luma of Rec. 601, <c>0.299 R + 0.587 G + 0.114 B</c> of the bytes as they are, rounded, which is
    /// what most tools take. Of other numbers of channels than three it is the first.
    /// </summary>
    public Picture ToGrey()
    {
        if (Channels == Grey)
            return this;
        if (Channels != Colour)
            return new Picture(Grey, Height, Width, Pixels[..(Height * Width)]);
        byte[] grey = new byte[Height * Width];
        ReadOnlySpan<byte> red = Plane(0);
        ReadOnlySpan<byte> green = Plane(1);
        ReadOnlySpan<byte> blue = Plane(2);
        for (int i = 0; i < grey.Length; i++)
            grey[i] = (byte)((299 * red[i] + 587 * green[i] + 114 * blue[i] + 500) / 1000);
        return new Picture(Grey, Height, Width, grey);
    }

    /// <summary>The same in three channels: grey becomes red, green and blue alike.</summary>
    public Picture ToColour()
    {
        if (Channels == Colour)
            return this;
        ReadOnlySpan<byte> grey = Plane(0);
        return new Picture(Colour, Height, Width, (byte[])[.. grey, .. grey, .. grey]);
    }

    /// <summary>The negative: dark becomes light.</summary>
    public Picture Inverted()
    {
        byte[] inverted = Pixels.ToArray();
        foreach (ref byte value in inverted.AsSpan())
            value = (byte)(byte.MaxValue - value);
        return new Picture(Channels, Height, Width, inverted);
    }

    /// <summary>The same with other numbers of rows and columns, by <see cref="Resampling"/>.</summary>
    public Picture Resized(int height, int width)
    {
        if (height == Height && width == Width)
            return this;
        byte[] resized = new byte[checked(Channels * height * width)];
        for (int channel = 0; channel < Channels; channel++)
            Resampling.Resize(
                Plane(channel),
                Height,
                Width,
                resized.AsSpan(channel * height * width, height * width),
                height,
                width
            );
        return new Picture(Channels, height, width, resized);
    }

    /// <summary>As large as fits, its aspect ratio kept, in the middle of a black picture of that size.</summary>
    public Picture Letterboxed(int height, int width)
    {
        (int fittedHeight, int fittedWidth) = FitInto(height, width);
        if (fittedHeight == height && fittedWidth == width)
            return Resized(height, width);
        Picture fitted = Resized(fittedHeight, fittedWidth);
        byte[] boxed = new byte[checked(Channels * height * width)];
        int top = (height - fittedHeight) / 2;
        int left = (width - fittedWidth) / 2;
        for (int channel = 0; channel < Channels; channel++)
        for (int row = 0; row < fittedHeight; row++)
            fitted
                .Plane(channel)
                .Slice(row * fittedWidth, fittedWidth)
                .CopyTo(boxed.AsSpan((channel * height + top + row) * width + left));
        return new Picture(Channels, height, width, boxed);
    }

    /// <summary>The largest size of the same aspect ratio, rounded to whole pixels, that fits into another.</summary>
    public (int Height, int Width) FitInto(int height, int width)
    {
        // whichever side is the tight one is filled exactly
        bool isWide = (long)Width * height >= (long)Height * width;
        return isWide
            ? (Math.Clamp(Rounded((long)Height * width, Width), 1, height), width)
            : (height, Math.Clamp(Rounded((long)Width * height, Height), 1, width));

        static int Rounded(long dividend, int divisor) => (int)((2 * dividend + divisor) / (2L * divisor));
    }
}
