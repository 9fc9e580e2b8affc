using Cnn.Peers.Ours;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cnn.Peers.Torch;

/// <summary>The same network with the same numbers, in the modules of PyTorch.</summary>
internal static class TorchNetwork
{
    /// <summary>Translates a model, layer by layer, from the text form of its layers.</summary>
    public static Sequential Create(Model model, bool channelsLast)
    {
        var tensors = new ModelTensors(model);
        return nn.Sequential(
            model.Layers.Select(layer => Translate(layer.Text.Split(' '), layer.Index, tensors, channelsLast))
        );
    }

    /// <summary>The scores that a network gives for the first images, one image after the other.</summary>
    public static float[] Logits(Sequential network, Tensor pixels, int count)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable inference = inference_mode();
        return network.call(pixels.narrow(0, 0, count)).contiguous().data<float>().ToArray();
    }

    private static nn.Module<Tensor, Tensor> Translate(
        string[] words,
        int index,
        ModelTensors tensors,
        bool channelsLast
    )
    {
        return words[0] switch
        {
            "conv" => Convolution(),
            "dense" => Dense(),
            "pool" => nn.MaxPool2d(
                Pair(words[1]),
                stride: Extra(words, "stride") ?? Pair(words[1]),
                padding: Extra(words, "pad")
            ),
            // the layers before it do not need their own outputs to go backward: it may overwrite them
            "relu" => nn.ReLU(inplace: true),
            "flatten" => nn.Flatten(),
            var other => throw new NotSupportedException($"There is no translation of the layer '{other}'."),
        };

        Conv2d Convolution()
        {
            using Tensor weight = Tensor(tensors.Weight(index));
            Conv2d convolution = nn.Conv2d(
                weight.shape[1],
                weight.shape[0],
                (weight.shape[2], weight.shape[3]),
                stride: Extra(words, "stride"),
                padding: Extra(words, "pad")
            );
            convolution.weight = new Parameter(Layout.Copy(weight, channelsLast));
            convolution.bias = new Parameter(Tensor(tensors.Bias(index)));
            return convolution;
        }

        Linear Dense()
        {
            // ours is [inputs; outputs], PyTorch's [outputs, inputs]
            using Tensor weight = Tensor(tensors.Weight(index));
            return nn.Linear(new Parameter(weight.t().contiguous()), new Parameter(Tensor(tensors.Bias(index))));
        }
    }

    private static Tensor Tensor(ModelTensor given) => tensor(given.Values, given.Shape);

    private static (long, long)? Extra(string[] words, string name)
    {
        int at = Array.IndexOf(words, name);
        return at < 0 ? null : Pair(words[at + 1]);
    }

    // "3" or "3x5", as rows and columns
    private static (long, long) Pair(string text)
    {
        long[] sizes = [.. text.Split('x').Select(long.Parse)];
        return (sizes[0], sizes[^1]);
    }
}
