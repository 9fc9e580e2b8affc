using Cnn.Host.Augmentations;
using Cnn.Host.Data;

namespace Cnn.Host.Training;

/// <summary>Images in a mini-batch and their classes; valid until the next one is asked for.</summary>
internal readonly record struct Batch(ReadOnlyMemory<byte> Pixels, ReadOnlyMemory<byte> Labels);

/// <summary>
/// The mini-batches of a run. While one is trained on, a background task gathers and varies the images to
/// come in a second buffer, on several threads where that is much work. When and where it happens changes
/// nothing: the variation of an image depends on the seed, the epoch and the image alone.
/// </summary>
internal sealed class Batches
{
    // prepared in one go, so that small batches do not pay for a task each
    private const int LeastAhead = 256;

    // images that one thread varies before it asks for more: a tenth of a millisecond to a whole one
    private const int ChunkSize = 16;

    private readonly LabelledImages images;
    private readonly int batchSize;
    private readonly Augmentation augmentation;
    private readonly int threads;
    private readonly int bufferSize;
    private readonly Buffer[] buffers;

    public Batches(LabelledImages images, int batchSize, Augmentation augmentation, int threads)
    {
        this.images = images;
        this.batchSize = Math.Min(batchSize, images.Count);
        this.augmentation = augmentation;
        // copies are over before a second thread has begun
        this.threads = augmentation.Resamples ? threads : 1;
        int whole = Math.Max(1, LeastAhead / this.batchSize) * this.batchSize;
        bufferSize = Math.Min(whole, images.Count);
        buffers = [NewBuffer(), NewBuffer()];
    }

    /// <summary>Images in an epoch.</summary>
    public int Images => images.Count;

    /// <summary>Mini-batches in an epoch, the incomplete one at its end included.</summary>
    public int Count => (images.Count + batchSize - 1) / batchSize;

    /// <summary>The mini-batches of the epoch that the trainer is about to begin.</summary>
    public IEnumerable<Batch> OfEpoch(Trainer trainer)
    {
        ReadOnlyMemory<int> order = trainer.Order(images.Count);
        Task<int> preparing = Begin(0);
        try
        {
            for (int start = 0, turn = 0; start < images.Count; start += bufferSize, turn ^= 1)
            {
                int filled = preparing.GetAwaiter().GetResult();
                if (start + filled < images.Count)
                    preparing = Begin(start + filled);
                for (int first = 0; first < filled; first += batchSize)
                    yield return buffers[turn].Slice(first, Math.Min(batchSize, filled - first), images.ImageSize);
            }
        }
        finally
        {
            // whoever stops early must not leave a task that still writes; this does not throw
            Task.WaitAny(preparing);
        }

        Task<int> Begin(int start)
        {
            Buffer buffer = buffers[start / bufferSize % 2];
            ReadOnlyMemory<int> part = order[start..Math.Min(start + bufferSize, images.Count)];
            return Task.Run(() => Fill(buffer, part, trainer));
        }
    }

    private int Fill(Buffer buffer, ReadOnlyMemory<int> indices, Trainer trainer)
    {
        if (threads == 1 || indices.Length <= ChunkSize)
            Fill(buffer, indices.Span, 0, indices.Length, trainer);
        else
            Parallel.For(
                0,
                (indices.Length + ChunkSize - 1) / ChunkSize,
                new ParallelOptions { MaxDegreeOfParallelism = threads },
                chunk =>
                {
                    int first = chunk * ChunkSize;
                    Fill(buffer, indices.Span, first, Math.Min(first + ChunkSize, indices.Length), trainer);
                }
            );
        return indices.Length;
    }

    private void Fill(Buffer buffer, ReadOnlySpan<int> indices, int first, int end, Trainer trainer)
    {
        for (int i = first; i < end; i++)
        {
            int index = indices[i];
            buffer.Labels[i] = images.Labels[index];
            ReadOnlySpan<byte> source = images.Image(index);
            Span<byte> target = buffer.Pixels.AsSpan(i * images.ImageSize, images.ImageSize);
            if (augmentation.IsNone)
                source.CopyTo(target);
            else
                augmentation.Apply(
                    source,
                    target,
                    images.Channels,
                    images.Height,
                    images.Width,
                    trainer.AugmentationGenerator(index)
                );
        }
    }

    private Buffer NewBuffer() => new(new byte[bufferSize * images.ImageSize], new byte[bufferSize]);

    private sealed record Buffer(byte[] Pixels, byte[] Labels)
    {
        public Batch Slice(int first, int count, int imageSize) =>
            new(Pixels.AsMemory(first * imageSize, count * imageSize), Labels.AsMemory(first, count));
    }
}
