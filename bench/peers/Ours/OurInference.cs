using Cnn.Host.Data;
using Cnn.Peers.Measuring;
using Cnn.Peers.Rows;

namespace Cnn.Peers.Ours;

/// <summary>Our scores for images, in the chunks that the host takes.</summary>
internal sealed class OurInference(Row row, Model model, LabelledImages images) : ISide
{
    public void Restart() { }

    public void Pass(int total)
    {
        for (int start = 0; start < total; start += row.BatchSize)
            Score(start, Math.Min(row.BatchSize, total - start));
    }

    public float[] Logits(int count) => Score(0, count).ToArray();

    public void Dispose() { }

    private ScoreTable<float> Score(int start, int count) =>
        model.Logits(images.Pixels.AsMemory(start * images.ImageSize, count * images.ImageSize), row.Threads);
}
