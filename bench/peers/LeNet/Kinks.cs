using Cnn.Peers.Ours;
using Layer = Cnn.Networks.Layer;

namespace Cnn.Peers.LeNet;

/// <summary>
/// How near each image of a batch is to a place where the loss has no gradient: a ReLU whose input is 0, or a pooling window
/// with two largest numbers. Nearer than rounding, either side may take either of the two gradients there, and both are right.
/// </summary>
internal static class Kinks
{
    // double precision tells apart what is equal by the formulas, such as two windows of background, from what is nearly so
    private const double Equal = 1e-13;

    /// <summary>
    /// The distance to the nearest kink for each image, as a part of the largest number that the layer has for it, computed in
    /// double precision.
    /// </summary>
    public static double[] Distances(OurDescent<double> ours, Inputs<double> batch)
    {
        double[] nearest = new double[batch.Count];
        Array.Fill(nearest, double.PositiveInfinity);
        (Layer Layer, Tensors.Tensor<double> Output)[] trace = [.. ours.Trace(batch)];
        for (int i = 1; i < trace.Length; i++)
        {
            if (!trace[i].Layer.IsRelu)
                continue;
            Tensors.Tensor<double> before = trace[i - 1].Output;
            int size = before.Count / batch.Count;
            int[][] windows = [.. Windows(i + 1 < trace.Length ? trace[i + 1].Layer : null, [.. before.Shape])];
            for (int image = 0; image < batch.Count; image++)
                nearest[image] = Math.Min(nearest[image], Nearest(before.Span.Slice(image * size, size), windows));
        }
        return nearest;
    }

    // of what stands between two layers; ReLU and pooling after it see the largest number of a window alone
    private static double Nearest(ReadOnlySpan<double> numbers, int[][] windows)
    {
        double largest = 0;
        foreach (double number in numbers)
            largest = Math.Max(largest, Math.Abs(number));
        double nearest = double.PositiveInfinity;
        foreach (int[] window in windows)
        {
            double first = double.NegativeInfinity;
            foreach (int place in window)
                first = Math.Max(first, numbers[place]);
            nearest = Math.Min(nearest, Math.Abs(first));
            if (first <= 0)
                continue;
            foreach (int place in window)
                if (first - numbers[place] > Equal * largest)
                    nearest = Math.Min(nearest, first - numbers[place]);
        }
        return nearest / largest;
    }

    // the places of an image that are looked at together: those of a pooling window, or else each by itself
    private static IEnumerable<int[]> Windows(Layer? next, int[] shape)
    {
        if (next is not Layer.MaxPool2d { Item: var pool })
            return Enumerable
                .Range(0, shape.Skip(1).Aggregate(1, (size, extent) => size * extent))
                .Select(i => new[] { i });
        (int rows, int columns) = pool.Kernel;
        if (!pool.Stride.Equals(pool.Kernel) || !pool.Padding.Equals(Tuple.Create(0, 0)))
            throw new NotSupportedException("Kinks are known for pooling windows that lie side by side.");
        return from channel in Enumerable.Range(0, shape[1])
            from top in Enumerable.Range(0, shape[2] / rows)
            from left in Enumerable.Range(0, shape[3] / columns)
            select (
                from row in Enumerable.Range(0, rows)
                from column in Enumerable.Range(0, columns)
                select (channel * shape[2] + top * rows + row) * shape[3] + left * columns + column
            ).ToArray();
    }
}
