namespace Cnn.Training

open System

/// How a run learns, beside its optimiser and the learning rate of each step.
type LearningOptions =
    {
        /// lambda of the decoupled decay p <- p - r lambda p (Loshchilov and Hutter 2019), which comes to any optimiser, on top of
        /// what it has of its own. It is for weights, tensors of at least two axes: biases, and the scales and shifts of
        /// normalisation, are spared ("no bias decay" of He et al. 2019, Bag of Tricks, section 3.1). 0 for none.
        WeightDecay: float
        /// The part of a label that is spread over all classes, see SoftmaxCrossEntropy. 0 for none.
        LabelSmoothing: float
        /// The largest norm of the mean gradient of a batch, see Optimizer.clip.
        ClipNorm: float option
        /// Decay of the moving average of the parameters, see MovingAverage.
        AverageDecay: float option
    }

module LearningOptions =

    /// The optimiser alone.
    let none: LearningOptions =
        {
            WeightDecay = 0.0
            LabelSmoothing = 0.0
            ClipNorm = None
            AverageDecay = None
        }

    /// Raises ArgumentException for a number out of its range.
    let internal expectPossible (options: LearningOptions) =
        let expect (name: string) (value: float) (isPossible: bool) (range: string) =
            if not (Double.IsFinite value && isPossible) then
                invalidArg (nameof options) $"{name} {value} is not possible; it must be {range}"

        let decay, smoothing = options.WeightDecay, options.LabelSmoothing
        expect "weight decay" decay (decay >= 0.0) "at least 0"
        expect "label smoothing" smoothing (smoothing >= 0.0 && smoothing < 1.0) "from 0 to below 1"

        options.ClipNorm
        |> Option.iter (fun most -> expect "a gradient norm of at most" most (most > 0.0) "above 0")

        options.AverageDecay
        |> Option.iter (fun decay -> expect "average decay" decay (decay >= 0.0 && decay < 1.0) "from 0 to below 1")
