namespace Cnn.Fusion

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Networks
open Microsoft.FSharp.NativeInterop

/// The parameters of a stage as its kernels want them.
[<RequireQualifiedAccess>]
type internal Prepared<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    | Convolution of FusedConvolution * PreparedConvolution<'T>
    | Dense of FusedDense * PreparedDense<'T>
    | Unfused of Layer * Parameters<'T> * outputStep: int

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

    /// Prepares a stage whose input has `inStep` numbers a cell, but for its packing; also says how many its output has.
    let prepare
        (workspace: Workspace)
        (forTraining: bool)
        (withInput: bool)
        (inStep: int)
        (stage: Stage)
        (parameters: Parameters<'T>)
        : struct (Prepared<'T> * int) =
        match stage.Operation, parameters with
        | FusedConvolution conv, Affine p ->
            let lanes = FusedConvolution.lanes<'T> inStep conv
            use weight = fixed p.Weight.Span
            use bias = fixed p.Bias.Span

            let prepared =
                FusedConvolution.prepare workspace conv lanes forTraining withInput weight bias

            struct (Prepared.Convolution(conv, prepared), lanes.OutStep)
        | FusedDense dense, Affine p ->
            use bias = fixed p.Bias.Span
            let prepared = FusedDense.prepare workspace dense inStep bias
            struct (Prepared.Dense(dense, prepared), prepared.OutPitch)
        | Unfused layer, _ ->
            let struct (channels, _) = extents stage.Output
            let lanes = Kernel<'T>.For(channels).Lanes
            let step = (channels + lanes - 1) / lanes * lanes
            struct (Prepared.Unfused(layer, parameters, step), step)
        | _ -> invalidArg (nameof parameters) "the parameters are those of another network"

    /// What is left to prepare, in parts that may be done at once.
    let packing (prepared: Prepared<'T>) (parameters: Parameters<'T>) : (unit -> unit)[] =
        match prepared, parameters with
        | Prepared.Dense(dense, prepared), Affine p ->
            Array.init (FusedDense.panels dense prepared) (fun panel () ->
                use weight = fixed p.Weight.Span
                FusedDense.pack dense prepared weight panel)
        | _ -> [||]

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

        let step =
            match prepared with
            | Prepared.Convolution(_, p) -> p.Lanes.OutStep
            | Prepared.Dense(_, p) -> p.OutPitch
            | Prepared.Unfused(_, _, step) -> step

        FeatureMap.take<'T> workspace examples channels step (rows, columns) (borderRows, borderColumns)

    /// Runs a stage forward, from map to map; `flat` is where a dense layer puts its inputs in order.
    let forward
        (workspace: Workspace)
        (stage: Stage)
        (prepared: Prepared<'T>)
        (x: FeatureMap<'T>)
        (flat: FeatureMap<'T> voption)
        (y: FeatureMap<'T>)
        : StageCache<'T> =
        match prepared with
        | Prepared.Convolution(conv, prepared) ->
            let winners =
                workspace.Take<uint32>(Checked.(*) x.Examples (FusedConvolution.winnersSize conv prepared.Lanes))

            FusedConvolution.forward workspace conv prepared x y winners
            StageCache.Winners winners
        | Prepared.Dense(dense, prepared) ->
            match flat with
            | ValueSome flat ->
                FusedDense.flatten dense prepared x flat
                FusedDense.forward dense prepared flat y
            | ValueNone -> FusedDense.forward dense prepared x y

            StageCache.Nothing
        | Prepared.Unfused(layer, parameters, _) ->
            let result = Layer.forward layer parameters (toTensor x stage.Input)
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
            // what learns is always fused
            | ValueNone -> ()
        | _ -> invalidOp "a stage ran backward with what another one remembered"
