namespace Cnn.Explanations

open System.Numerics
open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks

/// What a score of a network hangs on: its gradient by anything that came before (Simonyan, Vedaldi and Zisserman 2014, "Deep inside
/// convolutional networks", section 3). The same backward that trains; only that it starts at one logit instead of at the loss, since
/// the loss of an example that is recognised is flat.
module Saliency =

    /// The gradient of the score of one class for the logits [ N; K ] themselves: 1 for the class, 0 for others.
    let private seed<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (label: int)
        (logits: Tensor<'T>)
        : Tensor<'T> =
        let classes = logits.Shape[1]
        SoftmaxCrossEntropy.expectClass classes 0 label
        Tensor.init logits.Shape (fun i -> if i % classes = label then 'T.One else 'T.Zero)

    /// d logits[n; label] / d outputOfLayer[n; …], for the layer at an index of the trace. The layers must have run in inference:
    /// then no example of the batch hangs on another. Raises ArgumentException for a label that is not a class.
    let ofLayer (index: int) (label: int) (trace: LayerForward<'T> list) : Tensor<'T> =
        Network.inputGradient (List.skip (index + 1) trace) (seed label (List.last trace).Output)

    /// d logits[n; label] / d x[n; …]: how much a brighter pixel would raise the score.
    let ofInput (label: int) (trace: LayerForward<'T> list) : Tensor<'T> =
        Network.inputGradient trace (seed label (List.last trace).Output)
