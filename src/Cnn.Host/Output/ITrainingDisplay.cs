using Cnn.Host.Training;

namespace Cnn.Host.Output;

/// <summary>Shows the epochs of a run to whoever watches.</summary>
internal interface ITrainingDisplay
{
    /// <summary>Runs an epoch; while it runs, it may report on itself to the action that it gets.</summary>
    /// <param name="epoch">The epoch, from 1.</param>
    /// <param name="images">The images that it is going to see.</param>
    /// <param name="work">The epoch; the action may be null, when nobody wants reports.</param>
    T During<T>(int epoch, int images, Func<Action<EpochProgress>?, T> work);

    /// <summary>Shows what an epoch gave.</summary>
    void Show(EpochResult result);
}
