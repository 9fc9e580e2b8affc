using Cnn.Peers.Measuring;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cnn.Peers.Torch;

/// <summary>The scores of libtorch for images, without anything that a backward pass would need.</summary>
internal sealed class TorchInference : ISide
{
    private readonly TorchSetting setting;
    private readonly Tensor pixels;
    private readonly Sequential network;

    public TorchInference(Model model, TorchImages images, TorchSetting setting)
    {
        this.setting = setting;
        pixels = images.Pixels(setting.ChannelsLast);
        network = TorchNetwork.Create(model, setting.ChannelsLast);
        network.eval();
    }

    public void Restart() { }

    public void Pass(int total)
    {
        set_num_threads(setting.Threads);
        using IDisposable inference = inference_mode();
        for (int start = 0; start < total; start += setting.BatchSize)
        {
            using DisposeScope scope = NewDisposeScope();
            network.call(pixels.narrow(0, start, Math.Min(setting.BatchSize, total - start)));
        }
    }

    public float[] Logits(int count) => TorchNetwork.Logits(network, pixels, count);

    public void Dispose() => network.Dispose();
}
