using Cnn.Host.Data;
using Cnn.Host.Output;
using Cnn.Host.Training;

namespace Cnn.Host.Figures;

/// <summary>Images that a model takes for what they are not.</summary>
internal static class MistakeSheet
{
    /// <summary>Mistakes that are shown at most.</summary>
    public const int Most = 32;

    /// <summary>The images, in their order, each with its true class, the answer and the probability of that.</summary>
    public static TilePanel PanelOf(LabelledImages images, IReadOnlyList<Mistake> mistakes) =>
        new(
            "true class > answer, and how probable that was to the model",
            [
                .. mistakes.Select(mistake =>
                    ActivationSheet.Input(images, mistake.Index).Tiles[0] with
                    {
                        Caption =
                            $"{images.NameOf(mistake.Truth)} > {images.NameOf(mistake.Answer)}  {Numbers.Percent(mistake.Probability)}",
                    }
                ),
            ],
            TileColours.Grey
        );

    /// <summary>The picture.</summary>
    public static Figure Draw(LabelledImages images, IReadOnlyList<Mistake> mistakes) =>
        mistakes.Count == 0
            ? new TileSheet($"No mistake among {images.Count} test images", []).Draw()
            : new TileSheet("The most confident mistakes among the test images", [PanelOf(images, mistakes)]).Draw();
}
