namespace Cnn.Peers.Measuring;

/// <summary>How far numbers are apart. What is not a number stays visible: it is above every bound.</summary>
internal static class Difference
{
    /// <summary>Between two numbers, as a part of the second.</summary>
    public static double Between(double ours, double peer) => Math.Abs(ours - peer) / Math.Abs(peer);

    /// <summary>The largest between two rows of numbers, as a part of the largest of the second.</summary>
    public static double Between(ReadOnlySpan<float> ours, ReadOnlySpan<float> peer)
    {
        double difference = 0;
        double largest = 0;
        for (int i = 0; i < ours.Length; i++)
        {
            difference = Math.Max(difference, Math.Abs((double)ours[i] - peer[i]));
            largest = Math.Max(largest, Math.Abs((double)peer[i]));
        }
        return difference == 0 ? 0 : difference / largest;
    }

    /// <summary>The largest of some differences. (Enumerable.Max passes over what is not a number.)</summary>
    public static double Largest(IEnumerable<double> differences) => differences.Aggregate(0.0, Math.Max);
}
