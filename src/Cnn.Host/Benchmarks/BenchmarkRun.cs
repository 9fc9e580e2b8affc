using System.Diagnostics;
using Cnn.Host.Data;

namespace Cnn.Host.Benchmarks;

/// <summary>
/// The measurements of <c>cnn bench</c>. Each is made when its result is asked for, so that results can be shown one by one. The
/// core has no clock: it offers what is to be timed.
/// </summary>
internal sealed class BenchmarkRun
{
    private const int InferenceBatch = 1000;
    private const int StageBatch = 32;
    private const string Optimizer = "nesterov";
    private const string Initializer = "he";
    private const int Seed = 1;

    // slow enough for batches of one image; the speed is the same for any
    private const double LearningRate = 0.005;

    // odd, so that one of the pairs is the median
    private const int PurityPairs = 5;

    private static readonly int[] TrainingBatches = [1, StageBatch, 128];

    private readonly BenchmarkSettings settings;
    private readonly LabelledImages images;
    private readonly CancellationToken stop;

    /// <summary>Reads the images and measures the peak.</summary>
    /// <exception cref="CommandException">Bad data: the images cannot be read, or are too few.</exception>
    public BenchmarkRun(BenchmarkSettings settings, CancellationToken stop)
    {
        this.settings = settings;
        this.stop = stop;
        images = settings.Data.LoadTraining();
        if (images.Count < InferenceBatch)
            throw CommandException.BadData(
                $"{settings.Data.Path ?? DataSource.Default} has {images.Count} training images, and the benchmark needs {InferenceBatch} at least; give a larger data set."
            );
        Peak = Peak.Measure();
    }

    /// <summary>One thread, and as many as there are processors.</summary>
    public static IReadOnlyList<int> Threads { get; } = [.. new[] { 1, Environment.ProcessorCount }.Distinct()];

    /// <summary>What one core can do at best.</summary>
    public Peak Peak { get; }

    /// <summary>Training, for every network, size of batch and number of threads.</summary>
    public IEnumerable<TrainingSpeed> Training()
    {
        foreach (string network in settings.Networks.Keys)
        {
            WarmUp(network);
            foreach (int batchSize in BatchesFor(network))
            foreach (int threads in Threads)
                yield return Train(network, batchSize, threads);
        }
    }

    /// <summary>
    /// Training with fresh results and with recycled ones, in turns, for every network, size of batch and number of threads.
    /// </summary>
    public IEnumerable<PurityCost> Purity()
    {
        foreach (string network in settings.Networks.Keys)
        {
            WarmUp(network);
            foreach (int batchSize in BatchesFor(network))
            foreach (int threads in Threads)
                yield return ComparePurity(network, batchSize, threads);
        }
    }

    /// <summary>Inference on large batches, and on single images, which one thread alone can take.</summary>
    public IEnumerable<InferenceSpeed> Inference() =>
        from network in settings.Networks.Keys
        from size in Threads.Select(threads => (Batch: InferenceBatch, Threads: threads)).Append((Batch: 1, Threads: 1))
        select Infer(network, size.Batch, size.Threads);

    /// <summary>Every stage of every network, forward and backward, on one thread.</summary>
    public IEnumerable<StageCost> Stages() => settings.Networks.Keys.SelectMany(Profile);

    // a single image cannot be normalised by batch normalisation behind a flat layer
    private IEnumerable<int> BatchesFor(string network)
    {
        int least = Create(network).LeastBatch;
        return TrainingBatches.Where(size => size >= least);
    }

    // Until the runtime has compiled the network's methods for good, which it begins when no new ones are called for a while.
    private void WarmUp(string network)
    {
        Trainer trainer = Trainer.Start(Create(network), Optimizer, Seed);
        int[] batchSizes = [.. BatchesFor(network)];
        long started = Stopwatch.GetTimestamp();
        for (int turn = 0; Stopwatch.GetElapsedTime(started).TotalSeconds < settings.WarmUpSeconds; turn++)
        {
            stop.ThrowIfCancellationRequested();
            int threads = Threads[turn % Threads.Count];
            foreach (int batchSize in batchSizes)
            {
                trainer = Step(trainer, batchSize, turn, threads);
                trainer.Model.Logits(Take(batchSize, turn).Pixels, threads);
            }
        }
    }

    private TrainingSpeed Train(string network, int batchSize, int threads)
    {
        Trainer trainer = Trainer.Start(Create(network), Optimizer, Seed);
        int turn = 0;
        Timing timing = Timing.Measure(
            settings.Seconds,
            () => trainer = Step(trainer, batchSize, turn++, threads),
            stop
        );
        return Speed(network, batchSize, threads, timing);
    }

    private PurityCost ComparePurity(string network, int batchSize, int threads)
    {
        Model model = Create(network);
        Trainer trainer = Trainer.Start(model, Optimizer, Seed);
        RecyclingRun recycling = RecyclingRun.Start(model, Optimizer, Seed);
        int freshTurn = 0;
        int recycledTurn = 0;
        var fresh = new List<TrainingSpeed>();
        var recycled = new List<TrainingSpeed>();
        for (int pair = 0; pair < PurityPairs; pair++)
        {
            fresh.Add(Turn(() => trainer = Step(trainer, batchSize, freshTurn++, threads)));
            recycled.Add(Turn(() => Step(recycling, batchSize, recycledTurn++, threads)));
        }
        double[] ratios = [.. fresh.Zip(recycled, (one, other) => one.ImagesPerSecond / other.ImagesPerSecond)];
        return new PurityCost(
            Median(fresh, speed => speed.ImagesPerSecond),
            Median(recycled, speed => speed.ImagesPerSecond),
            ratios,
            Median(ratios, ratio => ratio)
        );

        TrainingSpeed Turn(Action step) =>
            Speed(network, batchSize, threads, Timing.Measure(settings.Seconds / PurityPairs, step, stop));
    }

    private static T Median<T>(IReadOnlyCollection<T> items, Func<T, double> key) =>
        items.OrderBy(key).ElementAt(items.Count / 2);

    private static TrainingSpeed Speed(string network, int batchSize, int threads, Timing timing) =>
        new(
            network,
            batchSize,
            threads,
            batchSize / timing.Seconds,
            timing.AllocatedBytes,
            timing.PauseShare,
            1000 * timing.Collections
        );

    private InferenceSpeed Infer(string network, int batchSize, int threads)
    {
        Model model = Create(network);
        int turn = 0;
        Timing timing = Timing.Measure(
            settings.Seconds,
            () => model.Logits(Take(batchSize, turn++).Pixels, threads),
            stop
        );
        return new InferenceSpeed(network, batchSize, threads, batchSize / timing.Seconds);
    }

    private IEnumerable<StageCost> Profile(string network)
    {
        Trainer trainer = Trainer.Start(Create(network), Optimizer, Seed);
        for (int turn = 0; turn < settings.Steps; turn++)
        {
            stop.ThrowIfCancellationRequested();
            trainer = Step(trainer, StageBatch, turn, Environment.ProcessorCount);
        }
        (ReadOnlyMemory<byte> pixels, ReadOnlyMemory<byte> labels) = Take(StageBatch, settings.Steps);
        using PlanProfile profile = PlanProfile.Create(trainer.Model, pixels, labels);
        for (int i = 0; i < profile.Stages.Count; i++)
        {
            int index = i;
            StageProfile stage = profile.Stages[i];
            yield return new StageCost(
                network,
                stage.Name,
                "forward",
                Microseconds(() => profile.RunForward(index)),
                stage.DenseForward,
                stage.ExecutedForward,
                Peak.SinglePrecision
            );
            yield return new StageCost(
                network,
                stage.Name,
                "backward",
                Microseconds(() => profile.RunBackward(index)),
                stage.DenseBackward,
                stage.ExecutedBackward,
                Peak.SinglePrecision
            );
        }
    }

    // for one image
    private double Microseconds(Action run) => 1e6 * Timing.Measure(settings.Seconds, run, stop).Seconds / StageBatch;

    private Model Create(string network) => settings.Networks[network].Create(images, Initializer, Seed);

    private Trainer Step(Trainer trainer, int batchSize, int turn, int threads)
    {
        (ReadOnlyMemory<byte> pixels, ReadOnlyMemory<byte> labels) = Take(batchSize, turn);
        return trainer.Step(pixels, labels, LearningRate, threads).Trainer;
    }

    private void Step(RecyclingRun run, int batchSize, int turn, int threads)
    {
        (ReadOnlyMemory<byte> pixels, ReadOnlyMemory<byte> labels) = Take(batchSize, turn);
        run.Step(pixels, labels, LearningRate, threads);
    }

    // one batch after the other, and from the start again
    private (ReadOnlyMemory<byte> Pixels, ReadOnlyMemory<byte> Labels) Take(int batchSize, int turn)
    {
        int first = turn % (images.Count / batchSize) * batchSize;
        return (
            images.Pixels.AsMemory(first * images.ImageSize, batchSize * images.ImageSize),
            images.Labels.AsMemory(first, batchSize)
        );
    }
}
