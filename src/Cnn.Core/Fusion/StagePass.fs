namespace Cnn.Fusion

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Operations
open Cnn.Networks
open Microsoft.FSharp.NativeInterop

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

    let private toTensor (map: FeatureMap<'T>) (shape: Shape) : Tensor<'T> =
        let values = GC.AllocateUninitializedArray(map.Examples * Shape.size shape)
        FeatureMap.store map (Span values)
        Tensor(map.Examples :: shape, values)

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
