using Cnn.Host.Data;
using Cnn.Peers.Measuring;
using Cnn.Peers.Rows;

namespace Cnn.Peers.Ours;

/// <summary>Our training, through the facade that the host uses.</summary>
internal sealed class OurTraining(Row row, Descent descent, Model model, LabelledImages images) : ISide
{
    private const int Seed = 1;

    private Trainer trainer = Trainer.Start(model, descent.Optimizer, Seed);

    public void Restart() => trainer = Trainer.Start(model, descent.Optimizer, Seed);

    public void Pass(int total)
    {
        for (int start = 0; start < total; start += row.BatchSize)
        {
            int count = Math.Min(row.BatchSize, total - start);
            trainer = trainer
                .Step(
                    images.Pixels.AsMemory(start * images.ImageSize, count * images.ImageSize),
                    images.Labels.AsMemory(start, count),
                    descent.LearningRate,
                    row.Threads
                )
                .Trainer;
        }
    }

    public float[] Logits(int count) =>
        trainer.Model.Logits(images.Pixels.AsMemory(0, count * images.ImageSize), row.Threads).ToArray();

    public void Dispose() { }
}
