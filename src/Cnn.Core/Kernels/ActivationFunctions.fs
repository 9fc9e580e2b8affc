namespace Cnn.Kernels

#nowarn "3535"
#nowarn "3536"

open System.Numerics
open System.Runtime.CompilerServices

/// An activation function and its derivative, written once for vectors of any width. The formulas and their sources stand with
/// Operations/Activation.fs, whose functions of one number these are tested against; at infinities, which only a training that has
/// diverged meets, those with a slope or a gate give NaN in place of a limit.
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

/// tanh x, odd to the last bit, and its derivative. With a = |x| and e = exp(-2a), which cannot overflow:
///
///   a > 0.4   (1 - e) / (1 + e): 1 - e loses less than a bit there
///   else      a P(a²) / Q(a²), the seventh convergent of a / (1 + a² / (3 + a² / (5 + …))) (Lambert 1761): all terms are
///             positive, so nothing cancels; it is within 9e-18 of tanh a, relative to it
///
///   derivative  4 e / (1 + e)², which is 1 - y² without the difference
///
/// In units of rounding (2^-23 or 2^-52) of the exact number the value is within 2 of it and the derivative within 4, from the
/// smallest x to infinity.
[<Struct>]
type internal TanhFunction<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    /// |x|; a NaN stays one.
    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    static member private Magnitude<'V, 'S when 'S :> ISimd<'T, 'V>>(x: 'V) : 'V =
        let opposite = 'S.Subtract('S.Splat 'T.Zero, x)
        'S.WhereWins(x, opposite, x, opposite)

    /// exp(-2a)
    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    static member private Decay<'V, 'S when 'S :> ISimd<'T, 'V>>(a: 'V) : 'V =
        'S.Exp('S.Multiply('S.Splat('T.CreateTruncating -2), a))

    /// ((c3 z + c2) z + c1) z + c0: the coefficients are whole numbers that single precision holds.
    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    static member private Cubic<'V, 'S when 'S :> ISimd<'T, 'V>>(c3: int, c2: int, c1: int, c0: int, z: 'V) : 'V =
        let upper =
            'S.MultiplyAdd('S.Splat('T.CreateTruncating c3), z, 'S.Splat('T.CreateTruncating c2))

        let middle = 'S.MultiplyAdd(upper, z, 'S.Splat('T.CreateTruncating c1))
        'S.MultiplyAdd(middle, z, 'S.Splat('T.CreateTruncating c0))

    interface IActivation<'T> with
        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member _.Value<'V, 'S when 'S :> ISimd<'T, 'V>>(x: 'V) =
            let zero, one = 'S.Splat 'T.Zero, 'S.Splat 'T.One
            let edge = 'S.Splat('T.CreateTruncating 0.4)
            let a = TanhFunction<'T>.Magnitude<'V, 'S> x
            let e = TanhFunction<'T>.Decay<'V, 'S> a
            let z = 'S.Multiply(a, a)

            let near = 'S.Multiply(a, TanhFunction<'T>.Cubic<'V, 'S>(1, 378, 17325, 135135, z))

            // one division for both: what is divided is chosen before it
            let above = 'S.WhereWins(a, edge, 'S.Subtract(one, e), near)

            let below =
                'S.WhereWins(a, edge, 'S.Add(one, e), TanhFunction<'T>.Cubic<'V, 'S>(28, 3150, 62370, 135135, z))

            let y = 'S.Divide(above, below)
            'S.WhereWins(x, zero, y, 'S.Subtract(zero, y))

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member _.Derivative<'V, 'S when 'S :> ISimd<'T, 'V>>(x: 'V) =
            let one = 'S.Splat 'T.One
            let e = TanhFunction<'T>.Decay<'V, 'S>(TanhFunction<'T>.Magnitude<'V, 'S> x)
            let whole = 'S.Add(one, e)
            'S.Divide('S.Multiply('S.Splat('T.CreateTruncating 4), e), 'S.Multiply(whole, whole))
