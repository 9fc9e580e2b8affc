using Cnn.Host.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Cnn.Peers.Torch;

/// <summary>The images of a row as libtorch likes them: float32 and in memory, so that a batch costs it nothing.</summary>
internal sealed class TorchImages : IDisposable
{
    private readonly Tensor contiguous;
    private readonly Lazy<Tensor> channelsLast;

    public TorchImages(LabelledImages images)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor bytes = tensor(images.Pixels, [images.Count, images.Channels, images.Height, images.Width]);
        // both sides see pixels between 0 and 1
        contiguous = bytes.to(ScalarType.Float32).div_(255f).DetachFromDisposeScope();
        channelsLast = new(() => Layout.Copy(contiguous, channelsLast: true));
        Labels = tensor(images.Labels, [images.Count]).to(ScalarType.Int64).DetachFromDisposeScope();
    }

    /// <summary>Classes, one an image.</summary>
    public Tensor Labels { get; }

    /// <summary>Pixels [images; channels; rows; columns], in either order in memory.</summary>
    public Tensor Pixels(bool channelsLast) => channelsLast ? this.channelsLast.Value : contiguous;

    public void Dispose()
    {
        Labels.Dispose();
        contiguous.Dispose();
        if (channelsLast.IsValueCreated)
            channelsLast.Value.Dispose();
    }
}
