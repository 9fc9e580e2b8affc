using Cnn.Host.Data;
using Cnn.Host.Figures;
using Cnn.Host.Runs;
using Cnn.Host.Training;

namespace Cnn.Host.Reports;

/// <summary>All pictures of a report.</summary>
/// <param name="Curves">How the run went, a picture each with its caption.</param>
/// <param name="Mistakes">The images of the mistakes, as PNG files, in their order.</param>
/// <param name="Filters">The kernels of the first convolution.</param>
internal sealed record ReportPictures(
    IReadOnlyList<(string Caption, ReportPicture Picture)> Curves,
    IReadOnlyList<byte[]> Mistakes,
    IReadOnlyList<FilterCard> Filters
)
{
    /// <summary>Where nothing can be drawn.</summary>
    public static ReportPictures None { get; } = new([], [], []);

    /// <summary>Draws them.</summary>
    /// <param name="epochs">The epochs of the run.</param>
    /// <param name="model">The network that was judged; null without any.</param>
    /// <param name="images">The images that it was judged on; null without any.</param>
    /// <param name="mistakes">The mistakes among them.</param>
    /// <exception cref="CommandException">Failed: the library that draws does not run here.</exception>
    public static ReportPictures Draw(
        IReadOnlyList<EpochLine> epochs,
        Model? model,
        LabelledImages? images,
        IReadOnlyList<Mistake> mistakes
    ) =>
        new(
            epochs.Count == 0 ? [] : DrawCurves(epochs),
            images is null
                ? []
                :
                [
                    .. mistakes.Select(mistake =>
                        PixelImage.Encode(
                            images.Image(mistake.Index).ToArray(),
                            images.Channels,
                            images.Height,
                            images.Width
                        )
                    ),
                ],
            model is null ? [] : FilterCard.Of(model)
        );

    private static IReadOnlyList<(string, ReportPicture)> DrawCurves(IReadOnlyList<EpochLine> epochs)
    {
        RunCurves light = new(epochs, ChartTheme.Light);
        RunCurves dark = new(epochs, ChartTheme.Dark);
        EpochLine last = epochs[^1];
        string over = $"over {epochs.Count} epochs, at the end";
        return
        [
            ("Loss", new($"loss {over} {last.Loss:F4}", light.Loss(), dark.Loss())),
            ("Accuracy, %", new($"accuracy {over} {100 * last.Accuracy:F2} %", light.Accuracy(), dark.Accuracy())),
            (
                "Learning rate",
                new($"learning rate {over} {last.LearningRate:G3}", light.LearningRate(), dark.LearningRate())
            ),
        ];
    }
}
