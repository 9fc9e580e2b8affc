namespace Cnn

#nowarn "9"

open System.Numerics
open Cnn.Kernels
open Cnn.Networks
open Cnn.Fusion
open Microsoft.FSharp.NativeInterop

/// What a stage costs in multiply-adds. Dense costs are those of the formulas, for one image. Executed ones are those that the
/// kernels do, for a whole batch: without what sparse gradients skip, and with what the dense ones multiply by the zeros around
/// an image. Lanes that hold no channel count for neither.
module internal StageCost =

    /// Forward, for one image.
    let forward (stage: Stage) : int64 =
        Layer.sequenceMultiplyAdds stage.Layers stage.Input

    /// Backward, for one image: as much for the weights as forward, and again for the input where its gradient is wanted.
    let backward (stage: Stage) : int64 =
        forward stage * (if stage.ReadsInput then 1L else 2L)

    /// Entries of the gradient of a convolution that are not 0 for certain, in a whole batch: those that won in their window
    /// and passed the ReLU.
    let liveEntries
        (conv: FusedConvolution)
        (lanes: ConvolutionLanes<'T>)
        (examples: int)
        (winners: nativeptr<uint32>)
        : int64 =
        let width = lanes.Out.Lanes
        let vectors = lanes.OutStep / width
        let words = examples * FusedConvolution.winnersSize conv lanes
        let mutable live = 0L

        for i in 0 .. words - 1 do
            // [ example; cell; vector; position ]; the last vector may have lanes without a filter
            let vector = i / conv.Pool.KernelSize % vectors
            let filters = min width (conv.Filters - vector * width)
            let mask = uint32 ((1UL <<< filters) - 1UL)
            live <- live + int64 (BitOperations.PopCount(NativePtr.get winners i &&& mask))

        live

    /// Forward, for a whole batch. Rows of a convolution that no pooling window sees are left out; those that windows of two bands see
    /// are computed twice.
    let executedForward (examples: int) (stage: Stage) (prepared: Prepared<'T>) : int64 =
        match prepared with
        | Prepared.Convolution(conv, prepared) ->
            let group = FusedConvolutionForward.rowsInBand conv prepared
            let pooled = conv.Pool.Rows.Output
            let row = forward stage / int64 conv.Window.Rows.Output

            int64 examples
            * Seq.sum (
                seq {
                    for first in 0..group .. pooled - 1 do
                        let struct (above, below) =
                            FusedConvolutionForward.seen conv first (min pooled (first + group))

                        if prepared.Winograd.IsSome then
                            WinogradConvolution.multiplyAdds conv.Window conv.InChannels conv.Filters (below - above)
                        else
                            row * int64 (below - above)
                }
            )
        | _ -> int64 examples * forward stage

    /// Backward, for a whole batch that has run forward.
    let executedBackward (examples: int) (stage: Stage) (prepared: Prepared<'T>) (cache: StageCache<'T>) : int64 =
        let withInput = not stage.ReadsInput

        match prepared, cache with
        | Prepared.Convolution(conv, prepared), StageCache.Winners winners ->
            if prepared.Lanes.Sparse then
                let entries = liveEntries conv prepared.Lanes examples winners
                entries * int64 conv.PatchSize * (if withInput then 2L else 1L)
            else
                let rows, columns = conv.Window.Rows, conv.Window.Columns

                let cells (axis: Cnn.Tensors.Axis) start =
                    max 0 ((axis.Input - start + axis.Stride - 1) / axis.Stride)

                let input =
                    match FusedConvolution.gradientWindow conv, prepared.InputWinograd with
                    | ValueSome window, ValueSome _ ->
                        WinogradConvolution.multiplyAdds window conv.Filters conv.InChannels window.Rows.Output
                    | _ ->
                        prepared.Phases
                        |> Array.sumBy (fun phase ->
                            int64 (cells rows phase.Row * cells columns phase.Column)
                            * int64 (phase.Depth * conv.InChannels))

                let weights =
                    if not withInput && DenseGradients.isOfOneChannel conv prepared.Lanes then
                        int64 (conv.Pool.OutputSize * conv.Pool.KernelSize)
                        * int64 (conv.PatchSize * conv.Filters)
                    else
                        forward stage

                int64 examples * (weights + input)
        | _ -> int64 examples * backward stage
