namespace Cnn.Fusion

#nowarn "9"

open System.Numerics
open Cnn.Kernels
open Cnn.Operations

/// Runs kernels with the code of an activation function in their loops: one compiled copy for each function.
module internal ActivationPass =

    let private epsilon = BatchNorm.DefaultEpsilon

    let private leaky<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (slope: float) =
        LeakyReluFunction<'T>('T.CreateTruncating slope)

    let private silu<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> () =
        GatedFunction<'T>('T.One, 'T.Zero)

    let private gelu<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> () =
        GatedFunction<'T>('T.CreateTruncating Activation.GeluScale, 'T.CreateTruncating Activation.GeluCubic)

    /// y = f(x)
    let forward (activation: Activation) (lanes: CellLanes<'T>) (x: FeatureMap<'T>) (y: FeatureMap<'T>) =
        match activation with
        | Activation.Identity -> Pointwise.activate (IdentityFunction<'T>()) lanes x y
        | Activation.Relu -> Pointwise.activate (ReluFunction<'T>()) lanes x y
        | Activation.LeakyRelu slope -> Pointwise.activate (leaky<'T> slope) lanes x y
        | Activation.Silu -> Pointwise.activate (silu<'T>()) lanes x y
        | Activation.Gelu -> Pointwise.activate (gelu<'T>()) lanes x y

    /// dx = f'(x) dy
    let backward
        (activation: Activation)
        (lanes: CellLanes<'T>)
        (x: FeatureMap<'T>)
        (dy: FeatureMap<'T>)
        (dx: FeatureMap<'T>)
        =
        match activation with
        | Activation.Identity -> Pointwise.activationGradient (IdentityFunction<'T>()) lanes x dy dx
        | Activation.Relu -> Pointwise.activationGradient (ReluFunction<'T>()) lanes x dy dx
        | Activation.LeakyRelu slope -> Pointwise.activationGradient (leaky<'T> slope) lanes x dy dx
        | Activation.Silu -> Pointwise.activationGradient (silu<'T>()) lanes x dy dx
        | Activation.Gelu -> Pointwise.activationGradient (gelu<'T>()) lanes x dy dx

    /// y = f(normalised x), in training.
    let normalize
        (workspace: Workspace)
        (activation: Activation)
        (lanes: CellLanes<'T>)
        (weight: nativeptr<'T>)
        (bias: nativeptr<'T>)
        (x: FeatureMap<'T>)
        (y: FeatureMap<'T>)
        : NormalizedShard<'T> =
        match activation with
        | Activation.Identity -> Normalization.forward workspace (IdentityFunction<'T>()) epsilon lanes weight bias x y
        | Activation.Relu -> Normalization.forward workspace (ReluFunction<'T>()) epsilon lanes weight bias x y
        | Activation.LeakyRelu slope -> Normalization.forward workspace (leaky<'T> slope) epsilon lanes weight bias x y
        | Activation.Silu -> Normalization.forward workspace (silu<'T>()) epsilon lanes weight bias x y
        | Activation.Gelu -> Normalization.forward workspace (gelu<'T>()) epsilon lanes weight bias x y

    /// y = f(scale x + shift), in inference.
    let transform
        (activation: Activation)
        (lanes: CellLanes<'T>)
        (scale: nativeptr<'T>)
        (shift: nativeptr<'T>)
        (x: FeatureMap<'T>)
        (y: FeatureMap<'T>)
        =
        match activation with
        | Activation.Identity -> Normalization.transform (IdentityFunction<'T>()) lanes scale shift x y
        | Activation.Relu -> Normalization.transform (ReluFunction<'T>()) lanes scale shift x y
        | Activation.LeakyRelu slope -> Normalization.transform (leaky<'T> slope) lanes scale shift x y
        | Activation.Silu -> Normalization.transform (silu<'T>()) lanes scale shift x y
        | Activation.Gelu -> Normalization.transform (gelu<'T>()) lanes scale shift x y

    /// The way back through `normalize`.
    let normalizeBackward
        (workspace: Workspace)
        (activation: Activation)
        (lanes: CellLanes<'T>)
        (weight: nativeptr<'T>)
        (shard: NormalizedShard<'T>)
        (x: FeatureMap<'T>)
        (dy: FeatureMap<'T>)
        (dx: FeatureMap<'T> voption)
        (dweight: nativeptr<'T>)
        (dbias: nativeptr<'T>)
        =
        match activation with
        | Activation.Identity ->
            let f = IdentityFunction<'T>()
            Normalization.backward workspace f epsilon lanes weight shard x dy dx dweight dbias
        | Activation.Relu ->
            let f = ReluFunction<'T>()
            Normalization.backward workspace f epsilon lanes weight shard x dy dx dweight dbias
        | Activation.LeakyRelu slope ->
            Normalization.backward workspace (leaky<'T> slope) epsilon lanes weight shard x dy dx dweight dbias
        | Activation.Silu ->
            Normalization.backward workspace (silu<'T>()) epsilon lanes weight shard x dy dx dweight dbias
        | Activation.Gelu ->
            Normalization.backward workspace (gelu<'T>()) epsilon lanes weight shard x dy dx dweight dbias
