using Cnn.Host.Augmentations;
using Cnn.Host.Data;
using Cnn.Host.Training;
using Cnn.Peers.Torch;
using Cnn.Training;

namespace Cnn.Peers.LeNet;

/// <summary>What a run of both sides gave on the test images.</summary>
/// <param name="Seed">Of the weights, the order of the images and their variations, which both sides share.</param>
/// <param name="Ours">Part of the images that ours recognises.</param>
/// <param name="Peer">Part of the images that libtorch recognises.</param>
/// <param name="Agreeing">Part of the images to which both give the same answer.</param>
internal sealed record AccuracyRun(int Seed, double Ours, double Peer, double Agreeing);

/// <summary>
/// Whole trainings of LeNet in float32, as `cnn train --model lenet` does them: both sides start with the same weights, see the same
/// varied images in the same batches, and take steps of the same length by the same rule. Each looks at the test images once, at the end.
/// </summary>
internal sealed class Accuracy(LabelledImages training, LabelledImages test, int epochs, int threads)
{
    // the recipe 'default'
    private const int BatchSize = 64;
    private const string Rule = "nesterov";
    private const double Momentum = 0.9;
    private static readonly Schedule Rates = Schedule.Parse("one-cycle", peak: 0.05);
    private static readonly Augmentation Variation = Augmentation.Parse("shift");

    private const int EvaluationBatch = 1_000;

    /// <summary>How both sides train, in a few words.</summary>
    public string Recipe =>
        $"{epochs} epochs of {training.Count} images, batches of {BatchSize}, {Rule}, {Rates.Text} at {Rates.Peak}, {Variation.Text}";

    /// <summary>A run from a seed.</summary>
    public AccuracyRun Run(int seed)
    {
        Model model = LeNetModel.Create(training, seed);
        Trainer ours = Trainer.Start(model, Rule, seed);
        using var peer = new TorchDescent<float>(model, Optimizer.NewNesterov(Momentum, 0), threads);
        long stepsPerEpoch = (training.Count + BatchSize - 1) / BatchSize;
        for (int epoch = 0; epoch < epochs; epoch++)
        {
            double peerLoss = 0;
            foreach (Batch batch in Batches.Of(training, BatchSize, Variation, ours))
            {
                double rate = Rates.LearningRate(ours.Steps, stepsPerEpoch, epochs * stepsPerEpoch);
                peerLoss +=
                    batch.Labels.Length * peer.Step(Inputs<float>.Of(batch, training.Height, training.Width), rate);
                ours = ours.Step(batch.Pixels, batch.Labels, rate, threads).Trainer;
            }
            Console.WriteLine(
                $"  seed {seed}, epoch {epoch + 1}: loss ours {ours.EpochLoss:F5}, libtorch {peerLoss / training.Count:F5}"
            );
            ours = ours.EndEpoch(null);
        }
        int[] answers = [.. TestChunks().SelectMany(chunk => Answers(OurScores(ours.Model, chunk)))];
        int[] peerAnswers = [.. TestChunks().SelectMany(chunk => Answers(peer.Logits(Numbers(chunk))))];
        var run = new AccuracyRun(seed, Right(answers), Right(peerAnswers), Same(answers, peerAnswers));
        Console.WriteLine($"  seed {seed}: ours {run.Ours:P2} of the test images, libtorch {run.Peer:P2}");
        return run;
    }

    private IEnumerable<Batch> TestChunks() =>
        from start in Enumerable.Range(0, (test.Count + EvaluationBatch - 1) / EvaluationBatch)
        let part = test.Slice(start * EvaluationBatch, Math.Min(EvaluationBatch, test.Count - start * EvaluationBatch))
        select new Batch(part.Pixels, part.Labels);

    private float[] OurScores(Model model, Batch chunk) => model.Logits(chunk.Pixels, threads).ToArray();

    private Inputs<float> Numbers(Batch chunk) => Inputs<float>.Of(chunk, test.Height, test.Width);

    private static IEnumerable<int> Answers(float[] scores) =>
        scores.Chunk(10).Select(row => Array.IndexOf(row, row.Max()));

    private double Right(int[] answers) => Same(answers, [.. test.Labels.Select(label => (int)label)]);

    private static double Same(int[] one, int[] other) =>
        one.Zip(other).Average(pair => pair.First == pair.Second ? 1.0 : 0);
}
