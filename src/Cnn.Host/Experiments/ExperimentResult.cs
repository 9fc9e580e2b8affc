using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cnn.Host.Experiments;

/// <summary>An epoch of a run that is kept.</summary>
/// <param name="Epoch">Counted from 1.</param>
/// <param name="Loss">Mean loss of the training images, each taken when it was seen.</param>
/// <param name="Accuracy">The part of them that was recognised when it was seen.</param>
/// <param name="LearningRate">The rate of the last step.</param>
/// <param name="Seconds">Time of training alone, from the start of the run.</param>
/// <param name="ValidationLoss">Mean loss of the held-out images; null without any, or where it is not finite.</param>
/// <param name="ValidationAccuracy">The part of them that is recognised; null without any.</param>
internal sealed record CurvePoint(
    int Epoch,
    double Loss,
    double Accuracy,
    double LearningRate,
    double Seconds,
    double? ValidationLoss,
    double? ValidationAccuracy
);

/// <summary>What one seed gave: one line of a file of results, and all that is needed to judge and repeat it.</summary>
/// <param name="Recipe">Name of the recipe, with what was changed in it.</param>
/// <param name="Version">That of the recipe.</param>
/// <param name="Config">The digest of <paramref name="Settings"/>: equal digests and seeds, equal runs.</param>
/// <param name="Settings">All that the result depends on beside the seed; see <see cref="ExperimentConfig"/>.</param>
/// <param name="Seed">The root of all randomness.</param>
/// <param name="Score">What was judged on: "test" or "validation".</param>
/// <param name="Images">How many images that were; 0 where it diverged.</param>
/// <param name="Accuracy">The part of them that was recognised after the last epoch; null where it diverged.</param>
/// <param name="Loss">Their mean loss; null where it is not finite.</param>
/// <param name="Epochs">Passes over the training images; where it diverged, those before.</param>
/// <param name="TrainingImages">Images in each.</param>
/// <param name="Seconds">Time of training alone.</param>
/// <param name="ImagesPerSecond">Speed of training alone; 0 without an epoch.</param>
/// <param name="Threads">Threads it was computed on.</param>
/// <param name="Processor">The processor's name.</param>
/// <param name="Program">Version of the program.</param>
/// <param name="Curve">The epochs.</param>
/// <param name="Diverged">Whether the numbers were no longer finite at some time.</param>
/// <param name="Build">The <see cref="Build"/> that computed it; null in lines that are older than that.</param>
internal sealed record ExperimentResult(
    string Recipe,
    int Version,
    string Config,
    JsonElement Settings,
    int Seed,
    string Score,
    int Images,
    double? Accuracy,
    double? Loss,
    int Epochs,
    int TrainingImages,
    double Seconds,
    double ImagesPerSecond,
    int Threads,
    string Processor,
    string Program,
    IReadOnlyList<CurvePoint> Curve,
    bool Diverged = false,
    string? Build = null
)
{
    private static readonly ExperimentJson Json = new(
        new JsonSerializerOptions(JsonSerializerDefaults.Web)
        {
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            RespectNullableAnnotations = true,
            RespectRequiredConstructorParameters = true,
        }
    );

    /// <summary>The first epoch after which this part of the held-out images, in per cent, was recognised; null without one.</summary>
    public CurvePoint? FirstAt(double percent)
    {
        // neither the level nor the quotient of two counts need be exact
        const double rounding = 1e-9;
        return Curve.FirstOrDefault(point => 100 * point.ValidationAccuracy >= percent - rounding);
    }

    /// <summary>The result as one line, without its end.</summary>
    public string ToLine() => JsonSerializer.Serialize(this, Json.ExperimentResult);

    /// <summary>The result in a line; null where the line is something else.</summary>
    public static ExperimentResult? OfLine(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, Json.ExperimentResult);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>How results are written and read: by code that the compiler makes.</summary>
[JsonSerializable(typeof(ExperimentResult))]
internal sealed partial class ExperimentJson : JsonSerializerContext;
