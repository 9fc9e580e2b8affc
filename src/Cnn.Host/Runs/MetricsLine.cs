using System.Text.Json;
using System.Text.Json.Serialization;

namespace Cnn.Host.Runs;

/// <summary>A line of a <see cref="MetricsFile"/>: an epoch, or the result.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(EpochLine), "epoch")]
[JsonDerivedType(typeof(ResultLine), "result")]
public abstract record MetricsLine
{
    // the strict ones: no key that is not known or is there twice, none missing, numbers without quotes
    private static readonly MetricsJson Json = new(
        new JsonSerializerOptions(JsonSerializerDefaults.Strict)
        {
            PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
            Converters = { new JsonStringEnumConverter<RunEnd>(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
        }
    );

    /// <summary>Whether the numbers are such as a run can give.</summary>
    internal abstract bool IsPossible { get; }

    /// <summary>The line in UTF-8, with its end.</summary>
    public byte[] Encode() => [.. JsonSerializer.SerializeToUtf8Bytes(this, Json.MetricsLine), (byte)'\n'];

    /// <summary>What a line without its end says; null where that is nothing that a run can say.</summary>
    public static MetricsLine? Decode(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, Json.MetricsLine) is { IsPossible: true } read ? read : null;
        }
        // the latter: an object without a kind
        catch (Exception cause) when (cause is JsonException or NotSupportedException)
        {
            return null;
        }
    }

    private protected static bool IsPart(double? value) => value is null or (>= 0 and <= 1);

    private protected static bool IsAmount(double? value) =>
        value is null || (double.IsFinite(value.Value) && value >= 0);
}

/// <summary>An epoch that is over.</summary>
/// <param name="Epoch">Counted from 1.</param>
/// <param name="Step">Mini-batches since the start of the run.</param>
/// <param name="Loss">Mean loss of the training images, each taken when it was seen.</param>
/// <param name="Accuracy">The part of them that was recognised when it was seen.</param>
/// <param name="ValidationLoss">Mean loss of the held-out images; null without any.</param>
/// <param name="ValidationAccuracy">The part of them that is recognised; null without any.</param>
/// <param name="LearningRate">The rate of the last step.</param>
/// <param name="Seconds">Time for training alone.</param>
/// <param name="ImagesPerSecond">Speed of training alone.</param>
public sealed record EpochLine(
    int Epoch,
    long Step,
    double Loss,
    double Accuracy,
    double? ValidationLoss,
    double? ValidationAccuracy,
    double LearningRate,
    double Seconds,
    double ImagesPerSecond
) : MetricsLine
{
    /// <inheritdoc/>
    internal override bool IsPossible =>
        Epoch >= 1
        && Step >= Epoch
        && IsPart(Accuracy)
        && IsPart(ValidationAccuracy)
        && ValidationLoss is null == ValidationAccuracy is null
        && new[] { Loss, ValidationLoss, LearningRate, Seconds, ImagesPerSecond }.All(IsAmount);
}

/// <summary>How a run ended.</summary>
public enum RunEnd
{
    /// <summary>By itself, after its last epoch or out of patience.</summary>
    Completed,

    /// <summary>The user stopped it.</summary>
    Interrupted,

    /// <summary>The numbers were no longer finite.</summary>
    Diverged,
}

/// <summary>What a run gave.</summary>
/// <param name="End">How it ended.</param>
/// <param name="Epoch">Whole epochs behind the model; null without a model.</param>
/// <param name="Step">Mini-batches behind the model; null without a model.</param>
/// <param name="Model">The SHA-256 of the model file in hexadecimal; null without a model.</param>
/// <param name="Score">What the model was judged on: "test" or "validation"; null where it was not.</param>
/// <param name="Examples">How many images that were.</param>
/// <param name="Accuracy">The part of them that is recognised.</param>
/// <param name="Loss">Their mean loss; null where it is not finite.</param>
/// <param name="Reason">Where and how the numbers ceased to be finite; null unless they did.</param>
public sealed record ResultLine(
    RunEnd End,
    int? Epoch,
    long? Step,
    string? Model,
    string? Score,
    int? Examples,
    double? Accuracy,
    double? Loss,
    string? Reason
) : MetricsLine
{
    /// <summary>A run that left no model, or one that was not judged.</summary>
    public static ResultLine Without(RunEnd end, string? reason = null) =>
        new(end, null, null, null, null, null, null, null, reason);

    /// <inheritdoc/>
    internal override bool IsPossible =>
        Score is null or "test" or "validation"
        && Score is null == Accuracy is null
        && Score is null == Examples is null
        && Epoch is null == Model is null
        && Step is null == Model is null
        && Epoch is not < 0
        && Step is not < 0
        && Examples is not < 1
        && IsPart(Accuracy)
        && IsAmount(Loss);
}

/// <summary>How lines are written and read: by code that the compiler makes.</summary>
[JsonSerializable(typeof(MetricsLine))]
internal sealed partial class MetricsJson : JsonSerializerContext;
