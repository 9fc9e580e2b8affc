using Cnn.Host.Training;

namespace Cnn.Host.Runs;

/// <summary>A run before its first step.</summary>
/// <param name="Command">The command line that repeats it.</param>
/// <param name="Settings">How to train.</param>
/// <param name="Model">The network, untrained.</param>
/// <param name="Time">When it started.</param>
internal sealed record RunStart(string Command, TrainSettings Settings, Model Model, DateTimeOffset Time);
