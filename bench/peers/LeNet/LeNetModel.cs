using Cnn.Host.Data;

namespace Cnn.Peers.LeNet;

/// <summary>The preset of that name.</summary>
internal static class LeNetModel
{
    /// <summary>The layers in the text form.</summary>
    public static string Architecture { get; } = Model.Presets(10)["lenet"];

    /// <summary>With the weights that `cnn train` draws from a seed.</summary>
    public static Model Create(LabelledImages images, int seed) =>
        Model.Create(Architecture, images.Channels, images.Height, images.Width, "he", seed);
}
