using Cnn.Peers.Rows;

namespace Cnn.Peers.LeNet;

/// <summary>The speeds of LeNet that are compared.</summary>
internal static class LeNetRows
{
    private const int Images = 60_000;
    private static readonly int[] BatchSizes = [128, 32];

    // the momentum is what our optimiser of the name 'nesterov' has
    private static readonly Descent Nesterov = new(LearningRate: 0.05, Momentum: 0.9);

    /// <summary>Training and inference, with each size of batches on both sides.</summary>
    public static IReadOnlyList<Row> For(int threads) =>
        [
            .. BatchSizes.Select(size => Of($"train-{size}", size, threads, Nesterov)),
            .. BatchSizes.Select(size => Of($"infer-{size}", size, threads, descent: null)),
        ];

    private static Row Of(string name, int batchSize, int threads, Descent? descent) =>
        new(name, LeNetModel.Architecture, ImageKind.Digits, Images, batchSize, threads, threads, descent)
        {
            PeerKeepsBatch = true,
        };
}
