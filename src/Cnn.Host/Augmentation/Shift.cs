namespace Cnn.Host.Augmentations;

/// <summary>Moves an image within its frame.</summary>
public static class Shift
{
    /// <summary>
    /// Moves an image down by <paramref name="dy"/> and right by <paramref name="dx"/> pixels (up and
    /// left where negative). What leaves the frame is lost and what enters it is 0: ink that came back
    /// in at the opposite edge would draw strokes that no digit has.
    /// </summary>
    /// <param name="source">The image, <c>[channels; height; width]</c>.</param>
    /// <param name="destination">Receives the moved image; must not overlap the source.</param>
    /// <param name="channels">Planes of the image, each moved alike.</param>
    /// <param name="height">Rows, in pixels.</param>
    /// <param name="width">Columns, in pixels.</param>
    /// <param name="dy">Pixels down; from <paramref name="height"/> on, nothing remains.</param>
    /// <param name="dx">Pixels right; from <paramref name="width"/> on, nothing remains.</param>
    /// <exception cref="ArgumentException">A length is not the product of the sizes, or the spans overlap.</exception>
    public static void Apply(
        ReadOnlySpan<byte> source,
        Span<byte> destination,
        int channels,
        int height,
        int width,
        int dy,
        int dx
    )
    {
        Frame.Check(source, destination, channels, height, width);

        // whatever lies farther out is gone as well, and the sums below cannot overflow
        dy = Math.Clamp(dy, -height, height);
        dx = Math.Clamp(dx, -width, width);
        int kept = width - Math.Abs(dx);
        int from = Math.Max(0, -dx);
        int to = Math.Max(0, dx);

        destination.Clear();
        for (int channel = 0; channel < channels; channel++)
        {
            int plane = channel * height;
            for (int row = Math.Max(0, dy); row < height + Math.Min(0, dy); row++)
            {
                ReadOnlySpan<byte> survivors = source.Slice((plane + row - dy) * width + from, kept);
                survivors.CopyTo(destination[((plane + row) * width + to)..]);
            }
        }
    }
}
