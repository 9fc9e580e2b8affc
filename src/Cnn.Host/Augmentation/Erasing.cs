namespace Cnn.Host.Augmentations;

/// <summary>
/// Covers a rectangle of the image with noise, so that no single part decides (Zhong, Zheng, Kang, Li and
/// Yang 2020, "Random Erasing Data Augmentation"). Noise, which did best in the paper, rather than zeros: an
/// 8 without its left side is a 3, whereas an 8 whose left side is covered is still an 8.
/// </summary>
public static class Erasing
{
    /// <summary>The least part of the image that is covered.</summary>
    public const double LeastArea = 0.02;

    /// <summary>The largest part of the image that is covered.</summary>
    public const double MostArea = 0.4;

    /// <summary>Height to width of the widest rectangle; the tallest has the inverse.</summary>
    public const double LeastAspect = 0.3;

    // about one draw in ten does not fit a square; in a frame that nothing fits, there must be an end
    private const int Attempts = 100;

    /// <summary>
    /// Draws a rectangle: its area uniform, its aspect uniform in the logarithm (in the paper in the ratio
    /// itself, which makes most rectangles tall), until its whole pixels fit the frame and the range of
    /// areas; then its place, uniform among those within the frame.
    /// </summary>
    /// <returns>Null when nothing fits, as in a frame of a few pixels.</returns>
    public static (int Top, int Left, int Height, int Width)? Choose(int height, int width, Random generator)
    {
        double frame = (double)height * width;
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            double area = frame * (LeastArea + (MostArea - LeastArea) * generator.NextDouble());
            double aspect = Math.Exp(Math.Log(LeastAspect) * (2 * generator.NextDouble() - 1));
            int rows = (int)Math.Round(Math.Sqrt(area * aspect));
            int columns = (int)Math.Round(Math.Sqrt(area / aspect));
            double covered = rows * (double)columns / frame;
            if (rows <= height && columns <= width && covered is >= LeastArea and <= MostArea)
                return (generator.Next(height - rows + 1), generator.Next(width - columns + 1), rows, columns);
        }
        return null;
    }

    /// <summary>Erases with this probability, the same rectangle in every channel; each pixel gets a uniform byte.</summary>
    /// <param name="image">The image, <c>[channels; height; width]</c>; changed in place.</param>
    /// <param name="channels">Planes of the image.</param>
    /// <param name="height">Rows, in pixels.</param>
    /// <param name="width">Columns, in pixels.</param>
    /// <param name="probability">From 0 to 1.</param>
    /// <param name="generator">Where the draws come from: whether, what area and aspect, where, and the noise of a whole image.</param>
    public static void Apply(
        Span<byte> image,
        int channels,
        int height,
        int width,
        double probability,
        Random generator
    )
    {
        if (generator.NextDouble() >= probability || Choose(height, width, generator) is not { } part)
            return;
        // more than the rectangle needs, but always as much: the memory can be kept
        byte[] noise = Scratch.OfThread.ErasingNoise(image.Length);
        generator.NextBytes(noise);
        for (int channel = 0; channel < channels; channel++)
        for (int row = part.Top; row < part.Top + part.Height; row++)
        {
            int start = (channel * height + row) * width + part.Left;
            noise.AsSpan(start, part.Width).CopyTo(image[start..]);
        }
    }
}
