using Cnn.Peers.Measuring;
using Cnn.Peers.Ours;
using Cnn.Peers.Torch;

namespace Cnn.Peers.LeNet;

/// <summary>
/// We train in float32, and libtorch is given our weights before each step: losses and gradients of the same weights and images.
/// </summary>
/// <param name="Rule">How we descend.</param>
/// <param name="Losses">The differences of the loss, one a step.</param>
/// <param name="Gradients">
/// Those of each tensor of the gradient, as parts of its largest number, one a step that needs no explanation.
/// </param>
/// <param name="Explained">The other steps.</param>
internal sealed record GradientRun(
    Rule Rule,
    IReadOnlyList<double> Losses,
    IReadOnlyDictionary<string, List<double>> Gradients,
    IReadOnlyList<ExplainedStep> Explained
)
{
    /// <summary>How far gradients may be apart, as a part of the largest number of their tensor.</summary>
    public const double MostDifference = 1e-5;

    /// <summary>Trains on some batches.</summary>
    public static GradientRun Of(Rule rule, Model model, IEnumerable<Inputs<float>> batches, int threads)
    {
        var ours = new OurDescent<float>(model, rule.Optimizer, threads);
        using var peer = new TorchDescent<float>(model, rule.Optimizer, threads);
        using var judge = new TorchDescent<double>(model, rule.Optimizer, threads);
        var losses = new List<double>();
        var gradients = new Dictionary<string, List<double>>();
        var explained = new List<ExplainedStep>();
        foreach (Inputs<float> batch in batches)
        {
            peer.Load(ours.Numbers);
            var gap = GradientGap.Of(ours, peer, batch);
            losses.Add(gap.Loss);
            if (
                !(gap.Largest <= MostDifference)
                && ExplainedStep.Find(losses.Count, gap.Largest, ours, peer, judge, batch) is { } reason
            )
                explained.Add(reason);
            else
                foreach ((string name, double difference) in gap.Tensors)
                    (gradients.TryGetValue(name, out List<double>? known) ? known : gradients[name] = []).Add(
                        difference
                    );
            ours.Step(batch, rule.LearningRate);
        }
        return new GradientRun(rule, losses, gradients, explained);
    }
}

/// <summary>How far apart the losses and gradients of a batch are.</summary>
/// <param name="Loss">As a part of the loss.</param>
/// <param name="Tensors">For each tensor, as a part of its largest number.</param>
internal sealed record GradientGap(double Loss, IReadOnlyList<(string Name, double Difference)> Tensors)
{
    /// <summary>The largest of all tensors.</summary>
    public double Largest => Difference.Largest(Tensors.Select(tensor => tensor.Difference));

    /// <summary>With the weights that both sides have.</summary>
    public static GradientGap Of(OurDescent<float> ours, TorchDescent<float> peer, Inputs<float> batch)
    {
        (double loss, IEnumerable<(string Name, Tensors.Tensor<float> Values)> gradient) = ours.Gradient(batch);
        (double peerLoss, IReadOnlyList<(string Name, float[] Values)> peerGradient) = peer.Gradient(batch);
        return new GradientGap(
            Difference.Between(loss, peerLoss),
            [
                .. gradient.Zip(
                    peerGradient,
                    (a, b) => (a.Name, Difference.Between<float, float>(a.Values.Span, b.Values))
                ),
            ]
        );
    }
}
