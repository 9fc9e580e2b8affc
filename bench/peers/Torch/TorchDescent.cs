using System.Numerics;
using Cnn.Peers.LeNet;
using Cnn.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cnn.Peers.Torch;

/// <summary>The training of libtorch in a precision of choice, as its users write it: modules, autograd, torch.optim.</summary>
/// <typeparam name="T">float or double.</typeparam>
internal sealed class TorchDescent<T> : IDisposable
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Sequential network;
    private readonly optim.Optimizer optimizer;

    /// <summary>From the numbers of a model on.</summary>
    public TorchDescent(Model model, Optimizer optimizer, int threads)
    {
        set_num_threads(threads);
        network = TorchNetwork.Create(model, channelsLast: false);
        network.to(typeof(T) == typeof(double) ? ScalarType.Float64 : ScalarType.Float32);
        // the rate is told each step
        this.optimizer = optimizer switch
        {
            Optimizer.Sgd { weightDecay: 0 } => optim.SGD(network.parameters(), 1),
            Optimizer.Momentum { weightDecay: 0 } m => optim.SGD(network.parameters(), 1, m.momentum),
            Optimizer.Nesterov { weightDecay: 0 } n => optim.SGD(network.parameters(), 1, n.momentum, nesterov: true),
            Optimizer.Adam { Item: { WeightDecay: 0 } a } => optim.Adam(
                network.parameters(),
                1,
                a.Beta1,
                a.Beta2,
                a.Epsilon
            ),
            _ => throw new NotSupportedException($"There is no translation of the optimiser {optimizer}."),
        };
    }

    /// <summary>Takes numbers of ours for its own.</summary>
    public void Load(IEnumerable<(string Name, Tensors.Tensor<T> Values)> parameters)
    {
        using IDisposable untracked = no_grad();
        foreach (
            ((string name, Parameter own), (string ours, Tensors.Tensor<T> values)) in network
                .named_parameters()
                .Zip(parameters)
        )
        {
            if (name != ours)
                throw new InvalidOperationException($"The parameter {ours} meets {name}.");
            using DisposeScope scope = NewDisposeScope();
            Tensor given = Tensor(values);
            own.copy_(given.dim() == 2 ? given.t() : given);
        }
    }

    /// <summary>The mean loss of a batch, and its gradient in our layout: [inputs; outputs] for a dense layer.</summary>
    public (double Loss, IReadOnlyList<(string Name, T[] Values)> Gradient) Gradient(Inputs<T> batch)
    {
        using DisposeScope scope = NewDisposeScope();
        double loss = Backward(batch);
        return (
            loss,
            [
                .. network
                    .named_parameters()
                    .Select(entry =>
                    {
                        Tensor gradient = entry.parameter.grad!;
                        return (entry.name, Values(gradient.dim() == 2 ? gradient.t() : gradient));
                    }),
            ]
        );
    }

    /// <summary>Takes a step of training. Gives the mean loss of the batch before it.</summary>
    public double Step(Inputs<T> batch, double learningRate)
    {
        using DisposeScope scope = NewDisposeScope();
        double loss = Backward(batch);
        foreach (var group in optimizer.ParamGroups)
            group.LearningRate = learningRate;
        optimizer.step();
        return loss;
    }

    /// <summary>The scores for some images, one image after the other.</summary>
    public T[] Logits(Inputs<T> batch)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable inference = inference_mode();
        return Values(network.call(Tensor(batch.Pixels)));
    }

    public void Dispose()
    {
        optimizer.Dispose();
        network.Dispose();
    }

    private double Backward(Inputs<T> batch)
    {
        optimizer.zero_grad();
        Tensor labels = tensor(batch.Labels.ToArray()).to(ScalarType.Int64);
        Tensor loss = nn.functional.cross_entropy(network.call(Tensor(batch.Pixels)), labels);
        loss.backward();
        return double.CreateChecked(loss.item<T>());
    }

    private static T[] Values(Tensor given) => given.contiguous().data<T>().ToArray();

    private static Tensor Tensor(Tensors.Tensor<T> given)
    {
        long[] shape = [.. given.Shape.Select(extent => (long)extent)];
        return (object)given.ToArray() switch
        {
            double[] doubles => tensor(doubles, shape),
            float[] floats => tensor(floats, shape),
            _ => throw new NotSupportedException($"There is no tensor of {typeof(T).Name}."),
        };
    }
}
