using Cnn.Host.Output;
using Cnn.Host.Training;

namespace Cnn.Host.Runs;

/// <summary>Shows epochs as another display does, and adds them to the folder of the run.</summary>
/// <param name="display">The other display.</param>
/// <param name="record">What is left in the folder.</param>
internal sealed class RecordingDisplay(ITrainingDisplay display, RunRecord record) : ITrainingDisplay
{
    /// <inheritdoc/>
    public T During<T>(int epoch, int images, Func<Action<EpochProgress>?, T> work) =>
        display.During(epoch, images, work);

    /// <inheritdoc/>
    public void Show(EpochResult result)
    {
        record.Add(result);
        display.Show(result);
    }
}
