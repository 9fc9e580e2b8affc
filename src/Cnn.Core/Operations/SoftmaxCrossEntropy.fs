namespace Cnn.Operations

open System
open System.Numerics
open Cnn.Tensors

/// The loss of a classifier: softmax and cross-entropy in one, which keeps it finite and its gradient exact.
///
///   p[n; k] = exp(logits[n; k]) / sum over j of exp(logits[n; j])
///   loss    = sum over n of -log p[n; label n]
///           = sum over n of logSumExp(logits[n]) - logits[n; label n]
///
/// Or, with label smoothing e (Szegedy et al. 2016, section 7), against a target that gives a part of each label to all classes:
///
///   target[n; k] = (1 - e) oneHot(label n)[k] + e / K
///   loss         = sum over n and k of -target[n; k] log p[n; k]
///
/// with logSumExp(z) = max z + log(sum of exp(z - max z)): nothing overflows, and no constant is added that
/// would cap the loss. Worked in double precision whatever the precision of the logits.
/// Shapes: logits [ N; K ], labels [ N ] in 0 .. K - 1. The loss is in nats, summed (not averaged) over N.
module SoftmaxCrossEntropy =

    /// What backward needs of a forward pass.
    type Cache<'T> =
        {
            Probabilities: Tensor<'T>
            Labels: Tensor<int>
            Smoothing: float
        }

    type Gradient<'T> = { Logits: Tensor<'T> }

    /// log(sum of exp z), for the values of one row.
    let private logSumExp (row: ReadOnlySpan<'T>) : float =
        let mutable highest = Double.NegativeInfinity

        for z in row do
            let value = Double.CreateTruncating z
            // written so that a NaN gets through
            if not (value <= highest) then
                highest <- value

        let mutable sum = 0.0

        for z in row do
            sum <- sum + exp (Double.CreateTruncating z - highest)

        highest + log sum

    /// One number of the softmax, given logSumExp of its row.
    let private probability<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (normalizer: float) (logit: 'T) : 'T =
        'T.CreateTruncating(exp (Double.CreateTruncating logit - normalizer))

    /// Raises ArgumentException for a label that is not a class.
    let internal expectClass (classes: int) (example: int) (label: int) =
        if label < 0 || label >= classes then
            invalidArg "labels" $"label {label} of example {example} is not one of the {classes} classes"

    /// Raises ArgumentException unless the smoothing is from 0 to below 1.
    let internal expectSmoothing (smoothing: float) =
        if not (smoothing >= 0.0 && smoothing < 1.0) then
            invalidArg (nameof smoothing) $"label smoothing {smoothing} is not possible; it must be from 0 to below 1"

    /// The loss of one example, given logSumExp of its logits.
    let private rowLoss (smoothing: float) (label: int) (normalizer: float) (logits: ReadOnlySpan<'T>) : float =
        let sharp = normalizer - Double.CreateTruncating logits[label]

        if smoothing = 0.0 then
            sharp
        else
            let mutable all = 0.0

            // no term is below 0: nothing cancels
            for z in logits do
                all <- all + (normalizer - Double.CreateTruncating z)

            (1.0 - smoothing) * sharp + smoothing / float logits.Length * all

    /// Takes the target of one example from its probabilities, which leaves the gradient of its logits.
    let private subtractTarget<'T when 'T :> IBinaryFloatingPointIeee754<'T>>
        (smoothing: float)
        (label: int)
        (probabilities: Span<'T>)
        =
        if smoothing > 0.0 then
            let even = 'T.CreateTruncating(smoothing / float probabilities.Length)

            for k in 0 .. probabilities.Length - 1 do
                probabilities[k] <- probabilities[k] - even

        probabilities[label] <- probabilities[label] - 'T.CreateTruncating(1.0 - smoothing)

    /// The loss of one example, whose label is a class, and the gradient of its logits, p - target.
    let internal row<'T when 'T :> IBinaryFloatingPointIeee754<'T>>
        (smoothing: float)
        (label: int)
        (logits: ReadOnlySpan<'T>)
        (gradient: Span<'T>)
        : float =
        let normalizer = logSumExp logits

        for k in 0 .. logits.Length - 1 do
            gradient[k] <- probability normalizer logits[k]

        subtractTarget smoothing label gradient
        rowLoss smoothing label normalizer logits

    /// logSumExp of each row of [ N; K ].
    let private normalizers (logits: Tensor<'T>) : float[] =
        let classes = logits.Shape[1]
        Array.init logits.Shape[0] (fun n -> logSumExp (logits.Span.Slice(n * classes, classes)))

    let private normalized<'T when 'T :> IBinaryFloatingPointIeee754<'T>>
        (logits: Tensor<'T>)
        (normalizers: float[])
        : Tensor<'T> =
        let classes = logits.Shape[1]

        Tensor.init logits.Shape (fun i -> probability normalizers[i / classes] logits[i])

    /// softmax of each row of [ N; K ].
    let probabilities (logits: Tensor<'T>) : Tensor<'T> = normalized logits (normalizers logits)

    /// The loss with label smoothing and what backward needs. Raises ArgumentException for a label that is not a class, and for a
    /// smoothing that is not from 0 to below 1.
    let forwardSmoothed (smoothing: float) (labels: Tensor<int>) (logits: Tensor<'T>) : struct (float * Cache<'T>) =
        expectSmoothing smoothing

        match logits.Shape, labels.Shape with
        | [ n; classes ], [ count ] when n = count ->
            let normalizers = normalizers logits
            let mutable loss = 0.0

            for i in 0 .. n - 1 do
                let label = labels[i]
                expectClass classes i label
                let row = logits.Span.Slice(i * classes, classes)
                loss <- loss + rowLoss smoothing label normalizers[i] row

            struct (loss,
                    {
                        Probabilities = normalized logits normalizers
                        Labels = labels
                        Smoothing = smoothing
                    })
        | _ ->
            invalidArg
                (nameof logits)
                $"logits of shape {Shape.format logits.Shape} do not fit labels of shape {Shape.format labels.Shape}"

    /// The loss without smoothing.
    let forward (labels: Tensor<int>) (logits: Tensor<'T>) : struct (float * Cache<'T>) =
        forwardSmoothed 0.0 labels logits

    /// dlogits = dloss * (p - target), given the gradient of whatever follows for the loss (1 for the loss itself).
    let backward<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (cache: Cache<'T>) (dloss: float) : Gradient<'T> =
        let classes = cache.Probabilities.Shape[1]
        let scale = 'T.CreateTruncating dloss
        let gradient = cache.Probabilities.ToArray()

        for i in 0 .. cache.Labels.Count - 1 do
            subtractTarget cache.Smoothing cache.Labels[i] (Span(gradient, i * classes, classes))

        for k in 0 .. gradient.Length - 1 do
            gradient[k] <- gradient[k] * scale

        {
            Logits = Tensor(cache.Probabilities.Shape, gradient)
        }
