namespace Cnn.Operations

open System
open System.Numerics
open Cnn.Tensors

/// From logits [ N; K ] to decisions.
module Classification =

    /// The class with the largest of some logits; of equal ones the first.
    let internal best<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (logits: ReadOnlySpan<'T>) : int =
        let mutable best = 0

        for k in 1 .. logits.Length - 1 do
            if 'T.op_GreaterThan (logits[k], logits[best]) then
                best <- k

        best

    /// For each example the class with the largest logit; of equal ones the first. [ N ]
    let predictions<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (logits: Tensor<'T>) : Tensor<int> =
        let classes = logits.Shape[1]
        Tensor.init [ logits.Shape[0] ] (fun n -> best (logits.Span.Slice(n * classes, classes)))

    /// How many predictions agree with the labels [ N ].
    let correct (logits: Tensor<'T>) (labels: Tensor<int>) : int =
        let predicted = predictions logits

        Seq.init labels.Count (fun n -> predicted[n] = labels[n])
        |> Seq.filter id
        |> Seq.length
