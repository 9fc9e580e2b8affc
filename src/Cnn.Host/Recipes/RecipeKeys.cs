namespace Cnn.Host.Recipes;

/// <summary>
/// The keys of a recipe. All but the first three are flags of <c>cnn train</c> as well, with two dashes before.
/// </summary>
internal static class RecipeKeys
{
    public const string Name = "name";
    public const string Version = "version";
    public const string Description = "description";
    public const string Arch = "arch";
    public const string Init = "init";
    public const string Epochs = "epochs";
    public const string BatchSize = "batch-size";
    public const string Optimizer = "optimizer";
    public const string LearningRate = "lr";
    public const string Schedule = "schedule";
    public const string WeightDecay = "weight-decay";
    public const string LabelSmoothing = "label-smoothing";
    public const string ClipNorm = "clip-norm";
    public const string AverageDecay = "ema";
    public const string Augment = "augment";
    public const string Normalize = "normalize";
}
