namespace Cnn

open System
open System.Runtime.InteropServices

/// How a run learns, beside the learning rate, which each step is told. What is left out is off.
///
///   optimizer       one of Trainer.Optimizers
///   weightDecay     lambda of the decoupled form, p <- p - r lambda p (Loshchilov and Hutter 2019), for weights alone: biases and
///                   what normalisation learns are spared; at least 0. The same for every optimizer: adamw is adam for those who give one; 0.01 is
///                   its usual one
///   labelSmoothing  the part of a label that is spread over all classes (Szegedy et al. 2016); from 0 to below 1
///   clipNorm        the largest Euclidean norm of a step's whole gradient (Pascanu et al. 2013); above 0, or 0 for none
///   averageDecay    decay a step of the moving average of the weights (Polyak and Juditsky 1992); from 0, for none, to below 1
///
/// Raises CnnException, with a sentence, for a number out of its range.
[<Sealed>]
type TrainerSettings
    (
        optimizer: string,
        [<Optional; DefaultParameterValue(0.0)>] weightDecay: float,
        [<Optional; DefaultParameterValue(0.0)>] labelSmoothing: float,
        [<Optional; DefaultParameterValue(0.0)>] clipNorm: float,
        [<Optional; DefaultParameterValue(0.0)>] averageDecay: float
    ) =
    let check (name: string) (value: float) (isPossible: bool) (range: string) =
        if not (Double.IsFinite value && isPossible) then
            raise (CnnException $"{name} {value} is not possible; it must be {range}")

    do
        check "weight decay" weightDecay (weightDecay >= 0.0) "at least 0"
        check "label smoothing" labelSmoothing (labelSmoothing >= 0.0 && labelSmoothing < 1.0) "from 0 to below 1"
        check "a gradient norm of at most" clipNorm (clipNorm >= 0.0) "above 0, or 0 for no bound"
        check "average decay" averageDecay (averageDecay >= 0.0 && averageDecay < 1.0) "from 0 to below 1"

    /// The name of the optimiser.
    member _.Optimizer = optimizer

    /// The part of each weight that a step takes off it, times the learning rate.
    member _.WeightDecay = weightDecay

    /// The part of a label that is spread over all classes.
    member _.LabelSmoothing = labelSmoothing

    /// The largest norm of a step's gradient; 0 for no bound.
    member _.ClipNorm = clipNorm

    /// The decay of the moving average of the weights; 0 for none.
    member _.AverageDecay = averageDecay
