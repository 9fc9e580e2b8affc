namespace Cnn.Training

open System
open System.Numerics
open Cnn.Tensors
open Cnn.Networks
open Cnn.Fusion

/// The best accuracy on held-out images so far, and the epoch (from 1) that reached it.
type Score = { Epoch: int; Accuracy: float }

/// What the mini-batches of an epoch gave so far: sums over their examples, each loss taken before the step of its batch.
type Progress =
    {
        Examples: int
        Loss: float
        Correct: int
    }

module Progress =

    /// That of an epoch before its first mini-batch.
    let none: Progress =
        {
            Examples = 0
            Loss = 0.0
            Correct = 0
        }

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
        Options: LearningOptions
        /// The moving average of the parameters, where the options ask for one.
        Average: Parameters<'T> option
        /// And that of the state of the layers.
        AverageState: LayerState<'T> option
        /// Whole passes over the training images.
        Epoch: int
        /// Mini-batches since the start.
        Step: int64
        /// That of the epoch under way: it begins with the example behind those that it has seen.
        Progress: Progress
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
        /// Whether the loss, and every number that the step gave, is finite.
        IsFinite: bool
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
            Options = LearningOptions.none
            Average = None
            AverageState = None
            Epoch = 0
            Step = 0L
            Progress = Progress.none
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

    /// The same state, to go on with these options; the moving average starts with the parameters as they are. Raises
    /// ArgumentException for an option out of its range.
    let withOptions (options: LearningOptions) (state: TrainingState<'T>) : TrainingState<'T> =
        LearningOptions.expectPossible options

        { state with
            Options = options
            Average = options.AverageDecay |> Option.map (fun _ -> state.Parameters)
            AverageState = options.AverageDecay |> Option.map (fun _ -> state.State)
        }

    let private learned (state: TrainingState<'T>) : Learned<'T> =
        {
            Parameters = state.Parameters
            OptimizerState = state.OptimizerState
            Average = state.Average
        }

    /// Where the draws of the next step come from: every step has a seed of its own.
    let internal draws (state: TrainingState<'T>) : Seed =
        state.Seed |> Seed.stream Stream.Dropout |> Seed.split (int state.Step)

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
        let options = state.Options

        use pass =
            DataParallel.pass options.LabelSmoothing (draws state) state.Plan state.Parameters examples labels

        use update =
            new BatchUpdate<'T>(
                state.Optimizer,
                options,
                learningRate,
                pass,
                learned state,
                ValueOption.map learned spent
            )

        // a thread that is started for less than it does in the meantime is none too many
        let useful = max pass.Shards.Count (pass.Memory.Numbers / NumbersForThread)

        Phases.run
            (min threads useful)
            [|
                DataParallel.packing pass
                DataParallel.gradients pass
                yield! update.Phases
            |]

        let struct (loss, correct) = DataParallel.total pass
        let next = update.Result
        let layers = LayerState.update pass.Observed state.State

        let averageState =
            match options.AverageDecay, state.AverageState with
            | Some decay, Some average ->
                let step = next.OptimizerState.Steps
                Some(MovingAverage.stepState decay step layers average)
            | _ -> None

        struct ({ state with
                    Parameters = next.Parameters
                    OptimizerState = next.OptimizerState
                    State = layers
                    Average = next.Average
                    AverageState = averageState
                    Step = state.Step + 1L
                    Progress =
                        {
                            Examples = state.Progress.Examples + labels.Count
                            Loss = state.Progress.Loss + loss
                            Correct = state.Progress.Correct + correct
                        }
                },
                {
                    Loss = loss / float labels.Count
                    Correct = correct
                    Examples = labels.Count
                    IsFinite = Double.IsFinite loss && update.IsFinite && LayerState.isFinite layers
                })

    /// One mini-batch x [ N; … ] with labels [ N ]: the mean gradient, and one step of the optimiser, with the options of the state. The
    /// loss that is reported is the one that is learned from: with label smoothing if there is some.
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
            Progress = Progress.none
            Best = best
        }
