using System.Numerics;
using Cnn.Networks;
using Cnn.Peers.LeNet;
using Cnn.Storage;
using Cnn.Tensors;
using Cnn.Training;
using Microsoft.FSharp.Core;

namespace Cnn.Peers.Ours;

/// <summary>Our training in a precision of choice: the steps that `cnn train` takes, by the core's own functions.</summary>
/// <typeparam name="T">float or double.</typeparam>
internal sealed class OurDescent<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly int threads;
    private TrainingState<T> state;

    /// <summary>From the numbers of a model on, which every precision holds exactly.</summary>
    public OurDescent(Model model, Optimizer optimizer, int threads)
    {
        TrainedNetwork trained = ModelFile.decode(model.Encode()).ResultValue.Model;
        this.threads = threads;
        state = Start(optimizer, trained.Network, trained.Parameters, trained.State);
    }

    private OurDescent(TrainingState<T> state, int threads) => (this.state, this.threads) = (state, threads);

    /// <summary>The numbers that are learned, each tensor under its name.</summary>
    public IEnumerable<(string Name, Tensor<T> Values)> Numbers => Named(state.Parameters);

    /// <summary>The same moment in double precision.</summary>
    public OurDescent<double> InDouble() =>
        new(OurDescent<double>.Start(state.Optimizer, state.Plan.Network, state.Parameters, state.State), threads);

    /// <summary>The mean loss of a batch and its gradient, as the numbers are now: shards, threads and sums as in a step.</summary>
    public (double Loss, IEnumerable<(string Name, Tensor<T> Values)> Gradient) Gradient(Inputs<T> batch)
    {
        Step<T> sums = DataParallel.lossAndGradients(
            threads,
            state.Seed,
            state.Plan,
            state.Parameters,
            batch.Pixels,
            batch.Labels
        );
        return (sums.Loss / sums.Examples, Named(Parameters.scale(1.0 / sums.Examples, sums.Gradients)));
    }

    /// <summary>What each layer gives for a batch, one operation after the other.</summary>
    public IEnumerable<(Layer Layer, Tensor<T> Output)> Trace(Inputs<T> batch) =>
        state.Plan.Network.Layers.Zip(
            NetworkModule.forward(
                Mode<T>.NewInference(state.State),
                state.Plan.Network,
                state.Parameters,
                batch.Pixels
            ),
            (layer, pass) => (layer, pass.Output)
        );

    /// <summary>Takes a step of training. Gives the mean loss of the batch before it.</summary>
    public double Step(Inputs<T> batch, double learningRate)
    {
        (state, StepReport report) = TrainingState.step(threads, learningRate, batch.Pixels, batch.Labels, state);
        return report.Loss;
    }

    private static TrainingState<T> Start<TFrom>(
        Optimizer optimizer,
        Network network,
        Parameters<TFrom> parameters,
        LayerState<TFrom> layers
    )
        where TFrom : unmanaged, IBinaryFloatingPointIeee754<TFrom>
    {
        FSharpFunc<Tensor<TFrom>, Tensor<T>> convert = FuncConvert.FromFunc(
            (Tensor<TFrom> tensor) => Tensor.map(FuncConvert.FromFunc((TFrom x) => T.CreateChecked(x)), tensor)
        );
        return TrainingState.ofParameters(
            optimizer,
            SeedModule.ofInt(1),
            network,
            Parameters.map(convert, parameters),
            LayerState.map(convert, layers)
        );
    }

    private static IEnumerable<(string Name, Tensor<T> Values)> Named(Parameters<T> parameters) =>
        Parameters.named(parameters).Select(entry => (entry.Item1, entry.Item2));
}
