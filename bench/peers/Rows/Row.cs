namespace Cnn.Peers.Rows;

/// <summary>Which images a row computes on.</summary>
internal enum ImageKind
{
    /// <summary>MNIST as it is: 1x28x28.</summary>
    Digits,

    /// <summary>Made from MNIST, of sizes that suit no vector: 3x33x31.</summary>
    Odd,
}

/// <summary>One line of the comparison: a network, and what is done with it.</summary>
/// <param name="Name">By which it is asked for.</param>
/// <param name="Architecture">The network in the text form.</param>
/// <param name="Images">What goes into it.</param>
/// <param name="Count">How many images make a pass, of which the time is taken.</param>
/// <param name="BatchSize">Images a step; for inference libtorch chooses its own, see <see cref="PeerKeepsBatch"/>.</param>
/// <param name="Threads">Threads that ours computes on.</param>
/// <param name="MostPeerThreads">Threads that libtorch may choose to compute on, at most.</param>
/// <param name="Descent">How it is trained; null where it is only used.</param>
internal sealed record Row(
    string Name,
    string Architecture,
    ImageKind Images,
    int Count,
    int BatchSize,
    int Threads,
    int MostPeerThreads,
    Descent? Descent
)
{
    /// <summary>Whether libtorch has to take the same batches for inference too.</summary>
    public bool PeerKeepsBatch { get; init; }

    /// <summary>What is done, in a few words.</summary>
    public string Work =>
        (Descent?.Optimizer ?? "inference")
        + (Descent is not null || PeerKeepsBatch ? $", batch {BatchSize}" : "")
        + $", {Threads} thread{(Threads == 1 ? "" : "s")}";
}

/// <summary>Gradient descent as both sides do it.</summary>
/// <param name="LearningRate">The same for every step.</param>
/// <param name="Momentum">That of Nesterov's form; 0 for plain steps.</param>
internal sealed record Descent(double LearningRate, double Momentum)
{
    /// <summary>The name of our optimiser that does the same.</summary>
    public string Optimizer => Momentum == 0 ? "sgd" : "nesterov";
}
