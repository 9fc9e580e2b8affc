using Cnn.Host.Augmentations;
using Cnn.Host.Data;

namespace Cnn.Host.Training;

/// <summary>Images in a mini-batch and their classes; valid until the next one is asked for.</summary>
internal readonly record struct Batch(ReadOnlyMemory<byte> Pixels, ReadOnlyMemory<byte> Labels);

/// <summary>
/// The mini-batches of a run. While one is trained on, a background task gathers and varies the images to
/// come in a second buffer; where that takes longer than the training, the threads that trained help. When and
/// where it happens changes nothing: the variation of an image depends on the seed, the epoch and the image alone.
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
        this.threads = threads;
        int whole = Math.Max(1, LeastAhead / this.batchSize) * this.batchSize;
        bufferSize = Math.Min(whole, images.Count);
        buffers = [NewBuffer(), NewBuffer()];
    }

    /// <summary>Images in a mini-batch, but for the last of an epoch.</summary>
    public int Size => batchSize;

    /// <summary>Images in an epoch.</summary>
    public int Images => images.Count;

    /// <summary>Mini-batches in an epoch, the incomplete one at its end included.</summary>
    public int Count => (images.Count + batchSize - 1) / batchSize;

    /// <summary>Images in the smallest mini-batch.</summary>
    public int Smallest => images.Count - (Count - 1) * batchSize;

    /// <summary>The mini-batches of the epoch that the trainer is about to begin; those that are left of it, if it has begun.</summary>
    public IEnumerable<Batch> OfEpoch(Trainer trainer)
    {
        ReadOnlyMemory<int> order = trainer.Order(images.Count);
        int begin = trainer.EpochExamples;
        if (begin >= images.Count)
            yield break;
        Preparation preparing = Begin(begin, turn: 0);
        try
        {
            for (int start = begin, turn = 0; start < images.Count; start += bufferSize, turn ^= 1)
            {
                int filled = preparing.Finish();
                if (start + filled < images.Count)
                    preparing = Begin(start + filled, turn ^ 1);
                for (int first = 0; first < filled; first += batchSize)
                    yield return buffers[turn].Slice(first, Math.Min(batchSize, filled - first), images.ImageSize);
            }
        }
        finally
        {
            // whoever stops early must not leave a task that still writes
            preparing.Abandon();
        }

        Preparation Begin(int start, int turn) =>
            new(this, buffers[turn], order[start..Math.Min(start + bufferSize, images.Count)], trainer);
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

    /// <summary>
    /// The filling of one buffer, chunk by chunk. One task begins at once, beside the training. The others
    /// join it only when the trainer has nothing left to do: more threads than processors would delay its steps.
    /// </summary>
    private sealed class Preparation
    {
        private readonly Batches batches;
        private readonly Buffer buffer;
        private readonly ReadOnlyMemory<int> indices;
        private readonly Trainer trainer;
        private readonly Task background;
        private int chunksTaken;

        public Preparation(Batches batches, Buffer buffer, ReadOnlyMemory<int> indices, Trainer trainer)
        {
            (this.batches, this.buffer, this.indices, this.trainer) = (batches, buffer, indices, trainer);
            background = Task.Run(TakeChunks);
        }

        /// <summary>Returns when all is filled.</summary>
        /// <returns>How many images there are.</returns>
        public int Finish()
        {
            int helpers = batches.threads - 1;
            if (helpers > 1 && !background.IsCompleted)
                Parallel.For(0, helpers, new ParallelOptions { MaxDegreeOfParallelism = helpers }, _ => TakeChunks());
            else
                TakeChunks();
            background.GetAwaiter().GetResult();
            return indices.Length;
        }

        /// <summary>Returns when nothing is written any more; does not throw.</summary>
        public void Abandon()
        {
            Interlocked.Exchange(ref chunksTaken, indices.Length);
            Task.WaitAny(background);
        }

        private void TakeChunks()
        {
            while (
                (Interlocked.Increment(ref chunksTaken) - 1) * (long)ChunkSize is var first && first < indices.Length
            )
                batches.Fill(
                    buffer,
                    indices.Span,
                    (int)first,
                    (int)Math.Min(first + ChunkSize, indices.Length),
                    trainer
                );
        }
    }

    private sealed record Buffer(byte[] Pixels, byte[] Labels)
    {
        public Batch Slice(int first, int count, int imageSize) =>
            new(Pixels.AsMemory(first * imageSize, count * imageSize), Labels.AsMemory(first, count));
    }
}
