using System.Numerics;

namespace Cnn.Peers.Measuring;

/// <summary>How far numbers are apart. What is not a number stays visible: it is above every bound.</summary>
internal static class Difference
{
    /// <summary>Between two numbers, as a part of the second.</summary>
    public static double Between(double ours, double peer) => Math.Abs(ours - peer) / Math.Abs(peer);

    /// <summary>The largest between two rows of numbers, as a part of the largest of the second.</summary>
    public static double Between<TOurs, TPeer>(ReadOnlySpan<TOurs> ours, ReadOnlySpan<TPeer> peer)
        where TOurs : INumberBase<TOurs>
        where TPeer : INumberBase<TPeer>
    {
        double difference = 0;
        double largest = 0;
        for (int i = 0; i < ours.Length; i++)
        {
            double expected = double.CreateChecked(peer[i]);
            difference = Math.Max(difference, Math.Abs(double.CreateChecked(ours[i]) - expected));
            largest = Math.Max(largest, Math.Abs(expected));
        }
        return difference == 0 ? 0 : difference / largest;
    }

    /// <summary>The largest of some differences. (Enumerable.Max passes over what is not a number.)</summary>
    public static double Largest(IEnumerable<double> differences) => differences.Aggregate(0.0, Math.Max);
}
