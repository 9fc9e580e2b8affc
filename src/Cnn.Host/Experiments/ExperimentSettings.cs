using Cnn.Host.Training;

namespace Cnn.Host.Experiments;

/// <summary>What an experiment is to find out.</summary>
/// <param name="Training">How to train; its seed does not matter.</param>
/// <param name="FirstSeed">The first seed; the others follow it.</param>
/// <param name="Seeds">How many seeds; at least 1.</param>
/// <param name="File">The file of the results.</param>
internal sealed record ExperimentSettings(TrainSettings Training, int FirstSeed, int Seeds, string File);
