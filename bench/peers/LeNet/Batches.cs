using Cnn.Host.Augmentations;
using Cnn.Host.Data;

namespace Cnn.Peers.LeNet;

/// <summary>A mini-batch, as bytes: what both sides get.</summary>
internal sealed record Batch(byte[] Pixels, byte[] Labels);

/// <summary>The mini-batches of an epoch, in the order and with the variations that `cnn train` would give it.</summary>
internal static class Batches
{
    /// <summary>Those of the epoch that a trainer is about to begin.</summary>
    public static IEnumerable<Batch> Of(LabelledImages images, int size, Augmentation augmentation, Trainer trainer)
    {
        ReadOnlyMemory<int> order = trainer.Order(images.Count);
        for (int start = 0; start < images.Count; start += size)
            yield return Gather(order.Slice(start, Math.Min(size, images.Count - start)).Span);

        Batch Gather(ReadOnlySpan<int> indices)
        {
            byte[] pixels = new byte[indices.Length * images.ImageSize];
            byte[] labels = new byte[indices.Length];
            for (int i = 0; i < indices.Length; i++)
            {
                labels[i] = images.Labels[indices[i]];
                augmentation.Apply(
                    images.Image(indices[i]),
                    pixels.AsSpan(i * images.ImageSize, images.ImageSize),
                    images.Channels,
                    images.Height,
                    images.Width,
                    trainer.AugmentationGenerator(indices[i])
                );
            }
            return new Batch(pixels, labels);
        }
    }
}
