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
        | FusedConvolution conv -> struct (conv.Window.Rows.Padding, conv.Window.Columns.Padding)
        | FusedDense _
        | Unfused _ -> struct (0, 0)

    /// Prepares a stage whose input has `inStep` numbers a cell; also says how many its output has.
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
            use weight = fixed p.Weight.Span
            use bias = fixed p.Bias.Span
            let prepared = FusedDense.prepare workspace dense inStep weight bias
            struct (Prepared.Dense(dense, prepared), prepared.OutStep)
        | Unfused layer, _ ->
            let struct (channels, _) = extents stage.Output
            let lanes = Kernel<'T>.For(channels).Lanes
            let step = (channels + lanes - 1) / lanes * lanes
            struct (Prepared.Unfused(layer, parameters, step), step)
        | _ -> invalidArg (nameof parameters) "the parameters are those of another network"

    let private toTensor (map: FeatureMap<'T>) (shape: Shape) : Tensor<'T> =
        let values = GC.AllocateUninitializedArray(map.Examples * Shape.size shape)
        FeatureMap.store map (Span values)
        Tensor(map.Examples :: shape, values)

    /// Runs a stage forward into a map with the border that the next stage wants.
    let forward
        (workspace: Workspace)
        (stage: Stage)
        (prepared: Prepared<'T>)
        (border: struct (int * int))
        (x: FeatureMap<'T>)
        : struct (FeatureMap<'T> * StageCache<'T>) =
        let struct (channels, struct (rows, columns)) = extents stage.Output
        let struct (borderRows, borderColumns) = border

        let output step =
            FeatureMap.take<'T> workspace x.Examples channels step (rows, columns) (borderRows, borderColumns)

        match prepared with
        | Prepared.Convolution(conv, prepared) ->
            let y = output prepared.Lanes.OutStep

            let winners =
                workspace.Take<uint32>(x.Examples * FusedConvolution.winnersSize conv prepared.Lanes)

            FusedConvolution.forward workspace conv prepared x y winners
            struct (y, StageCache.Winners winners)
        | Prepared.Dense(dense, prepared) ->
            let y = output prepared.OutStep
            FusedDense.forward dense prepared x y
            struct (y, StageCache.Nothing)
        | Prepared.Unfused(layer, parameters, step) ->
            let result = Layer.forward layer parameters (toTensor x stage.Input)
            let y = output step
            FeatureMap.load result.Output.Span y
            struct (y, StageCache.Layer result)

    /// The gradient of the parameters and, where asked for, that of the input. dy is used up.
    let backward
        (workspace: Workspace)
        (stage: Stage)
        (prepared: Prepared<'T>)
        (cache: StageCache<'T>)
        (withInput: bool)
        (x: FeatureMap<'T>)
        (y: FeatureMap<'T>)
        (dy: FeatureMap<'T>)
        : struct (Parameters<'T> * FeatureMap<'T> voption) =
        let dx =
            if withInput then
                ValueSome(FeatureMap.like workspace x)
            else
                ValueNone

        let affine (weightShape: Shape) (biasShape: Shape) (fill: 'T[] -> 'T[] -> unit) =
            let weight: 'T[] =
                GC.AllocateUninitializedArray(Shape.size weightShape)

            let bias: 'T[] = GC.AllocateUninitializedArray(Shape.size biasShape)
            fill weight bias

            Affine
                {
                    Weight = Tensor(weightShape, weight)
                    Bias = Tensor(biasShape, bias)
                }

        match prepared, cache with
        | Prepared.Convolution(conv, prepared), StageCache.Winners winners ->
            let weightShape, biasShape =
                (Layer.parameterShapes stage.Layers.Head stage.Input).Value

            let gradient =
                affine weightShape biasShape (fun weight bias ->
                    FusedConvolutionGradients.backward
                        workspace
                        conv
                        prepared
                        dy
                        winners
                        x
                        dx
                        (Span weight)
                        (Span bias))

            struct (gradient, dx)
        | Prepared.Dense(dense, prepared), _ ->
            let gradient =
                affine [ dense.Channels * dense.Cells; dense.Outputs ] [ dense.Outputs ] (fun weight bias ->
                    FusedDense.backward workspace dense prepared y dy x dx (Span weight) (Span bias))

            struct (gradient, dx)
        | Prepared.Unfused _, StageCache.Layer layer ->
            let dyTensor = toTensor dy stage.Output

            match dx with
            | ValueSome map ->
                let gradient = layer.Backward dyTensor
                FeatureMap.load gradient.Input.Span map
                struct (gradient.Parameters, dx)
            | ValueNone -> struct (layer.ParameterGradient dyTensor, dx)
        | _ -> invalidOp "a stage ran backward with what another one remembered"
