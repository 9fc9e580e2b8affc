namespace Cnn.Host.Augmentations;

/// <summary>What every transform asks of the memory it is given.</summary>
internal static class Frame
{
    /// <summary>Both spans hold an image of these sizes, and writing one does not change the other.</summary>
    /// <exception cref="ArgumentException">They do not.</exception>
    public static void Check(
        ReadOnlySpan<byte> source,
        ReadOnlySpan<byte> destination,
        int channels,
        int height,
        int width
    )
    {
        long size = (long)channels * height * width;
        if (source.Length != size || destination.Length != size)
            throw new ArgumentException(
                $"Spans of {source.Length} and {destination.Length} bytes cannot hold an image of {channels} x {height} x {width}."
            );
        if (source.Overlaps(destination))
            throw new ArgumentException("The source must not overlap the destination.");
    }
}
