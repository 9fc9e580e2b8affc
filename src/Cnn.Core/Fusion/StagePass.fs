namespace Cnn.Fusion

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Operations
open Cnn.Networks
open Microsoft.FSharp.NativeInterop

/// A stage as its kernels want it: tables, and memory for its parameters.
[<RequireQualifiedAccess>]
type internal Prepared<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    | Convolution of FusedConvolution * PreparedConvolution<'T>
    | Dense of FusedDense * PreparedDense<'T>
    /// Weight and bias in training; in inference, what the input is multiplied by and what is added.
    | Normalization of Activation * CellLanes<'T> * weight: nativeptr<'T> * bias: nativeptr<'T>
    | Pointwise of Activation * CellLanes<'T>
    | Dropping of rate: float * step: int
    | Pooling of Window * Processor<'T> * step: int
    | GlobalAverage of CellLanes<'T> * outputStep: int
    | Aside of outputStep: int
    | Join of CellLanes<'T>
    | Unfused of Layer * outputStep: int

/// What a stage remembers of its way forward.
[<RequireQualifiedAccess>]
type internal StageCache<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    | Winners of nativeptr<uint32>
    | Normalized of NormalizedShard<'T>
    | Dropped of Randomness
    | Nothing
    | Layer of LayerForward<'T>

/// The maps around a stage.
[<Struct>]
type internal StageMaps<'T when 'T: unmanaged> =
    {
        X: FeatureMap<'T>
        /// The second map that a sum reads.
        Other: FeatureMap<'T> voption
        /// Where a dense layer puts its inputs in order.
        Flat: FeatureMap<'T> voption
        Y: FeatureMap<'T>
    }

/// Their gradients; those that are not asked for are not there.
[<Struct>]
type internal StageGradients<'T when 'T: unmanaged> =
    {
        X: FeatureMap<'T> voption
        Other: FeatureMap<'T> voption
        /// It may be changed on the way.
        Y: FeatureMap<'T>
    }

/// One stage on one shard: feature maps in, feature maps out, in memory of the shard's workspace.
module internal StagePass =

    /// Channels, and the rows and columns of each: a signal is an image of one row, a vector one of one cell, and what has more axes is
    /// an image of one row as well.
    let extents (shape: Shape) : struct (int * struct (int * int)) =
        match shape with
        | [ channels; rows; columns ] -> struct (channels, struct (rows, columns))
        | [ channels; length ] -> struct (channels, struct (1, length))
        | channels :: places -> struct (channels, struct (1, Shape.size places))
        | [] -> struct (1, struct (1, 1))

    /// The border that a stage wants around its input; none where any will do.
    let border (stage: Stage) : struct (int * int) voption =
        match stage.Operation with
        | FusedConvolution conv ->
            let rows, columns = conv.Border
            ValueSome(struct (rows, columns))
        | Aside
        | Join -> ValueNone
        | _ -> ValueSome(struct (0, 0))

    /// What a stage learns: how many numbers its weight and its bias have.
    let learned (stage: Stage) : struct (int * int) voption =
        match stage.Operation with
        | FusedConvolution conv -> ValueSome(struct (conv.Filters * conv.PatchSize, conv.Filters))
        | FusedDense dense -> ValueSome(struct (dense.Inputs * dense.Outputs, dense.Outputs))
        | Normalization _ -> ValueSome(struct (stage.Input.Head, stage.Input.Head))
        | _ -> ValueNone

    /// Prepares a stage whose input has `inStep` numbers a cell, but for its packing.
    let prepare (workspace: Workspace) (forTraining: bool) (inStep: int) (stage: Stage) : Prepared<'T> =
        let struct (channels, _) = extents stage.Input
        let struct (outChannels, _) = extents stage.Output
        let outStep = Kernel<'T>.For(outChannels).RoundUp outChannels

        match stage.Operation with
        | FusedConvolution conv ->
            let lanes = FusedConvolution.lanes<'T> inStep conv
            let withInput = not stage.ReadsInput
            Prepared.Convolution(conv, PreparedConvolution.prepare workspace conv lanes forTraining withInput)
        | FusedDense dense -> Prepared.Dense(dense, FusedDense.prepare workspace dense inStep)
        | Normalization activation ->
            let lanes = Pointwise.lanes<'T> channels inStep

            Prepared.Normalization(
                activation,
                lanes,
                workspace.TakeZeros<'T> lanes.Width,
                workspace.TakeZeros<'T> lanes.Width
            )
        | Operation.Pointwise activation -> Prepared.Pointwise(activation, Pointwise.lanes<'T> channels inStep)
        | Dropping rate -> Prepared.Dropping(rate, outStep)
        | Pooling window -> Prepared.Pooling(window, Kernel<'T>.Dividing inStep, inStep)
        | GlobalAverage -> Prepared.GlobalAverage(Pointwise.lanes<'T> channels inStep, outStep)
        | Aside -> Prepared.Aside outStep
        | Join -> Prepared.Join(Pointwise.lanes<'T> channels outStep)
        | Unfused layer -> Prepared.Unfused(layer, outStep)

    /// Numbers in a cell of what a stage gives.
    let outputStep (prepared: Prepared<'T>) : int =
        match prepared with
        | Prepared.Convolution(_, p) -> p.Lanes.OutStep
        | Prepared.Dense(_, p) -> p.OutPitch
        | Prepared.Normalization(_, lanes, _, _)
        | Prepared.Pointwise(_, lanes)
        | Prepared.Join lanes -> lanes.Width
        | Prepared.Dropping(_, step)
        | Prepared.Pooling(_, _, step)
        | Prepared.GlobalAverage(_, step)
        | Prepared.Aside step
        | Prepared.Unfused(_, step) -> step

    /// Parts of the packing of a stage, which may be done at once.
    let packingParts (prepared: Prepared<'T>) : int =
        match prepared with
        | Prepared.Convolution _
        | Prepared.Normalization _ -> 1
        | Prepared.Dense(dense, prepared) -> FusedDense.panels dense prepared
        | _ -> 0

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
        | Prepared.Normalization(_, _, weight, bias), Affine p ->
            // lanes without a channel stay 0
            p.Weight.Span.CopyTo(Span<'T>(NativePtr.toVoidPtr weight, p.Weight.Count))
            p.Bias.Span.CopyTo(Span<'T>(NativePtr.toVoidPtr bias, p.Bias.Count))
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

    /// Runs a stage forward. What only training needs, such as dropout and memory for the way back, is left out without `randomness`.
    let forward
        (workspace: Workspace)
        (stage: Stage)
        (randomness: Randomness voption)
        (prepared: Prepared<'T>)
        (maps: StageMaps<'T>)
        : StageCache<'T> =
        let x, y = maps.X, maps.Y

        match prepared with
        | Prepared.Convolution(conv, prepared) ->
            let winners =
                if randomness.IsSome then
                    workspace.Take<uint32>(Checked.(*) x.Examples (FusedConvolution.winnersSize conv prepared.Lanes))
                else
                    NativePtr.nullPtr

            FusedConvolutionForward.forward workspace conv prepared x y winners
            StageCache.Winners winners
        | Prepared.Dense(dense, prepared) ->
            match maps.Flat with
            | ValueSome flat ->
                FusedDense.flatten dense prepared x flat
                FusedDense.forward dense prepared flat y
            | ValueNone -> FusedDense.forward dense prepared x y

            StageCache.Nothing
        | Prepared.Normalization(activation, lanes, weight, bias) ->
            if randomness.IsSome then
                StageCache.Normalized(ActivationPass.normalize workspace activation lanes weight bias x y)
            else
                ActivationPass.transform activation lanes weight bias x y
                StageCache.Nothing
        | Prepared.Pointwise(activation, lanes) ->
            ActivationPass.forward activation lanes x y
            StageCache.Nothing
        | Prepared.Dropping(rate, _) ->
            match randomness with
            | ValueSome randomness ->
                let own = stage.Path |> List.fold (fun (r: Randomness) i -> r.Part i) randomness
                DroppedMap.apply rate own x y
                StageCache.Dropped own
            | ValueNone -> invalidOp "dropout has no place in inference"
        | Prepared.Pooling(window, kernel, step) ->
            let winners =
                if randomness.IsSome then
                    workspace.Take<uint32>(Checked.(*) x.Examples (PooledMap.winnersSize window kernel step))
                else
                    NativePtr.nullPtr

            PooledMap.forward window kernel x y winners
            StageCache.Winners winners
        | Prepared.GlobalAverage(lanes, _) ->
            Pointwise.mean workspace lanes x y
            StageCache.Nothing
        | Prepared.Aside _ ->
            Pointwise.copy x y
            StageCache.Nothing
        | Prepared.Join lanes ->
            Pointwise.copy x y
            Pointwise.add lanes maps.Other.Value y
            StageCache.Nothing
        | Prepared.Unfused(layer, _) ->
            // what learns is always fused
            let result =
                LayerPass.forward (Inference Stateless) layer Empty (toTensor x stage.Input)

            FeatureMap.load result.Output.Span y
            StageCache.Layer result

    /// Writes the gradients for what was read where they are asked for, and those of the parameters: bias, and the weight of anything but
    /// a dense layer, whose weight gradient follows from x and dy.
    let backward
        (workspace: Workspace)
        (stage: Stage)
        (prepared: Prepared<'T>)
        (cache: StageCache<'T>)
        (maps: StageMaps<'T>)
        (gradients: StageGradients<'T>)
        (dweight: nativeptr<'T>)
        (dbias: nativeptr<'T>)
        =
        let x, dy = maps.X, gradients.Y

        match prepared, cache, gradients.X with
        | Prepared.Convolution(conv, prepared), StageCache.Winners winners, dx ->
            FusedConvolutionGradients.backward workspace conv prepared dy winners x dx dweight dbias
        | Prepared.Dense(dense, prepared), _, dx -> FusedDense.backward workspace dense prepared maps.Y dy dx dbias
        | Prepared.Normalization(activation, lanes, weight, _), StageCache.Normalized shard, dx ->
            ActivationPass.normalizeBackward workspace activation lanes weight shard x dy dx dweight dbias
        | Prepared.Join _, _, dx ->
            for target in [| dx; gradients.Other |] do
                if target.IsSome then
                    Pointwise.copy dy target.Value
        | _, _, ValueNone -> ()
        | Prepared.Pointwise(activation, lanes), _, ValueSome dx -> ActivationPass.backward activation lanes x dy dx
        | Prepared.Dropping(rate, _), StageCache.Dropped own, ValueSome dx -> DroppedMap.apply rate own dy dx
        | Prepared.Pooling(window, kernel, _), StageCache.Winners winners, ValueSome dx ->
            PooledMap.backward workspace window kernel dy winners dx
        | Prepared.GlobalAverage _, _, ValueSome dx -> Pointwise.meanGradient dy dx
        | Prepared.Aside _, _, ValueSome dx ->
            // that of the body, which has been written before
            Pointwise.add (Pointwise.lanes<'T> x.Channels (min dx.Step dy.Step)) dy dx
        | Prepared.Unfused _, StageCache.Layer layer, ValueSome dx ->
            let gradient = layer.Backward(toTensor dy stage.Output)
            FeatureMap.load gradient.Input.Span dx
        | _ -> invalidOp "a stage ran backward with what another one remembered"
