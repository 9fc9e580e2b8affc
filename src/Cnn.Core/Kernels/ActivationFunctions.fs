namespace Cnn.Kernels

#nowarn "3535"
#nowarn "3536"

open System.Numerics
open System.Runtime.CompilerServices

/// An activation function and its derivative, written once for vectors of any width. The formulas and their sources stand with
/// Operations/Activation.fs, whose functions of one number these are tested against; at infinities, which only a training that has
/// diverged meets, they give NaN in place of a limit.
type internal IActivation<'T when 'T: unmanaged> =
    abstract Value<'V, 'S when 'S :> ISimd<'T, 'V>> : x: 'V -> 'V
    abstract Derivative<'V, 'S when 'S :> ISimd<'T, 'V>> : x: 'V -> 'V

/// x
[<Struct>]
type internal IdentityFunction<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    interface IActivation<'T> with
        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member _.Value<'V, 'S when 'S :> ISimd<'T, 'V>>(x: 'V) = x

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member _.Derivative<'V, 'S when 'S :> ISimd<'T, 'V>>(_: 'V) = 'S.Splat 'T.One

/// max(x, 0)
[<Struct>]
type internal ReluFunction<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    interface IActivation<'T> with
        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member _.Value<'V, 'S when 'S :> ISimd<'T, 'V>>(x: 'V) = 'S.ClampNegative x

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member _.Derivative<'V, 'S when 'S :> ISimd<'T, 'V>>(x: 'V) = 'S.WherePositive(x, 'S.Splat 'T.One)

/// x above 0, else slope x
[<Struct>]
type internal LeakyReluFunction<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    val Slope: 'T
    new(slope) = { Slope = slope }

    interface IActivation<'T> with
        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member f.Value<'V, 'S when 'S :> ISimd<'T, 'V>>(x: 'V) =
            let positive = 'S.WherePositive(x, x)
            'S.MultiplyAdd('S.Splat f.Slope, 'S.Subtract(x, positive), positive)

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member f.Derivative<'V, 'S when 'S :> ISimd<'T, 'V>>(x: 'V) =
            'S.Add('S.Splat f.Slope, 'S.WherePositive(x, 'S.Splat('T.One - f.Slope)))

/// x sigmoid(u(x)) with u(x) = scale x (1 + cubic x²): SiLU and GELU.
[<Struct>]
type internal GatedFunction<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    val Scale: 'T
    val Cubic: 'T
    new(scale, cubic) = { Scale = scale; Cubic = cubic }

    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    member private f.Gate<'V, 'S when 'S :> ISimd<'T, 'V>>(x: 'V) : 'V =
        let one = 'S.Splat 'T.One
        let inner = 'S.MultiplyAdd('S.Multiply('S.Splat f.Cubic, x), x, one)
        // -u, whose exponential may be infinite: the gate is then 0
        let opposite = 'S.Multiply('S.Multiply('S.Splat(-f.Scale), x), inner)
        'S.Divide(one, 'S.Add(one, 'S.Exp opposite))

    interface IActivation<'T> with
        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member f.Value<'V, 'S when 'S :> ISimd<'T, 'V>>(x: 'V) = 'S.Multiply(x, f.Gate<'V, 'S> x)

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member f.Derivative<'V, 'S when 'S :> ISimd<'T, 'V>>(x: 'V) =
            let one = 'S.Splat 'T.One
            let gate = f.Gate<'V, 'S> x
            let three = 'T.CreateTruncating 3 * f.Cubic

            let slope =
                'S.Multiply('S.Splat f.Scale, 'S.MultiplyAdd('S.Multiply('S.Splat three, x), x, one))

            let moves = 'S.Multiply(gate, 'S.Subtract(one, gate))
            'S.MultiplyAdd('S.Multiply(x, slope), moves, gate)
