using Cnn.Peers.Ours;
using Cnn.Peers.Torch;

namespace Cnn.Peers.LeNet;

/// <summary>A step at which gradients differ because some images stand on a kink of the loss.</summary>
/// <param name="Step">Counted from 1.</param>
/// <param name="Difference">By how much, with all images.</param>
/// <param name="Images">How many images had to be left out.</param>
/// <param name="Distance">That of the furthest of them from its kink, see <see cref="Kinks"/>.</param>
/// <param name="Rest">By how much the gradients of the others differ.</param>
internal sealed record KinkedStep(int Step, double Difference, int Images, double Distance, double Rest);

/// <summary>
/// We train in float32, and libtorch is given our weights before each step: losses and gradients of the same weights and images.
/// </summary>
/// <param name="Rule">How we descend.</param>
/// <param name="Losses">The differences of the loss, one a step.</param>
/// <param name="Gradients">Those of each tensor of the gradient, as parts of its largest number, one a step without kinks.</param>
/// <param name="Kinked">The other steps.</param>
internal sealed record GradientRun(
    Rule Rule,
    IReadOnlyList<double> Losses,
    IReadOnlyDictionary<string, List<double>> Gradients,
    IReadOnlyList<KinkedStep> Kinked
)
{
    /// <summary>How far gradients may be apart, as a part of the largest number of their tensor.</summary>
    public const double MostDifference = 1e-5;

    // as near to a kink as rounding in float32 brings a sum of some hundred terms
    private const double Near = 1e-6;
    private const int MostLeftOut = 4;

    /// <summary>Trains on some batches.</summary>
    public static GradientRun Of(Rule rule, Model model, IEnumerable<Inputs<float>> batches, int threads)
    {
        var ours = new OurDescent<float>(model, rule.Optimizer, threads);
        using var peer = new TorchDescent<float>(model, rule.Optimizer);
        var losses = new List<double>();
        var gradients = new Dictionary<string, List<double>>();
        var kinked = new List<KinkedStep>();
        foreach (Inputs<float> batch in batches)
        {
            peer.Load(ours.Numbers);
            (double loss, (string Name, double Difference)[] tensors) = Compare(ours, peer, batch);
            losses.Add(loss);
            if (tensors.All(tensor => tensor.Difference <= MostDifference) || Kinks(losses.Count) is not { } kink)
                foreach ((string name, double difference) in tensors)
                    (gradients.TryGetValue(name, out List<double>? known) ? known : gradients[name] = []).Add(
                        difference
                    );
            else
                kinked.Add(kink);
            ours.Step(batch, rule.LearningRate);

            KinkedStep? Kinks(int step) => Explain(step, Largest(tensors), ours, peer, batch);
        }
        return new GradientRun(rule, losses, gradients, kinked);
    }

    // leaves out the images that are nearest to a kink, one after the other, until the gradients of the others agree
    private static KinkedStep? Explain(
        int step,
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
            double rest = Largest(Compare(ours, peer, batch.Without(nearest[..count])).Tensors);
            if (rest <= MostDifference)
                return new KinkedStep(step, difference, count, distances[nearest[count - 1]], rest);
        }
        return null;
    }

    private static double Largest((string Name, double Difference)[] tensors) =>
        Measuring.Difference.Largest(tensors.Select(tensor => tensor.Difference));

    private static (double Loss, (string Name, double Difference)[] Tensors) Compare(
        OurDescent<float> ours,
        TorchDescent<float> peer,
        Inputs<float> batch
    )
    {
        (double loss, IEnumerable<(string Name, Tensors.Tensor<float> Values)> gradient) = ours.Gradient(batch);
        (double peerLoss, IReadOnlyList<(string Name, float[] Values)> peerGradient) = peer.Gradient(batch);
        return (
            Measuring.Difference.Between(loss, peerLoss),
            [.. gradient.Zip(peerGradient, (a, b) => (a.Name, Measuring.Difference.Between(a.Values.Span, b.Values)))]
        );
    }
}
