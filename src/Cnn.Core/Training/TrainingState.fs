namespace Cnn.Training

open System.Numerics
open Cnn.Tensors
open Cnn.Networks
open Cnn.Fusion

/// The best accuracy on held-out images so far, and the epoch (from 1) that reached it.
type Score = { Epoch: int; Accuracy: float }

/// Everything that a run needs to go on, in one immutable record: the run is a fold of `TrainingState.step`
/// over mini-batches, and any state of it can be kept, compared or continued.
type TrainingState<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    {
        /// The network, and how it is computed.
        Plan: Plan
        Parameters: Parameters<'T>
        /// What layers keep beside parameters, such as the running statistics of batch normalisation: state that
        /// training updates and no gradient reaches.
        State: LayerState<'T>
        Optimizer: Optimizer
        OptimizerState: OptimizerState<'T>
        /// Whole passes over the training images.
        Epoch: int
        /// Mini-batches since the start.
        Step: int64
        Seed: Seed
        Best: Score option
    }

/// What a mini-batch gave, before its step was taken: mean loss in nats, and how many it got right.
[<Struct>]
type StepReport =
    {
        Loss: float
        Correct: int
        Examples: int
    }

module TrainingState =

    /// The state before the first step, from these parameters on.
    let ofParameters
        (optimizer: Optimizer)
        (seed: Seed)
        (network: Network)
        (parameters: Parameters<'T>)
        (layerState: LayerState<'T>)
        : TrainingState<'T> =
        {
            Plan = Plan.ofNetwork network
            Parameters = parameters
            State = layerState
            Optimizer = optimizer
            OptimizerState = Optimizer.start optimizer parameters
            Epoch = 0
            Step = 0L
            Seed = seed
            Best = None
        }

    /// The state before the first step, with parameters drawn from the seed.
    let start (optimizer: Optimizer) (initializer: Initializer) (seed: Seed) (network: Network) : TrainingState<'T> =
        ofParameters
            optimizer
            seed
            network
            (Network.initialize initializer (Seed.stream Stream.Initialization seed) network)
            (Network.start network)

    /// Numbers of a network that are worth a thread of their own when they are updated.
    [<Literal>]
    let private NumbersForThread = 32768

    /// `step`, from examples of any kind. The new state takes the arrays of `spent` if that is given: whoever still looks at them
    /// will see them change, so this is for those alone who have made that state, have handed it to nobody, and need it no more.
    let internal advance
        (threads: int)
        (learningRate: float)
        (examples: Examples<'T>)
        (labels: Tensor<int>)
        (spent: TrainingState<'T> voption)
        (state: TrainingState<'T>)
        : struct (TrainingState<'T> * StepReport) =
        // every step draws from a seed of its own
        let draws = state.Seed |> Seed.stream Stream.Dropout |> Seed.split (int state.Step)

        use pass = DataParallel.pass draws state.Plan state.Parameters examples labels

        let update =
            BatchUpdate<'T>(
                state.Optimizer,
                learningRate,
                pass,
                state.OptimizerState,
                state.Parameters,
                spent |> ValueOption.map (fun s -> struct (s.Parameters, s.OptimizerState))
            )

        // a thread that is started for less than it does in the meantime is none too many
        let useful = max pass.Shards.Count (pass.Memory.Numbers / NumbersForThread)

        Phases.run
            (min threads useful)
            [|
                DataParallel.packing pass
                DataParallel.gradients pass
                Phases.phase update.Count update.Run
            |]

        let struct (loss, correct) = DataParallel.total pass
        let struct (parameters, optimizerState) = update.Result

        struct ({ state with
                    Parameters = parameters
                    OptimizerState = optimizerState
                    State = LayerState.update pass.Observed state.State
                    Step = state.Step + 1L
                },
                {
                    Loss = loss / float labels.Count
                    Correct = correct
                    Examples = labels.Count
                })

    /// One mini-batch x [ N; … ] with labels [ N ]: the mean gradient, and one step of the optimiser.
    let step
        (threads: int)
        (learningRate: float)
        (x: Tensor<'T>)
        (labels: Tensor<int>)
        (state: TrainingState<'T>)
        : struct (TrainingState<'T> * StepReport) =
        advance threads learningRate (Examples.Numbers x) labels ValueNone state

    /// The order of the training images in an epoch (from 0): a permutation of 0 .. count - 1 that seed and epoch determine.
    let order (seed: Seed) (epoch: int) (count: int) : Tensor<int> =
        let generator =
            seed |> Seed.stream Stream.Shuffle |> Seed.split epoch |> Seed.generator

        Tensor.ofSeq [ count ] (MathNet.Numerics.Combinatorics.GeneratePermutation(count, generator))

    /// The state after an epoch, with its score on held-out images if there was one.
    let endEpoch (accuracy: float option) (state: TrainingState<'T>) : TrainingState<'T> =
        let epoch = state.Epoch + 1

        let best =
            match accuracy, state.Best with
            | Some a, Some b when not (a > b.Accuracy) -> Some b
            | Some a, _ -> Some { Epoch = epoch; Accuracy = a }
            | None, b -> b

        { state with
            Epoch = epoch
            Best = best
        }
