namespace Cnn.Host.Data;

/// <summary>
/// Gives a plane of pixels other numbers of rows and columns, one axis after the other. An axis that shrinks averages the
/// pixels that each new one covers, by the parts that it covers of them: thin strokes grow fainter, but none is skipped.
/// An axis that grows is interpolated linearly between the middles of pixels.
/// </summary>
internal static class Resampling
{
    /// <summary>Fills the target.</summary>
    public static void Resize(
        ReadOnlySpan<byte> source,
        int height,
        int width,
        Span<byte> target,
        int targetHeight,
        int targetWidth
    )
    {
        Part[] rows = Parts(height, targetHeight);
        Part[] columns = Parts(width, targetWidth);
        float[] line = new float[width];
        for (int i = 0; i < targetHeight; i++)
        {
            Array.Clear(line);
            for (int k = 0; k < rows[i].Weights.Length; k++)
            {
                ReadOnlySpan<byte> row = source.Slice((rows[i].First + k) * width, width);
                float weight = rows[i].Weights[k];
                for (int x = 0; x < width; x++)
                    line[x] += weight * row[x];
            }
            for (int j = 0; j < targetWidth; j++)
            {
                float sum = 0;
                for (int k = 0; k < columns[j].Weights.Length; k++)
                    sum += columns[j].Weights[k] * line[columns[j].First + k];
                target[i * targetWidth + j] = (byte)Math.Clamp(MathF.Round(sum), byte.MinValue, byte.MaxValue);
            }
        }
    }

    // what each new cell of an axis is made of
    private static Part[] Parts(int source, int target)
    {
        var parts = new Part[target];
        for (int i = 0; i < target; i++)
            parts[i] = target < source ? Covered(source, target, i) : Between(source, target, i);
        return parts;
    }

    private static Part Covered(int source, int target, int i)
    {
        double scale = (double)source / target;
        double start = i * scale;
        double end = Math.Min(source, (i + 1) * scale);
        int first = (int)start;
        // a sliver of rounding is no cell
        int last = Math.Max(first, Math.Min(source, (int)Math.Ceiling(end - 1e-9)) - 1);
        float[] weights = new float[last - first + 1];
        for (int k = 0; k < weights.Length; k++)
            weights[k] = (float)((Math.Min(end, first + k + 1) - Math.Max(start, first + k)) / (end - start));
        return new Part(first, weights);
    }

    private static Part Between(int source, int target, int i)
    {
        // middles of pixels are at halves
        double place = Math.Clamp((i + 0.5) * source / target - 0.5, 0, source - 1);
        int first = (int)place;
        float second = (float)(place - first);
        return new Part(first, second > 0 ? [1 - second, second] : [1]);
    }

    // the weights of the cells from First on, which add up to 1
    private readonly record struct Part(int First, float[] Weights);
}
