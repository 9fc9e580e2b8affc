using System.Text;
using Cnn.Host.Training;

namespace Cnn.Host.Output;

/// <summary>One self-contained line an epoch, for files, pipes and simple terminals.</summary>
/// <param name="epochs">Epochs of the run.</param>
/// <param name="write">Where a line goes.</param>
internal sealed class PlainDisplay(int epochs, Action<string> write) : ITrainingDisplay
{
    /// <inheritdoc/>
    public T During<T>(int epoch, int images, Func<Action<EpochProgress>?, T> work) => work(null);

    /// <inheritdoc/>
    public void Show(EpochResult result)
    {
        var line = new StringBuilder();
        line.Append($"epoch {result.Epoch}/{epochs}  loss {Numbers.Loss(result.Loss)}");
        line.Append($"  accuracy {Numbers.Percent(result.Accuracy)}");
        if (result.Validation is { } validation)
        {
            line.Append($"  validation loss {Numbers.Loss(validation.Loss)}");
            line.Append($"  accuracy {Numbers.Percent(validation.Accuracy)}");
        }
        line.Append($"  lr {Numbers.Rate(result.LearningRate)}");
        line.Append($"  {Numbers.Speed(result.ImagesPerSecond)} images/s");
        line.Append($"  {Numbers.Seconds(result.Seconds)} s");
        write(line.ToString());
    }
}
