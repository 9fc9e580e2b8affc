using Cnn.Host.Augmentations;
using Cnn.Host.Data;

namespace Cnn.Host.Figures;

/// <summary>Training images, each beside its variations, as a picture.</summary>
/// <param name="Images">The training images of a data set.</param>
/// <param name="First">The index of the first image that is shown.</param>
/// <param name="Count">How many are shown.</param>
/// <param name="Variations">Variations of each: those of the first epochs of a run.</param>
/// <param name="Augmentation">How they are varied.</param>
/// <param name="Seed">The seed of that run.</param>
internal sealed record AugmentationPreview(
    LabelledImages Images,
    int First,
    int Count,
    int Variations,
    Augmentation Augmentation,
    int Seed
)
{
    /// <summary>Where the images are in the picture.</summary>
    public GridLayout Layout => new(Count, 1 + Variations, Images.Height, Images.Width);

    /// <summary>The picture as a PNG file.</summary>
    /// <exception cref="CommandException">Failed: the library that draws does not run here.</exception>
    public byte[] Draw() =>
        Drawing.Run(() =>
        {
            using var grid = new ImageGrid(Layout, Images.Channels);
            Fill(grid);
            return grid.Encode();
        });

    private void Fill(ImageGrid grid)
    {
        grid.WriteTitle(Augmentation.Text);
        grid.WriteHeading(0, "original");
        for (int epoch = 0; epoch < Variations; epoch++)
            grid.WriteHeading(1 + epoch, $"epoch {epoch + 1}");

        byte[] variation = new byte[Images.ImageSize];
        for (int row = 0; row < Count; row++)
        {
            int index = First + row;
            grid.WriteName(row, $"image {index}", $"class {Images.NameOf(Images.Labels[index])}");
            grid.Draw(row, 0, Images.Image(index));
            for (int epoch = 0; epoch < Variations; epoch++)
            {
                Augmentation.Apply(
                    Images.Image(index),
                    variation,
                    Images.Channels,
                    Images.Height,
                    Images.Width,
                    Trainer.AugmentationGenerator(Seed, epoch, index)
                );
                grid.Draw(row, 1 + epoch, variation);
            }
        }
    }
}
