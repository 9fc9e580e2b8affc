namespace Cnn.Fusion

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Networks
open Microsoft.FSharp.NativeInterop

/// A stage as its kernels want it: tables, and memory for its parameters.
[<RequireQualifiedAccess>]
type internal Prepared<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    | Convolution of FusedConvolution * PreparedConvolution<'T>
    | Dense of FusedDense * PreparedDense<'T>
    | Unfused of Layer * outputStep: int

/// What a stage remembers of its way forward.
[<RequireQualifiedAccess>]
type internal StageCache<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    | Winners of nativeptr<uint32>
    | Nothing
    | Layer of LayerForward<'T>

/// One stage on one shard: feature maps in, feature maps out, in memory of the shard's workspace.
module internal StagePass =

    /// Channels, and the rows and columns of each: a signal is an image of one row, a vector one of one cell.
    let extents (shape: Shape) : struct (int * struct (int * int)) =
        match shape with
        | [ channels; rows; columns ] -> struct (channels, struct (rows, columns))
        | [ channels; length ] -> struct (channels, struct (1, length))
        | other -> struct (Shape.size other, struct (1, 1))

    /// The border that a stage wants around its input.
    let border (stage: Stage) : struct (int * int) =
        match stage.Operation with
        | FusedConvolution conv ->
            let rows, columns = conv.Border
            struct (rows, columns)
        | FusedDense _
        | Unfused _ -> struct (0, 0)

    /// What a stage learns: how many numbers its weight and its bias have.
    let learned (stage: Stage) : struct (int * int) voption =
        match stage.Operation with
        | FusedConvolution conv -> ValueSome(struct (conv.Filters * conv.PatchSize, conv.Filters))
        | FusedDense dense -> ValueSome(struct (dense.Inputs * dense.Outputs, dense.Outputs))
        | Unfused _ -> ValueNone

    /// Prepares a stage whose input has `inStep` numbers a cell, but for its packing.
    let prepare
        (workspace: Workspace)
        (forTraining: bool)
        (withInput: bool)
        (inStep: int)
        (stage: Stage)
        : Prepared<'T> =
        match stage.Operation with
        | FusedConvolution conv ->
            let lanes = FusedConvolution.lanes<'T> inStep conv
            Prepared.Convolution(conv, PreparedConvolution.prepare workspace conv lanes forTraining withInput)
        | FusedDense dense -> Prepared.Dense(dense, FusedDense.prepare workspace dense inStep)
        | Unfused layer ->
            let struct (channels, _) = extents stage.Output
            Prepared.Unfused(layer, Kernel<'T>.For(channels).RoundUp channels)

    /// Numbers in a cell of what a stage gives.
    let outputStep (prepared: Prepared<'T>) : int =
        match prepared with
        | Prepared.Convolution(_, p) -> p.Lanes.OutStep
        | Prepared.Dense(_, p) -> p.OutPitch
        | Prepared.Unfused(_, step) -> step

    /// Parts of the packing of a stage, which may be done at once.
    let packingParts (prepared: Prepared<'T>) : int =
        match prepared with
        | Prepared.Convolution _ -> 1
        | Prepared.Dense(dense, prepared) -> FusedDense.panels dense prepared
        | Prepared.Unfused _ -> 0

    /// One part of the packing of a stage.
    let pack (prepared: Prepared<'T>) (parameters: Parameters<'T>) (part: int) : unit =
        match prepared, parameters with
        | Prepared.Convolution(conv, prepared), Affine p ->
            use weight = fixed p.Weight.Span
            use bias = fixed p.Bias.Span
            PreparedConvolution.pack conv prepared weight bias
        | Prepared.Dense(dense, prepared), Affine p ->
            use weight = fixed p.Weight.Span
            FusedDense.pack dense prepared weight part

            if part = 0 then
                use bias = fixed p.Bias.Span
                FusedDense.packBias dense prepared bias
        | _ -> ()

    let private toTensor (map: FeatureMap<'T>) (shape: Shape) : Tensor<'T> =
        let values = GC.AllocateUninitializedArray(map.Examples * Shape.size shape)
        FeatureMap.store map (Span values)
        Tensor(map.Examples :: shape, values)

    /// A map for the output of a stage, with the border that the next stage wants.
    let takeOutput
        (workspace: Workspace)
        (stage: Stage)
        (prepared: Prepared<'T>)
        (border: struct (int * int))
        (examples: int)
        : FeatureMap<'T> =
        let struct (channels, struct (rows, columns)) = extents stage.Output
        let struct (borderRows, borderColumns) = border

        FeatureMap.take<'T>
            workspace
            examples
            channels
            (outputStep prepared)
            (rows, columns)
            (borderRows, borderColumns)

    /// Runs a stage forward, from map to map; `flat` is where a dense layer puts its inputs in order. What only a gradient needs is
    /// left out unless `forTraining`.
    let forward
        (workspace: Workspace)
        (stage: Stage)
        (forTraining: bool)
        (prepared: Prepared<'T>)
        (x: FeatureMap<'T>)
        (flat: FeatureMap<'T> voption)
        (y: FeatureMap<'T>)
        : StageCache<'T> =
        match prepared with
        | Prepared.Convolution(conv, prepared) ->
            let winners =
                if forTraining then
                    workspace.Take<uint32>(Checked.(*) x.Examples (FusedConvolution.winnersSize conv prepared.Lanes))
                else
                    NativePtr.nullPtr

            FusedConvolutionForward.forward workspace conv prepared x y winners
            StageCache.Winners winners
        | Prepared.Dense(dense, prepared) ->
            match flat with
            | ValueSome flat ->
                FusedDense.flatten dense prepared x flat
                FusedDense.forward dense prepared flat y
            | ValueNone -> FusedDense.forward dense prepared x y

            StageCache.Nothing
        | Prepared.Unfused(layer, _) ->
            // what learns is always fused
            let result = Layer.forward layer Empty (toTensor x stage.Input)
            FeatureMap.load result.Output.Span y
            StageCache.Layer result

    /// Writes the gradient for x where one is asked for, and those of the parameters: bias, and the weight of a convolution. That of
    /// a dense layer follows from x and dy, which is changed for it.
    let backward
        (workspace: Workspace)
        (stage: Stage)
        (prepared: Prepared<'T>)
        (cache: StageCache<'T>)
        (x: FeatureMap<'T>)
        (y: FeatureMap<'T>)
        (dy: FeatureMap<'T>)
        (dx: FeatureMap<'T> voption)
        (dweight: nativeptr<'T>)
        (dbias: nativeptr<'T>)
        =
        match prepared, cache with
        | Prepared.Convolution(conv, prepared), StageCache.Winners winners ->
            FusedConvolutionGradients.backward workspace conv prepared dy winners x dx dweight dbias
        | Prepared.Dense(dense, prepared), _ -> FusedDense.backward workspace dense prepared y dy dx dbias
        | Prepared.Unfused _, StageCache.Layer layer ->
            match dx with
            | ValueSome map ->
                let gradient = layer.Backward(toTensor dy stage.Output)
                FeatureMap.load gradient.Input.Span map
            | ValueNone -> ()
        | _ -> invalidOp "a stage ran backward with what another one remembered"
