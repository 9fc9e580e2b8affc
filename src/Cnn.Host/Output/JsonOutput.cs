using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Cnn.Host.Benchmarks;
using Cnn.Host.Training;

namespace Cnn.Host.Output;

/// <summary>Results for programs: one JSON object in one line.</summary>
internal static class JsonOutput
{
    /// <summary>Writes an object with all its public properties; every number in it is finite.</summary>
    /// <param name="value">The object.</param>
    /// <param name="type">How it is written; one of <see cref="OutputJson"/>.</param>
    public static void Write<T>(T value, JsonTypeInfo<T> type) =>
        Consoles.Result(JsonSerializer.Serialize(value, type));
}

/// <summary>What <c>cnn info</c> tells.</summary>
internal sealed record InfoResult(Machine Machine, string DataFolder, Peak PeakGflops);

/// <summary>What <c>cnn lr-find</c> tells.</summary>
internal sealed record RateRangeResult(
    double? Steepest,
    double TenthOfLowest,
    double Lowest,
    bool HasDiverged,
    IReadOnlyList<RatePoint> Points
);

/// <summary>What <c>cnn bench --purity</c> tells.</summary>
internal sealed record PurityResult(Machine Machine, IReadOnlyList<PurityCost> Purity);

/// <summary>What <c>cnn bench</c> tells.</summary>
internal sealed record BenchmarkResult(
    Machine Machine,
    Peak PeakGflops,
    IReadOnlyList<TrainingSpeed> Training,
    IReadOnlyList<InferenceSpeed> Inference,
    IReadOnlyList<StageCost> Stages
);

/// <summary>
/// How they are written: with names as in JavaScript, such as imagesPerSecond. The compiler makes the code of this, so that it works
/// in a native program too, which cannot look at types while it runs.
/// </summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(InfoResult))]
[JsonSerializable(typeof(RateRangeResult))]
[JsonSerializable(typeof(PurityResult))]
[JsonSerializable(typeof(BenchmarkResult))]
internal sealed partial class OutputJson : JsonSerializerContext;
