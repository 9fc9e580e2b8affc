namespace Cnn.Host.Commands;

/// <summary>What <c>cnn train</c> does when it is not told otherwise: the one place for these numbers.</summary>
internal static class TrainDefaults
{
    public const string Model = "deep";
    public const int Epochs = 10;
    public const int BatchSize = 64;
    public const double LearningRate = 0.05;
    public const string Optimizer = "nesterov";
    public const string Schedule = "one-cycle";
    public const string Augmentation = "shift";
    public const int Validation = 0;
    public const string Initializer = "he";
    public const int Seed = 1;
    public const string Out = "model.bin";
}
