using Cnn.Host.Data;

namespace Cnn.Host.Preparation;

/// <summary>Ink on nothing, from what stands out of a ground: 0 for no ink, 255 for full ink.</summary>
internal static class Ink
{
    /// <summary>Of 255: less is the soft edge of a stroke, or a stain.</summary>
    private const int Soft = 32;

    // a blot with less than this part of the largest one's ink is dirt
    private const double LeastPart = 0.05;

    // the part of the strokes' pixels that are to have full ink
    private const double FullPart = 0.1;

    // of 255: what stands out less is not told from the ground
    private const double LeastContrast = 12;

    /// <summary>
    /// The distance of each pixel from the ground, on the side of the ink, without the noise and stretched so that the
    /// strongest tenth of the strokes is full ink; null where nothing stands out.
    /// </summary>
    public static Picture? Extract(Picture picture, Ground ground, bool isDark)
    {
        double[] distances = new double[picture.Height * picture.Width];
        ReadOnlySpan<byte> plane = picture.Plane(0);
        for (int i = 0; i < distances.Length; i++)
        {
            double distance = plane[i] - ground.At(picture, i / picture.Width, i % picture.Width);
            distances[i] = Math.Max(0, isDark ? -distance : distance);
        }
        double threshold = Threshold(distances);
        double[] strokes = [.. distances.Where(distance => distance >= threshold).Order()];
        double full = strokes[(int)((1 - FullPart) * (strokes.Length - 1))];
        if (full < ground.Noise + LeastContrast)
            return null;
        byte[] ink = new byte[distances.Length];
        for (int i = 0; i < ink.Length; i++)
            ink[i] = (byte)
                Math.Round(byte.MaxValue * Math.Clamp((distances[i] - ground.Noise) / (full - ground.Noise), 0, 1));
        return new Picture(1, picture.Height, picture.Width, ink);
    }

    /// <summary>
    /// The same without dirt: pixels of some ink that touch each other are a blot, and blots with little ink beside the largest one go.
    /// Faint pixels stay beside those of a blot that stays.
    /// </summary>
    /// <returns>The picture, and how many blots stayed and went.</returns>
    public static (Picture Picture, int Kept, int Removed) WithoutDirt(Picture ink)
    {
        (int height, int width) = (ink.Height, ink.Width);
        ReadOnlySpan<byte> source = ink.Plane(0);
        int[] blots = new int[source.Length];
        var sums = new List<long> { 0 };
        var pending = new Stack<int>();
        for (int start = 0; start < source.Length; start++)
        {
            if (source[start] < Soft || blots[start] != 0)
                continue;
            int blot = sums.Count;
            sums.Add(0);
            blots[start] = blot;
            pending.Push(start);
            while (pending.TryPop(out int pixel))
            {
                sums[blot] += source[pixel];
                foreach (int near in Around(pixel, height, width))
                {
                    if (source[near] < Soft || blots[near] != 0)
                        continue;
                    blots[near] = blot;
                    pending.Push(near);
                }
            }
        }
        long least = (long)(LeastPart * sums.Max());
        byte[] clean = new byte[source.Length];
        for (int i = 0; i < clean.Length; i++)
        {
            bool stays =
                blots[i] != 0
                    ? sums[blots[i]] >= least
                    : source[i] > 0
                        && Around(i, height, width).Any(near => blots[near] != 0 && sums[blots[near]] >= least);
            clean[i] = stays ? source[i] : (byte)0;
        }
        int kept = sums.Skip(1).Count(sum => sum >= least);
        return (new Picture(1, height, width, clean), kept, sums.Count - 1 - kept);
    }

    private static IEnumerable<int> Around(int pixel, int height, int width)
    {
        (int row, int column) = (pixel / width, pixel % width);
        for (int i = Math.Max(0, row - 1); i <= Math.Min(height - 1, row + 1); i++)
        for (int j = Math.Max(0, column - 1); j <= Math.Min(width - 1, column + 1); j++)
            if (i != row || j != column)
                yield return i * width + j;
    }

    /// <summary>
    /// Where the two groups of numbers from 0 to 255 are furthest apart: the threshold with the largest variance between them (Otsu
    /// 1979, "A threshold selection method from gray-level histograms", equation 14).
    /// </summary>
    private static double Threshold(double[] values)
    {
        long[] histogram = new long[256];
        foreach (double value in values)
            histogram[Math.Min(255, (int)value)]++;
        double total = values.Length;
        double mean = histogram.Select((count, level) => level * (count / total)).Sum();
        (double best, int threshold) = (-1, 1);
        (double weight, double sum) = (0, 0);
        for (int level = 1; level < histogram.Length; level++)
        {
            weight += histogram[level - 1] / total;
            sum += (level - 1) * (histogram[level - 1] / total);
            double spread = weight * (1 - weight);
            double between = spread > 0 ? (mean * weight - sum) * (mean * weight - sum) / spread : 0;
            if (between > best)
                (best, threshold) = (between, level);
        }
        // where all are alike, or below 1, there are none above: then the largest is what there is
        return Math.Min(threshold, values.Max());
    }
}
