using Cnn.Host.Models;

namespace Cnn.Host.PyTorch;

/// <summary>The size of an image.</summary>
internal readonly record struct ImageShape(int Channels, int Height, int Width)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Channels}x{Height}x{Width}";
}

/// <summary>The classes of a model.</summary>
/// <param name="Count">How many there are.</param>
/// <param name="Names">One for each; null for numbers.</param>
internal sealed record ClassList(int Count, IReadOnlyList<string>? Names)
{
    /// <inheritdoc/>
    public override string ToString() => Names is null ? $"{Count}" : string.Join(',', Names);
}

/// <summary>What weights are to become a model, whose inputs are (byte / 255 - mean) / deviation.</summary>
internal sealed record PyTorchImport(
    NetworkChoice Network,
    ImageShape Input,
    ClassList Classes,
    double Mean,
    double Deviation,
    ModuleMap Map
);

/// <summary>Where weights go, and what their modules are called there.</summary>
internal sealed record PyTorchExport(string Path, ModuleMap Map);
