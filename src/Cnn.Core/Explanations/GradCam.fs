namespace Cnn.Explanations

open System.Numerics
open Cnn.Tensors
open Cnn.Networks

/// Where a network saw what speaks for a class (Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via
/// gradient-based localization", equations 1 and 2):
///
///   weight[n; c]  = mean over the cells of d logits[n; label] / d A[n; c; cell]
///   heat[n; cell] = max(0, sum over c of weight[n; c] A[n; c; cell])
///
/// for the feature maps A [ N; C; … ] that a layer put out.
module GradCam =

    /// The heat [ N; … ], one number a cell of the maps that the layer at this index of the trace put out, and never below 0.
    /// The layers must have run in inference. Raises ArgumentException for a label that is not a class, and for a layer whose
    /// output is flat: it has no places.
    let heat<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (index: int)
        (label: int)
        (trace: LayerForward<'T> list)
        : Tensor<'T> =
        let maps = trace[index].Output

        match maps.Shape with
        | examples :: channels :: (_ :: _ as extents) ->
            let gradient = Saliency.ofLayer index label trace
            let cells = Shape.size extents

            Tensor.create
                (examples :: extents)
                (Fill(fun heat ->
                    for n in 0 .. examples - 1 do
                        for c in 0 .. channels - 1 do
                            let first = (n * channels + c) * cells
                            let mutable weight = 'T.Zero

                            for cell in 0 .. cells - 1 do
                                weight <- weight + gradient[first + cell]

                            weight <- weight / 'T.CreateTruncating cells

                            for cell in 0 .. cells - 1 do
                                heat[n * cells + cell] <- heat[n * cells + cell] + weight * maps[first + cell]

                    // a NaN gets through: Max would keep it as well
                    for i in 0 .. heat.Length - 1 do
                        heat[i] <- 'T.Max('T.Zero, heat[i])))
        | shape ->
            invalidArg
                (nameof index)
                $"layer {index} gives {Shape.format shape.Tail}, which has no places; Grad-CAM needs feature maps"
