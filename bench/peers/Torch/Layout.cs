using static TorchSharp.torch;

namespace Cnn.Peers.Torch;

/// <summary>The order in which the numbers of images and filters stand in memory.</summary>
internal static class Layout
{
    /// <summary>A copy of a tensor of four axes, in the order that PyTorch calls channels_last, or in the usual one.</summary>
    public static Tensor Copy(Tensor source, bool channelsLast)
    {
        long[] size = source.shape;
        // TorchSharp has no memory_format of its own to ask for, but strides are all that it is
        long[] strides = channelsLast
            ? [size[1] * size[2] * size[3], 1, size[3] * size[1], size[1]]
            : [size[1] * size[2] * size[3], size[2] * size[3], size[3], 1];
        Tensor copy = empty_strided(size, strides, dtype: source.dtype);
        using (no_grad())
            copy.copy_(source);
        return copy;
    }
}
