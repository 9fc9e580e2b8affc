namespace Cnn.Kernels

#nowarn "9"
#nowarn "3535"
#nowarn "3536"

open System
open System.Numerics
open System.Runtime.CompilerServices
open Microsoft.FSharp.NativeInterop

/// The formulas of an optimiser for one number, written once for vectors of any width. In turn:
///
///   g <- Gradient(g, p);  m <- First(g, m);  v <- Second(g, v);  p <- Parameter(g, p, m, v)
type internal IUpdate<'T when 'T: unmanaged> =
    /// How many running averages there are: neither, First, or both.
    abstract Averages: int
    abstract Gradient<'V, 'S when 'S :> ISimd<'T, 'V>> : g: 'V * p: 'V -> 'V
    abstract First<'V, 'S when 'S :> ISimd<'T, 'V>> : g: 'V * m: 'V -> 'V
    abstract Second<'V, 'S when 'S :> ISimd<'T, 'V>> : g: 'V * v: 'V -> 'V
    abstract Parameter<'V, 'S when 'S :> ISimd<'T, 'V>> : g: 'V * p: 'V * m: 'V * v: 'V -> 'V

/// Some numbers of a network and where their successors go, all standing for the same places. First and Second are null
/// where the optimiser keeps no such average.
[<Struct>]
type internal Numbers<'T when 'T: unmanaged> =
    {
        Count: int
        Gradient: nativeptr<'T>
        Parameter: nativeptr<'T>
        First: nativeptr<'T>
        Second: nativeptr<'T>
        NewParameter: nativeptr<'T>
        NewFirst: nativeptr<'T>
        NewSecond: nativeptr<'T>
    }

module internal Update =

    /// One vector, or one number, of the step.
    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    let private at<'T, 'V, 'S, 'F when 'T: unmanaged and 'S :> ISimd<'T, 'V> and 'F: struct and 'F :> IUpdate<'T>>
        (f: 'F)
        (n: inref<Numbers<'T>>)
        (i: int)
        =
        let p = 'S.Load(n.Parameter +! i)
        let g = f.Gradient<'V, 'S>('S.Load(n.Gradient +! i), p)
        let mutable m = Unchecked.defaultof<'V>
        let mutable v = Unchecked.defaultof<'V>

        if f.Averages > 0 then
            m <- f.First<'V, 'S>(g, 'S.Load(n.First +! i))
            'S.Store(n.NewFirst +! i, m)

        if f.Averages > 1 then
            v <- f.Second<'V, 'S>(g, 'S.Load(n.Second +! i))
            'S.Store(n.NewSecond +! i, v)

        'S.Store(n.NewParameter +! i, f.Parameter<'V, 'S>(g, p, m, v))

    /// One step of an optimiser: everything is read and written once.
    let run<'T, 'V, 'S, 'F
        when 'T: unmanaged
        and 'T :> IBinaryFloatingPointIeee754<'T>
        and 'S :> ISimd<'T, 'V>
        and 'F: struct
        and 'F :> IUpdate<'T>>
        (f: 'F)
        (n: inref<Numbers<'T>>)
        =
        let mutable i = 0

        while i <= n.Count - 'S.Width do
            at<'T, 'V, 'S, 'F> f &n i
            i <- i + 'S.Width

        while i < n.Count do
            at<'T, 'T, Scalar<'T>, 'F> f &n i
            i <- i + 1

/// factor g + decay p: a mean of gradients, and the pull of weight decay.
[<Struct>]
type internal Decayed<'T when 'T: unmanaged> =
    val Factor: 'T
    val Decay: 'T
    new(factor, decay) = { Factor = factor; Decay = decay }

    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    member d.Apply<'V, 'S when 'S :> ISimd<'T, 'V>>(g: 'V, p: 'V) =
        'S.MultiplyAdd('S.Splat d.Decay, p, 'S.Multiply('S.Splat d.Factor, g))

/// Averages this small are taken for 0. They belong to numbers that no longer get a gradient, and would otherwise shrink into
/// the subnormal numbers, stay there, and make every step many times slower: processors have no fast way for those.
module internal Tiny =

    let least<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> () : 'T =
        'T.CreateTruncating(if sizeof<'T> = 4 then 1e-30 else 1e-300)

// The decoupled decay of weights stands apart from Decayed, which an optimiser's averages see. Where it is 0, each formula gives the
// bits that it would give without.

/// p + step (g + decay p), where step is minus the learning rate
[<Struct>]
type internal SgdUpdate<'T when 'T: unmanaged> =
    val Mean: Decayed<'T>
    val Step: 'T
    val Decay: 'T

    new(mean, step, decay) =
        {
            Mean = mean
            Step = step
            Decay = decay
        }

    interface IUpdate<'T> with
        member _.Averages = 0

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member f.Gradient<'V, 'S when 'S :> ISimd<'T, 'V>>(g: 'V, p: 'V) = f.Mean.Apply<'V, 'S>(g, p)

        member _.First<'V, 'S when 'S :> ISimd<'T, 'V>>(_: 'V, m: 'V) = m
        member _.Second<'V, 'S when 'S :> ISimd<'T, 'V>>(_: 'V, v: 'V) = v

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member f.Parameter<'V, 'S when 'S :> ISimd<'T, 'V>>(g: 'V, p: 'V, _: 'V, _: 'V) =
            'S.MultiplyAdd('S.Splat f.Step, 'S.MultiplyAdd('S.Splat f.Decay, p, g), p)

/// m' = momentum m + g;  p + step (direct g + ahead m' + decay p): direct = 0 and ahead = 1 for momentum, 1 and momentum for
/// Nesterov's
[<Struct>]
type internal MomentumUpdate<'T when 'T: unmanaged> =
    val Mean: Decayed<'T>
    val Step: 'T
    val Decay: 'T
    val Momentum: 'T
    val Direct: 'T
    val Ahead: 'T
    val Least: 'T

    new(mean, step, decay, momentum, direct, ahead, least) =
        {
            Least = least
            Mean = mean
            Step = step
            Decay = decay
            Momentum = momentum
            Direct = direct
            Ahead = ahead
        }

    interface IUpdate<'T> with
        member _.Averages = 1

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member f.Gradient<'V, 'S when 'S :> ISimd<'T, 'V>>(g: 'V, p: 'V) = f.Mean.Apply<'V, 'S>(g, p)

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member f.First<'V, 'S when 'S :> ISimd<'T, 'V>>(g: 'V, m: 'V) =
            'S.Flush('S.Splat f.Least, 'S.MultiplyAdd('S.Splat f.Momentum, m, g))

        member _.Second<'V, 'S when 'S :> ISimd<'T, 'V>>(_: 'V, v: 'V) = v

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member f.Parameter<'V, 'S when 'S :> ISimd<'T, 'V>>(g: 'V, p: 'V, m: 'V, _: 'V) =
            let direction =
                'S.MultiplyAdd('S.Splat f.Ahead, m, 'S.Multiply('S.Splat f.Direct, g))

            'S.MultiplyAdd('S.Splat f.Step, 'S.MultiplyAdd('S.Splat f.Decay, p, direction), p)

/// m' = beta1 m + (1 - beta1) g;  v' = beta2 v + (1 - beta2) g g;  p + (pull p + step m' / (sqrt(correction v') + epsilon))
///
/// pull is minus learning rate times decay: 1 + pull, a factor that shrinks p, would lose most digits of a small decay.
[<Struct>]
type internal AdamUpdate<'T when 'T: unmanaged> =
    val Mean: Decayed<'T>
    val Pull: 'T
    val Step: 'T
    val Correction: 'T
    val Epsilon: 'T
    val Beta1: 'T
    val Rest1: 'T
    val Beta2: 'T
    val Rest2: 'T
    val Least: 'T

    new(mean, pull, step, correction, epsilon, beta1, rest1, beta2, rest2, least) =
        {
            Least = least
            Mean = mean
            Pull = pull
            Step = step
            Correction = correction
            Epsilon = epsilon
            Beta1 = beta1
            Rest1 = rest1
            Beta2 = beta2
            Rest2 = rest2
        }

    interface IUpdate<'T> with
        member _.Averages = 2

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member f.Gradient<'V, 'S when 'S :> ISimd<'T, 'V>>(g: 'V, p: 'V) = f.Mean.Apply<'V, 'S>(g, p)

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member f.First<'V, 'S when 'S :> ISimd<'T, 'V>>(g: 'V, m: 'V) =
            'S.Flush('S.Splat f.Least, 'S.MultiplyAdd('S.Splat f.Beta1, m, 'S.Multiply('S.Splat f.Rest1, g)))

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member f.Second<'V, 'S when 'S :> ISimd<'T, 'V>>(g: 'V, v: 'V) =
            let fresh = 'S.Multiply('S.Splat f.Rest2, 'S.Multiply(g, g))
            'S.Flush('S.Splat f.Least, 'S.MultiplyAdd('S.Splat f.Beta2, v, fresh))

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member f.Parameter<'V, 'S when 'S :> ISimd<'T, 'V>>(_: 'V, p: 'V, m: 'V, v: 'V) =
            let root = 'S.Sqrt('S.Multiply('S.Splat f.Correction, v))
            let direction = 'S.Divide(m, 'S.Add(root, 'S.Splat f.Epsilon))
            'S.Add(p, 'S.MultiplyAdd('S.Splat f.Pull, p, 'S.Multiply('S.Splat f.Step, direction)))
