namespace Cnn.Fusion

#nowarn "9"

open System.Numerics
open Cnn.Kernels
open Cnn.Operations

/// What is the same for every activation function, but compiled for each.
type internal IForActivation<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    abstract Run<'F when 'F: struct and 'F :> IActivation<'T>> : f: 'F -> unit

/// Runs kernels with the code of an activation function in their loops: one compiled copy for each function.
module internal ActivationPass =

    let private epsilon = BatchNorm.DefaultEpsilon

    /// The one place that knows which code belongs to which function.
    let run (activation: Activation) (work: IForActivation<'T>) : unit =
        match activation with
        | Activation.Identity -> work.Run(IdentityFunction<'T>())
        | Activation.Relu -> work.Run(ReluFunction<'T>())
        | Activation.LeakyRelu slope -> work.Run(LeakyReluFunction<'T>('T.CreateTruncating slope))
        | Activation.Silu -> work.Run(GatedFunction<'T>('T.One, 'T.Zero))
        | Activation.Gelu ->
            let scale, cubic = Activation.GeluScale, Activation.GeluCubic
            work.Run(GatedFunction<'T>('T.CreateTruncating scale, 'T.CreateTruncating cubic))
        | Activation.Tanh -> work.Run(TanhFunction<'T>())

    /// y = f(x)
    let forward (activation: Activation) (lanes: CellLanes<'T>) (x: FeatureMap<'T>) (y: FeatureMap<'T>) : unit =
        run
            activation
            { new IForActivation<'T> with
                member _.Run f = Pointwise.activate f lanes x y
            }

    /// dx = f'(x) dy
    let backward
        (activation: Activation)
        (lanes: CellLanes<'T>)
        (x: FeatureMap<'T>)
        (dy: FeatureMap<'T>)
        (dx: FeatureMap<'T>)
        : unit =
        run
            activation
            { new IForActivation<'T> with
                member _.Run f =
                    Pointwise.activationGradient f lanes x dy dx
            }

    /// y = f(scale x + shift), as inference has it.
    let transform
        (activation: Activation)
        (lanes: CellLanes<'T>)
        (scale: nativeptr<'T>)
        (shift: nativeptr<'T>)
        (x: FeatureMap<'T>)
        (y: FeatureMap<'T>)
        : unit =
        run
            activation
            { new IForActivation<'T> with
                member _.Run f =
                    Normalization.transform f lanes scale shift x y
            }

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
        let shard = Normalization.ofShard workspace epsilon lanes weight bias x
        transform activation lanes shard.Constants.Scale shard.Constants.Shift x y
        shard

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
        : unit =
        run
            activation
            { new IForActivation<'T> with
                member _.Run f =
                    Normalization.backward workspace f epsilon lanes weight shard x dy dx dweight dbias
            }
