namespace Cnn.Peers.Rows;

/// <summary>The rows of the comparison.</summary>
internal static class AllRows
{
    private const string Odd =
        "conv 12 5 stride 2 pad 2, relu, conv 20 3 pad 1, relu, pool 3 stride 2, "
        + "conv 27 3 stride 2, relu, flatten, dense 50, relu, dense 10";

    // four times the filters and outputs of the preset 'deep'
    private const string Wide =
        "conv 64 3 pad 1, relu, pool 2, conv 128 3 pad 1, relu, pool 2, flatten, dense 512, relu, dense 10";

    // the momentum is what our optimiser of the name 'nesterov' has
    private static readonly Descent Nesterov = new(LearningRate: 0.05, Momentum: 0.9);
    private static readonly Descent Plain = new(LearningRate: 0.005, Momentum: 0);

    /// <summary>All rows, for a machine with this many threads.</summary>
    public static IReadOnlyList<Row> For(int threads)
    {
        IReadOnlyDictionary<string, string> presets = Model.Presets(10);
        string deep = presets["deep"];
        return
        [
            Training("train-deep-128", deep, 60_000, batchSize: 128, threads),
            Training("train-deep-32", deep, 60_000, batchSize: 32, threads),
            Training("train-deep-128-1thread", deep, 60_000, batchSize: 128, threads: 1),
            Training("train-deep-32-1thread", deep, 60_000, batchSize: 32, threads: 1),
            Training("train-lenet", presets["lenet"], 60_000, batchSize: 128, threads),
            // a fifth of the images: they are four times as large
            Training("train-odd", Odd, 12_000, batchSize: 128, threads) with
            {
                Images = ImageKind.Odd,
            },
            // one image leaves nothing for our threads to share, but libtorch may split its operations
            new("sgd-simple", presets["simple"], ImageKind.Digits, 4_000, 1, Threads: 1, threads, Plain),
            new("infer-deep", deep, ImageKind.Digits, 60_000, 1_000, threads, threads, Descent: null),
            Training("train-wide", Wide, 6_000, batchSize: 128, threads),
        ];
    }

    private static Row Training(string name, string architecture, int count, int batchSize, int threads) =>
        new(name, architecture, ImageKind.Digits, count, batchSize, threads, threads, Nesterov);
}
