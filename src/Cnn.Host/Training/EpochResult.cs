namespace Cnn.Host.Training;

/// <summary>An epoch while it runs.</summary>
/// <param name="Images">Images seen so far.</param>
/// <param name="Loss">Their mean loss, each taken when it was seen.</param>
/// <param name="Accuracy">The part of them that was recognised when it was seen.</param>
/// <param name="ImagesPerSecond">Speed since the start of the epoch.</param>
internal readonly record struct EpochProgress(int Images, double Loss, double Accuracy, double ImagesPerSecond);

/// <summary>An epoch that is over.</summary>
/// <param name="Epoch">Counted from 1.</param>
/// <param name="Steps">Mini-batches since the start of the run.</param>
/// <param name="Images">Images that were trained on.</param>
/// <param name="Loss">Mean loss of the images, each taken when it was seen.</param>
/// <param name="Accuracy">The part of the images that was recognised when it was seen.</param>
/// <param name="Validation">How the model then did on the held-out images; null without any.</param>
/// <param name="LearningRate">The rate of the last step.</param>
/// <param name="Seconds">Time for training alone.</param>
internal sealed record EpochResult(
    int Epoch,
    long Steps,
    int Images,
    double Loss,
    double Accuracy,
    EvaluationReport? Validation,
    double LearningRate,
    double Seconds
)
{
    /// <summary>Speed of training alone.</summary>
    public double ImagesPerSecond => Images / Seconds;
}
