using Cnn.Peers.Measuring;
using Cnn.Peers.Ours;
using Cnn.Peers.Torch;

namespace Cnn.Peers.LeNet;

/// <summary>A step at which gradients differ by more than they may, and why.</summary>
/// <param name="Step">Counted from 1.</param>
/// <param name="Reason">A sentence with the numbers that show it.</param>
internal sealed record ExplainedStep(int Step, string Reason)
{
    // as near to a kink as rounding in float32 brings a sum of some hundred terms
    private const double Near = 1e-6;
    private const int MostLeftOut = 4;

    /// <summary>Looks for the reason; null where there is none but a mistake.</summary>
    /// <param name="step">Counted from 1.</param>
    /// <param name="difference">By how much the gradients differ.</param>
    /// <param name="ours">Ours before the step.</param>
    /// <param name="peer">libtorch with our weights.</param>
    /// <param name="judge">libtorch in double precision; it is given our weights.</param>
    /// <param name="batch">The images of the step.</param>
    public static ExplainedStep? Find(
        int step,
        double difference,
        OurDescent<float> ours,
        TorchDescent<float> peer,
        TorchDescent<double> judge,
        Inputs<float> batch
    ) =>
        (Kink(difference, ours, peer, batch) ?? Rounding(difference, ours, peer, judge, batch)) is { } reason
            ? new ExplainedStep(step, reason)
            : null;

    // leaves out the images that are nearest to a kink, one after the other, until the gradients of the others agree
    private static string? Kink(
        double difference,
        OurDescent<float> ours,
        TorchDescent<float> peer,
        Inputs<float> batch
    )
    {
        double[] distances = Kinks.Distances(ours.InDouble(), batch.InDouble());
        int[] nearest = [.. Enumerable.Range(0, batch.Count).OrderBy(image => distances[image]).Take(MostLeftOut)];
        for (int count = 1; count <= nearest.Length && distances[nearest[count - 1]] < Near; count++)
        {
            double rest = GradientGap.Of(ours, peer, batch.Without(nearest[..count])).Largest;
            if (rest <= GradientRun.MostDifference)
                return $"{count} of {batch.Count} images within {ExactnessTables.Short(distances[nearest[count - 1]])} of a kink; "
                    + $"with them {ExactnessTables.Short(difference)}, without them {ExactnessTables.Short(rest)}";
        }
        return null;
    }

    // libtorch in double precision says who is to blame
    private static string? Rounding(
        double difference,
        OurDescent<float> ours,
        TorchDescent<float> peer,
        TorchDescent<double> judge,
        Inputs<float> batch
    )
    {
        judge.Load(ours.InDouble().Numbers);
        double[][] exact = [.. judge.Gradient(batch.InDouble()).Gradient.Select(tensor => tensor.Values)];
        double our = Difference.Largest(
            ours.Gradient(batch).Gradient.Zip(exact, (a, b) => Difference.Between<float, double>(a.Values.Span, b))
        );
        double its = Difference.Largest(
            peer.Gradient(batch).Gradient.Zip(exact, (a, b) => Difference.Between<float, double>(a.Values, b))
        );
        return our <= GradientRun.MostDifference && our < its
            ? $"rounding of libtorch: {ExactnessTables.Short(difference)}; from libtorch in float64 ours is {ExactnessTables.Short(our)} away, its own float32 {ExactnessTables.Short(its)}"
            : null;
    }
}
