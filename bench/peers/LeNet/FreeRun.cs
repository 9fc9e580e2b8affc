using System.Numerics;
using Cnn.Peers.Measuring;
using Cnn.Peers.Ours;
using Cnn.Peers.Torch;
using Cnn.Training;

namespace Cnn.Peers.LeNet;

/// <summary>A way to descend that both sides know under the same definition.</summary>
/// <param name="Name">As our command line calls it.</param>
/// <param name="Optimizer">Ours; <see cref="TorchDescent{T}"/> knows its equal in torch.optim.</param>
/// <param name="LearningRate">The same for every step.</param>
internal sealed record Rule(string Name, Optimizer Optimizer, double LearningRate)
{
    /// <summary>All that are compared, at rates at which LeNet learns.</summary>
    public static IReadOnlyList<Rule> All { get; } =
    [
        new("sgd", Optimizer.NewSgd(0), 0.1),
        new("momentum", Optimizer.NewMomentum(0.9, 0), 0.02),
        new("nesterov", Optimizer.NewNesterov(0.9, 0), 0.02),
        new("adam", Optimizer.NewAdam(new AdamConfig(0.9, 0.999, 1e-8, 0)), 0.001),
    ];
}

/// <summary>
/// Both sides train from the same numbers on, each by itself. What is compared is the mean loss of each batch before its
/// step, as a part of that of libtorch: any difference in a gradient or an update shows in the losses behind it.
/// </summary>
/// <param name="Rule">How they descend.</param>
/// <param name="Differences">One a step.</param>
internal sealed record FreeRun(Rule Rule, IReadOnlyList<double> Differences)
{
    /// <summary>Trains on some batches, in a precision.</summary>
    public static FreeRun Of<T>(Rule rule, Model model, IEnumerable<Inputs<T>> batches, int threads)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var ours = new OurDescent<T>(model, rule.Optimizer, threads);
        using var peer = new TorchDescent<T>(model, rule.Optimizer, threads);
        return new FreeRun(
            rule,
            [
                .. batches.Select(batch =>
                    Difference.Between(ours.Step(batch, rule.LearningRate), peer.Step(batch, rule.LearningRate))
                ),
            ]
        );
    }
}
