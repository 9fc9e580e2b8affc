using Cnn.Peers.Measuring;
using Cnn.Peers.Rows;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cnn.Peers.Torch;

/// <summary>The training of libtorch, with the fewest operations that a step can have.</summary>
internal sealed class TorchTraining : ISide
{
    private readonly Model model;
    private readonly Descent descent;
    private readonly TorchSetting setting;
    private readonly Tensor pixels;
    private readonly Tensor labels;

    private Sequential network;
    private Parameter[] parameters;
    private Tensor[] velocities;

    public TorchTraining(Model model, Descent descent, TorchImages images, TorchSetting setting)
    {
        this.model = model;
        this.descent = descent;
        this.setting = setting;
        pixels = images.Pixels(setting.ChannelsLast);
        labels = images.Labels;
        (network, parameters, velocities) = Fresh();
    }

    public void Restart()
    {
        Dispose();
        (network, parameters, velocities) = Fresh();
    }

    public void Pass(int total)
    {
        set_num_threads(setting.Threads);
        for (int start = 0; start < total; start += setting.BatchSize)
        {
            using DisposeScope scope = NewDisposeScope();
            int count = Math.Min(setting.BatchSize, total - start);
            Tensor logits = network.call(pixels.narrow(0, start, count));
            Tensor loss = nn.functional.cross_entropy(logits, labels.narrow(0, start, count));
            // asked for like this, gradients are handed over as they are: none is kept, cleared or added to
            Descend(autograd.grad([loss], parameters));
        }
    }

    public float[] Logits(int count) => TorchNetwork.Logits(network, pixels, count);

    public void Dispose()
    {
        network.Dispose();
        foreach (Tensor velocity in velocities)
            velocity.Dispose();
    }

    // v <- m v + g;  p <- p - r (g + m v), as torch.optim.SGD has it, but in place: it makes a tensor of the sum
    private void Descend(IList<Tensor> gradients)
    {
        using IDisposable untracked = no_grad();
        for (int i = 0; i < parameters.Length; i++)
        {
            parameters[i].add_(gradients[i], alpha: -descent.LearningRate);
            if (descent.Momentum == 0)
                continue;
            velocities[i].mul_(descent.Momentum).add_(gradients[i]);
            parameters[i].add_(velocities[i], alpha: -descent.LearningRate * descent.Momentum);
        }
    }

    private (Sequential Network, Parameter[] Parameters, Tensor[] Velocities) Fresh()
    {
        Sequential fresh = TorchNetwork.Create(model, setting.ChannelsLast);
        Parameter[] learned = [.. fresh.parameters()];
        return (fresh, learned, Array.ConvertAll(learned, parameter => zeros_like(parameter)));
    }
}
