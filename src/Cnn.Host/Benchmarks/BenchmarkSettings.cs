using Cnn.Host.Data;
using Cnn.Host.Models;

namespace Cnn.Host.Benchmarks;

/// <summary>What <c>cnn bench</c> was asked to do.</summary>
/// <param name="Networks">The networks to measure, by the names that the tables give them.</param>
/// <param name="Seconds">How long to measure for each figure.</param>
/// <param name="WarmUpSeconds">How long to train each network before anything is measured.</param>
/// <param name="Steps">Steps of training before the stages are measured, so that their gradients are as sparse as usual.</param>
/// <param name="Data">The training images.</param>
internal sealed record BenchmarkSettings(
    IReadOnlyDictionary<string, NetworkChoice> Networks,
    double Seconds,
    double WarmUpSeconds,
    int Steps,
    DataChoice Data
);
