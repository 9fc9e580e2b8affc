using Cnn.Host.Figures;

namespace Cnn.Host.Reports;

/// <summary>One kernel of the first convolution, for a report.</summary>
/// <param name="Caption">Which it is.</param>
/// <param name="Picture">Its weights, a pixel each, as a PNG file.</param>
internal sealed record FilterCard(string Caption, byte[] Picture)
{
    /// <summary>Cards that are made at most.</summary>
    public const int Most = 64;

    /// <summary>The kernels of the first convolution of a model, one for each filter and channel, in one scale of colours.</summary>
    /// <returns>None where it has no convolution.</returns>
    /// <exception cref="CommandException">Failed: the library that draws does not run here.</exception>
    public static IReadOnlyList<FilterCard> Of(Model model) =>
        FilterBank.Of(model) is [{ Weights: { Shape: [_, var channels, var height, var width] } weights }, ..]
            ? Draw(weights.Values.ToArray(), channels, height, width)
            : [];

    private static FilterCard[] Draw(float[] weights, int channels, int height, int width)
    {
        int size = height * width;
        float largest = weights.Max(Math.Abs);
        return
        [
            .. weights
                .Chunk(size)
                .Take(Most)
                .Select(
                    (kernel, place) =>
                        new FilterCard(
                            channels == 1
                                ? $"filter {place}"
                                : $"filter {place / channels}, channel {place % channels}",
                            PixelImage.Encode(KernelColours.Planes(kernel, largest), 3, height, width)
                        )
                ),
        ];
    }
}
