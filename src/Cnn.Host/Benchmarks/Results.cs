namespace Cnn.Host.Benchmarks;

/// <summary>How fast a network trains.</summary>
/// <param name="Network">The name of the preset.</param>
/// <param name="BatchSize">Images in a mini-batch.</param>
/// <param name="Threads">Threads that it computes on, at most.</param>
/// <param name="ImagesPerSecond">Images a second.</param>
/// <param name="AllocatedBytesPerStep">Bytes on the managed heap, the mean over steps.</param>
/// <param name="GcPauseShare">The part of the time that the garbage collector takes, from 0 to 1.</param>
/// <param name="CollectionsPer1000Steps">Garbage collections in 1000 steps.</param>
internal sealed record TrainingSpeed(
    string Network,
    int BatchSize,
    int Threads,
    double ImagesPerSecond,
    double AllocatedBytesPerStep,
    double GcPauseShare,
    double CollectionsPer1000Steps
);

/// <summary>What it costs that every step of training gives fresh arrays.</summary>
/// <param name="Fresh">Training as it is: the median over its turns.</param>
/// <param name="Recycled">Training that writes each result over the state before last: the median over its turns.</param>
/// <param name="Ratios">Speed of fresh to that of recycled, for each pair of turns.</param>
/// <param name="MedianRatio">The median of them: 1 where purity costs nothing.</param>
internal sealed record PurityCost(
    TrainingSpeed Fresh,
    TrainingSpeed Recycled,
    IReadOnlyList<double> Ratios,
    double MedianRatio
);

/// <summary>How fast a network classifies.</summary>
/// <param name="Network">The name of the preset.</param>
/// <param name="BatchSize">Images in a call.</param>
/// <param name="Threads">Threads that it computes on, at most.</param>
/// <param name="ImagesPerSecond">Images a second.</param>
internal sealed record InferenceSpeed(string Network, int BatchSize, int Threads, double ImagesPerSecond);

/// <summary>What one way through a stage costs, for one image and on one thread.</summary>
/// <param name="Network">The name of the preset.</param>
/// <param name="Stage">The layers of the stage in the text form.</param>
/// <param name="Direction">"forward" or "backward".</param>
/// <param name="Microseconds">Time for one image, in microseconds.</param>
/// <param name="DenseMultiplyAdds">Multiply-adds of the formulas.</param>
/// <param name="ExecutedMultiplyAdds">Multiply-adds that are really done: sparse gradients skip what is 0.</param>
/// <param name="Peak">What the core can do at best, in GFLOPS.</param>
internal sealed record StageCost(
    string Network,
    string Stage,
    string Direction,
    double Microseconds,
    long DenseMultiplyAdds,
    double ExecutedMultiplyAdds,
    double Peak
)
{
    /// <summary>The dense multiply-adds in 10^9 floating-point operations a second; null for a stage without any.</summary>
    public double? DenseGflops => Gflops(DenseMultiplyAdds);

    /// <summary>The executed multiply-adds in 10^9 floating-point operations a second; null for a stage without any.</summary>
    public double? ExecutedGflops => Gflops(ExecutedMultiplyAdds);

    /// <summary>The executed operations as a part of what the core can do at best, from 0 to 1; null for a stage without any.</summary>
    public double? PeakShare => ExecutedGflops / Peak;

    // two operations each
    private double? Gflops(double multiplyAdds) => multiplyAdds > 0 ? 2 * multiplyAdds / (Microseconds * 1000) : null;
}
