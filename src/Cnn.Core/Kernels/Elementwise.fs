namespace Cnn.Kernels

#nowarn "9"
#nowarn "3535"
#nowarn "3536"

open System
open System.Numerics
open System.Runtime.CompilerServices
open System.Runtime.Intrinsics
open Microsoft.FSharp.NativeInterop

/// A function of one number, written once for vectors of any width.
type internal IMap<'T when 'T: unmanaged> =
    abstract Apply<'V, 'S when 'S :> ISimd<'T, 'V>> : x: 'V -> 'V

/// A function of two numbers.
type internal IMap2<'T when 'T: unmanaged> =
    abstract Apply<'V, 'S when 'S :> ISimd<'T, 'V>> : x: 'V * y: 'V -> 'V

/// The loops over contiguous memory: whole vectors first, then the last few numbers one by one.
/// `target` may be one of the sources.
module internal Elementwise =

    let map<'T, 'V, 'S, 'F
        when 'T: unmanaged
        and 'T :> IBinaryFloatingPointIeee754<'T>
        and 'S :> ISimd<'T, 'V>
        and 'F: struct
        and 'F :> IMap<'T>>
        (f: 'F)
        (x: ReadOnlySpan<'T>)
        (target: Span<'T>)
        =
        let count = target.Length
        use px = fixed x
        use pt = fixed target
        let mutable i = 0

        while i <= count - 'S.Width do
            'S.Store(pt +! i, f.Apply<'V, 'S>('S.Load(px +! i)))
            i <- i + 'S.Width

        while i < count do
            NativePtr.set pt i (f.Apply<'T, Scalar<'T>>(NativePtr.get px i))
            i <- i + 1

    let map2<'T, 'V, 'S, 'F
        when 'T: unmanaged
        and 'T :> IBinaryFloatingPointIeee754<'T>
        and 'S :> ISimd<'T, 'V>
        and 'F: struct
        and 'F :> IMap2<'T>>
        (f: 'F)
        (x: ReadOnlySpan<'T>)
        (y: ReadOnlySpan<'T>)
        (target: Span<'T>)
        =
        let count = target.Length
        use px = fixed x
        use py = fixed y
        use pt = fixed target
        let mutable i = 0

        while i <= count - 'S.Width do
            'S.Store(pt +! i, f.Apply<'V, 'S>('S.Load(px +! i), 'S.Load(py +! i)))
            i <- i + 'S.Width

        while i < count do
            NativePtr.set pt i (f.Apply<'T, Scalar<'T>>(NativePtr.get px i, NativePtr.get py i))
            i <- i + 1

    /// Copies rows of whole vectors, `step` numbers apart, to rows that follow each other.
    let copyColumns<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (rows: int)
        (columns: int)
        (source: nativeptr<'T>)
        (step: int)
        (target: nativeptr<'T>)
        =
        let mutable from = source
        let mutable into = target

        for _ in 1..rows do
            let mutable j = 0

            while j < columns do
                'S.Store(into +! j, 'S.Load(from +! j))
                j <- j + 'S.Width

            from <- from +! step
            into <- into +! columns

    /// The sum of all elements, in four running sums whatever the width of the vectors, so that every processor
    /// gives the same bits.
    let sum<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (x: ReadOnlySpan<'T>) : 'T =
        let mutable a: 'T = 'T.Zero
        let mutable b: 'T = 'T.Zero
        let mutable c: 'T = 'T.Zero
        let mutable d: 'T = 'T.Zero
        let mutable i = 0

        while i <= x.Length - 4 do
            a <- 'T.op_Addition (a, x[i])
            b <- 'T.op_Addition (b, x[i + 1])
            c <- 'T.op_Addition (c, x[i + 2])
            d <- 'T.op_Addition (d, x[i + 3])
            i <- i + 4

        while i < x.Length do
            a <- 'T.op_Addition (a, x[i])
            i <- i + 1

        'T.op_Addition ('T.op_Addition (a, b), 'T.op_Addition (c, d))

    /// Eight numbers from p on, in double precision.
    let inline private eight (p: nativeptr<'T>) : struct (Vector256<float> * Vector256<float>) =
        if sizeof<'T> = sizeof<float32> then
            Vector256.Widen(Vector256.Load(NativePtr.ofNativeInt<float32>(NativePtr.toNativeInt p)))
        else
            let source = NativePtr.ofNativeInt<float>(NativePtr.toNativeInt p)
            struct (Vector256.Load source, Vector256.Load(source +! 4))

    /// The sum of the squares of all elements, in double precision: eight running sums on every processor, and products that are
    /// rounded before they are added, so that every processor gives the same bits.
    let sumOfSquares<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (x: ReadOnlySpan<'T>) : float =
        use source = fixed x
        let mutable a = Vector256<float>.Zero
        let mutable b = Vector256<float>.Zero
        let mutable i = 0

        while i <= x.Length - 8 do
            let struct (low, high) = eight (source +! i)
            a <- Vector256.Add(a, Vector256.Multiply(low, low))
            b <- Vector256.Add(b, Vector256.Multiply(high, high))
            i <- i + 8

        let four = Vector256.Add(a, b)
        let mutable sum = (four[0] + four[1]) + (four[2] + four[3])

        while i < x.Length do
            let value = Double.CreateTruncating x[i]
            sum <- sum + value * value
            i <- i + 1

        sum

    /// Whether all of these numbers are finite: x - x is 0 for those, and not a number for the others, as is all that it is added to.
    let isFinite<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (x: nativeptr<'T>)
        (count: int)
        : bool =
        let width = Vector256<'T>.Count
        let mutable a = Vector256<'T>.Zero
        let mutable b = Vector256<'T>.Zero
        let mutable i = 0

        while i <= count - 2 * width do
            let low = Vector256.Load(x +! i)
            let high = Vector256.Load(x +! (i + width))
            a <- Vector256.Add(a, Vector256.Subtract(low, low))
            b <- Vector256.Add(b, Vector256.Subtract(high, high))
            i <- i + 2 * width

        let mutable isFinite = Vector256.EqualsAll(Vector256.Add(a, b), Vector256<'T>.Zero)

        while i < count do
            isFinite <- isFinite && 'T.IsFinite(NativePtr.get x i)
            i <- i + 1

        isFinite

// The functions that layers and optimisers map.

/// max(x, 0), a NaN staying a NaN.
[<Struct>]
type internal ClampNegative<'T when 'T: unmanaged> =
    interface IMap<'T> with
        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member _.Apply<'V, 'S when 'S :> ISimd<'T, 'V>>(x: 'V) = 'S.ClampNegative x

/// alpha x
[<Struct>]
type internal Scale<'T when 'T: unmanaged> =
    val Alpha: 'T
    new(alpha) = { Alpha = alpha }

    interface IMap<'T> with
        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member f.Apply<'V, 'S when 'S :> ISimd<'T, 'V>>(x: 'V) = 'S.Multiply('S.Splat f.Alpha, x)

/// x + y
[<Struct>]
type internal Add<'T when 'T: unmanaged> =
    interface IMap2<'T> with
        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member _.Apply<'V, 'S when 'S :> ISimd<'T, 'V>>(x: 'V, y: 'V) = 'S.Add(x, y)

/// x + part (y - x): the way from x to y, or a part of it. Where both are the same it is x, whatever the part.
[<Struct>]
type internal Towards<'T when 'T: unmanaged> =
    val Part: 'T
    new(part) = { Part = part }

    interface IMap2<'T> with
        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member f.Apply<'V, 'S when 'S :> ISimd<'T, 'V>>(x: 'V, y: 'V) =
            'S.MultiplyAdd('S.Splat f.Part, 'S.Subtract(y, x), x)

/// y where x > 0, else 0
[<Struct>]
type internal WherePositive<'T when 'T: unmanaged> =
    interface IMap2<'T> with
        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        member _.Apply<'V, 'S when 'S :> ISimd<'T, 'V>>(x: 'V, y: 'V) = 'S.WherePositive(x, y)
