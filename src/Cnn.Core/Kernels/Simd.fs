namespace Cnn.Kernels

// Static abstract members are what lets one source serve every vector width and both precisions:
// the JIT compiles a kernel afresh for each pair, with nothing left of the abstraction.
#nowarn "9" // native pointers: kernels check their bounds once, outside the loops
#nowarn "3535" // declares an interface with static abstract members
#nowarn "3536" // and uses it as a constraint

open System.Numerics
open System.Runtime.CompilerServices
open System.Runtime.Intrinsics
open Microsoft.FSharp.NativeInterop

/// Arithmetic on vectors 'V of `Width` numbers 'T (float32 or float).
type internal ISimd<'T, 'V when 'T: unmanaged> =
    static abstract Width: int
    static abstract Load: source: nativeptr<'T> -> 'V
    static abstract Store: target: nativeptr<'T> * value: 'V -> unit
    /// The same number in every lane.
    static abstract Splat: value: 'T -> 'V
    static abstract Add: x: 'V * y: 'V -> 'V
    static abstract Subtract: x: 'V * y: 'V -> 'V
    static abstract Multiply: x: 'V * y: 'V -> 'V
    static abstract Divide: x: 'V * y: 'V -> 'V
    static abstract Sqrt: x: 'V -> 'V
    /// x y + z, rounded once.
    static abstract MultiplyAdd: x: 'V * y: 'V * z: 'V -> 'V
    /// x where it is not below zero, else 0: a NaN stays a NaN, so that divergence is seen.
    static abstract ClampNegative: x: 'V -> 'V
    /// x where |x| >= least, else 0; a NaN stays a NaN.
    static abstract Flush: least: 'V * x: 'V -> 'V
    /// value where gate > 0, else 0.
    static abstract WherePositive: gate: 'V * value: 'V -> 'V
    /// x where the candidate wins a maximum over the best so far, else y. A NaN wins over every number.
    static abstract WhereWins: candidate: 'V * best: 'V * x: 'V * y: 'V -> 'V
    /// One bit a lane, the lowest for the first: where the candidate wins.
    static abstract WinBits: candidate: 'V * best: 'V -> uint32
    /// One bit a lane: where x = y.
    static abstract EqualBits: x: 'V * y: 'V -> uint32
    /// One bit a lane: where x > 0.
    static abstract PositiveBits: x: 'V -> uint32
    /// x in the lanes whose bit is set, else 0.
    static abstract WhereBits: bits: uint32 * x: 'V -> 'V
    /// Every other run of `run` lanes of x, each followed by that of y: x0 y0 x2 y2 … for 1, x0 x1 y0 y1 x4 x5 … for 2.
    static abstract EvenRuns: run: int * x: 'V * y: 'V -> 'V
    /// The runs that those leave out: x1 y1 x3 y3 … for 1.
    static abstract OddRuns: run: int * x: 'V * y: 'V -> 'V

[<Struct>]
type internal Simd512<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    interface ISimd<'T, Vector512<'T>> with
        static member Width = Vector512<'T>.Count
        static member Load source = Vector512.Load source
        static member Store(target, value) = Vector512.Store(value, target)
        static member Splat value = Vector512.Create<'T>(value: 'T)
        static member Add(x, y) = x + y
        static member Subtract(x, y) = x - y
        static member Multiply(x: Vector512<'T>, y: Vector512<'T>) = Vector512.Multiply(x, y)
        static member Divide(x: Vector512<'T>, y: Vector512<'T>) = Vector512.Divide(x, y)
        static member Sqrt x = Vector512.Sqrt x

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member MultiplyAdd(x, y, z) =
            if sizeof<'T> = 4 then
                Vector512.FusedMultiplyAdd(x.AsSingle(), y.AsSingle(), z.AsSingle()).As<float32, 'T>()
            else
                Vector512.FusedMultiplyAdd(x.AsDouble(), y.AsDouble(), z.AsDouble()).As<float, 'T>()

        static member ClampNegative x =
            Vector512.ConditionalSelect(Vector512.LessThan(x, Vector512<'T>.Zero), Vector512<'T>.Zero, x)

        static member Flush(least, x) =
            Vector512.ConditionalSelect(Vector512.LessThan(Vector512.Abs x, least), Vector512<'T>.Zero, x)

        static member WherePositive(gate, value) =
            Vector512.ConditionalSelect(Vector512.GreaterThan(gate, Vector512<'T>.Zero), value, Vector512<'T>.Zero)

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member WhereWins(candidate, best, x, y) =
            let wins =
                Vector512.BitwiseOr(Vector512.GreaterThan(candidate, best), Vector512.IsNaN candidate)

            Vector512.ConditionalSelect(wins, x, y)

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member WinBits(candidate: Vector512<'T>, best: Vector512<'T>) =
            let wins =
                Vector512.BitwiseOr(Vector512.GreaterThan(candidate, best), Vector512.IsNaN candidate)

            uint32 (Vector512.ExtractMostSignificantBits wins)

        static member EqualBits(x: Vector512<'T>, y: Vector512<'T>) =
            uint32 (Vector512.ExtractMostSignificantBits(Vector512.Equals(x, y)))

        static member PositiveBits x =
            uint32 (Vector512.ExtractMostSignificantBits(Vector512.GreaterThan(x, Vector512<'T>.Zero)))

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member WhereBits(bits, x) =
            if sizeof<'T> = 4 then
                let own =
                    Vector512.Create(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)

                let isClear =
                    Vector512.Equals(Vector512.BitwiseAnd(Vector512.Create(int bits), own), Vector512<int>.Zero)

                Vector512.ConditionalSelect(isClear, Vector512<int>.Zero, x.AsInt32()).As<int, 'T>()
            else
                let own = Vector512.Create(1L, 2L, 4L, 8L, 16L, 32L, 64L, 128L)

                let isClear =
                    Vector512.Equals(Vector512.BitwiseAnd(Vector512.Create(int64 bits), own), Vector512<int64>.Zero)

                Vector512.ConditionalSelect(isClear, Vector512<int64>.Zero, x.AsInt64()).As<int64, 'T>()

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member EvenRuns(run, x, y) =
            if sizeof<'T> = 4 then
                let runs = Vector512.BitwiseAnd(Vector512<int>.Indices, Vector512.Create run)

                let moved =
                    Vector512.ShuffleNative(y.AsInt32(), Vector512.Xor(Vector512<int>.Indices, Vector512.Create run))

                Vector512
                    .ConditionalSelect(Vector512.Equals(runs, Vector512<int>.Zero), x.AsInt32(), moved)
                    .As<int, 'T>()
            else
                let run = int64 run
                let runs = Vector512.BitwiseAnd(Vector512<int64>.Indices, Vector512.Create run)

                let moved =
                    Vector512.ShuffleNative(y.AsInt64(), Vector512.Xor(Vector512<int64>.Indices, Vector512.Create run))

                Vector512
                    .ConditionalSelect(Vector512.Equals(runs, Vector512<int64>.Zero), x.AsInt64(), moved)
                    .As<int64, 'T>()

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member OddRuns(run, x, y) =
            if sizeof<'T> = 4 then
                let runs = Vector512.BitwiseAnd(Vector512<int>.Indices, Vector512.Create run)

                let moved =
                    Vector512.ShuffleNative(x.AsInt32(), Vector512.Xor(Vector512<int>.Indices, Vector512.Create run))

                Vector512
                    .ConditionalSelect(Vector512.Equals(runs, Vector512<int>.Zero), moved, y.AsInt32())
                    .As<int, 'T>()
            else
                let run = int64 run
                let runs = Vector512.BitwiseAnd(Vector512<int64>.Indices, Vector512.Create run)

                let moved =
                    Vector512.ShuffleNative(x.AsInt64(), Vector512.Xor(Vector512<int64>.Indices, Vector512.Create run))

                Vector512
                    .ConditionalSelect(Vector512.Equals(runs, Vector512<int64>.Zero), moved, y.AsInt64())
                    .As<int64, 'T>()

[<Struct>]
type internal Simd256<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    interface ISimd<'T, Vector256<'T>> with
        static member Width = Vector256<'T>.Count
        static member Load source = Vector256.Load source
        static member Store(target, value) = Vector256.Store(value, target)
        static member Splat value = Vector256.Create<'T>(value: 'T)
        static member Add(x, y) = x + y
        static member Subtract(x, y) = x - y
        static member Multiply(x: Vector256<'T>, y: Vector256<'T>) = Vector256.Multiply(x, y)
        static member Divide(x: Vector256<'T>, y: Vector256<'T>) = Vector256.Divide(x, y)
        static member Sqrt x = Vector256.Sqrt x

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member MultiplyAdd(x, y, z) =
            if sizeof<'T> = 4 then
                Vector256.FusedMultiplyAdd(x.AsSingle(), y.AsSingle(), z.AsSingle()).As<float32, 'T>()
            else
                Vector256.FusedMultiplyAdd(x.AsDouble(), y.AsDouble(), z.AsDouble()).As<float, 'T>()

        static member ClampNegative x =
            Vector256.ConditionalSelect(Vector256.LessThan(x, Vector256<'T>.Zero), Vector256<'T>.Zero, x)

        static member Flush(least, x) =
            Vector256.ConditionalSelect(Vector256.LessThan(Vector256.Abs x, least), Vector256<'T>.Zero, x)

        static member WherePositive(gate, value) =
            Vector256.ConditionalSelect(Vector256.GreaterThan(gate, Vector256<'T>.Zero), value, Vector256<'T>.Zero)

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member WhereWins(candidate, best, x, y) =
            let wins =
                Vector256.BitwiseOr(Vector256.GreaterThan(candidate, best), Vector256.IsNaN candidate)

            Vector256.ConditionalSelect(wins, x, y)

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member WinBits(candidate: Vector256<'T>, best: Vector256<'T>) =
            let wins =
                Vector256.BitwiseOr(Vector256.GreaterThan(candidate, best), Vector256.IsNaN candidate)

            uint32 (Vector256.ExtractMostSignificantBits wins)

        static member EqualBits(x: Vector256<'T>, y: Vector256<'T>) =
            uint32 (Vector256.ExtractMostSignificantBits(Vector256.Equals(x, y)))

        static member PositiveBits x =
            uint32 (Vector256.ExtractMostSignificantBits(Vector256.GreaterThan(x, Vector256<'T>.Zero)))

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member WhereBits(bits, x) =
            if sizeof<'T> = 4 then
                let own = Vector256.Create(1, 2, 4, 8, 16, 32, 64, 128)

                let isSet =
                    Vector256.Equals(Vector256.BitwiseAnd(Vector256.Create(int bits), own), own)

                Vector256.BitwiseAnd(x.AsInt32(), isSet).As<int, 'T>()
            else
                let own = Vector256.Create(1L, 2L, 4L, 8L)

                let isSet =
                    Vector256.Equals(Vector256.BitwiseAnd(Vector256.Create(int64 bits), own), own)

                Vector256.BitwiseAnd(x.AsInt64(), isSet).As<int64, 'T>()

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member EvenRuns(run, x, y) =
            if sizeof<'T> = 4 then
                let runs = Vector256.BitwiseAnd(Vector256<int>.Indices, Vector256.Create run)

                let moved =
                    Vector256.ShuffleNative(y.AsInt32(), Vector256.Xor(Vector256<int>.Indices, Vector256.Create run))

                Vector256
                    .ConditionalSelect(Vector256.Equals(runs, Vector256<int>.Zero), x.AsInt32(), moved)
                    .As<int, 'T>()
            else
                let run = int64 run
                let runs = Vector256.BitwiseAnd(Vector256<int64>.Indices, Vector256.Create run)

                let moved =
                    Vector256.ShuffleNative(y.AsInt64(), Vector256.Xor(Vector256<int64>.Indices, Vector256.Create run))

                Vector256
                    .ConditionalSelect(Vector256.Equals(runs, Vector256<int64>.Zero), x.AsInt64(), moved)
                    .As<int64, 'T>()

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member OddRuns(run, x, y) =
            if sizeof<'T> = 4 then
                let runs = Vector256.BitwiseAnd(Vector256<int>.Indices, Vector256.Create run)

                let moved =
                    Vector256.ShuffleNative(x.AsInt32(), Vector256.Xor(Vector256<int>.Indices, Vector256.Create run))

                Vector256
                    .ConditionalSelect(Vector256.Equals(runs, Vector256<int>.Zero), moved, y.AsInt32())
                    .As<int, 'T>()
            else
                let run = int64 run
                let runs = Vector256.BitwiseAnd(Vector256<int64>.Indices, Vector256.Create run)

                let moved =
                    Vector256.ShuffleNative(x.AsInt64(), Vector256.Xor(Vector256<int64>.Indices, Vector256.Create run))

                Vector256
                    .ConditionalSelect(Vector256.Equals(runs, Vector256<int64>.Zero), moved, y.AsInt64())
                    .As<int64, 'T>()

[<Struct>]
type internal Simd128<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    interface ISimd<'T, Vector128<'T>> with
        static member Width = Vector128<'T>.Count
        static member Load source = Vector128.Load source
        static member Store(target, value) = Vector128.Store(value, target)
        static member Splat value = Vector128.Create<'T>(value: 'T)
        static member Add(x, y) = x + y
        static member Subtract(x, y) = x - y
        static member Multiply(x: Vector128<'T>, y: Vector128<'T>) = Vector128.Multiply(x, y)
        static member Divide(x: Vector128<'T>, y: Vector128<'T>) = Vector128.Divide(x, y)
        static member Sqrt x = Vector128.Sqrt x

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member MultiplyAdd(x, y, z) =
            if sizeof<'T> = 4 then
                Vector128.FusedMultiplyAdd(x.AsSingle(), y.AsSingle(), z.AsSingle()).As<float32, 'T>()
            else
                Vector128.FusedMultiplyAdd(x.AsDouble(), y.AsDouble(), z.AsDouble()).As<float, 'T>()

        static member ClampNegative x =
            Vector128.ConditionalSelect(Vector128.LessThan(x, Vector128<'T>.Zero), Vector128<'T>.Zero, x)

        static member Flush(least, x) =
            Vector128.ConditionalSelect(Vector128.LessThan(Vector128.Abs x, least), Vector128<'T>.Zero, x)

        static member WherePositive(gate, value) =
            Vector128.ConditionalSelect(Vector128.GreaterThan(gate, Vector128<'T>.Zero), value, Vector128<'T>.Zero)

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member WhereWins(candidate, best, x, y) =
            let wins =
                Vector128.BitwiseOr(Vector128.GreaterThan(candidate, best), Vector128.IsNaN candidate)

            Vector128.ConditionalSelect(wins, x, y)

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member WinBits(candidate: Vector128<'T>, best: Vector128<'T>) =
            let wins =
                Vector128.BitwiseOr(Vector128.GreaterThan(candidate, best), Vector128.IsNaN candidate)

            uint32 (Vector128.ExtractMostSignificantBits wins)

        static member EqualBits(x: Vector128<'T>, y: Vector128<'T>) =
            uint32 (Vector128.ExtractMostSignificantBits(Vector128.Equals(x, y)))

        static member PositiveBits x =
            uint32 (Vector128.ExtractMostSignificantBits(Vector128.GreaterThan(x, Vector128<'T>.Zero)))

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member WhereBits(bits, x) =
            if sizeof<'T> = 4 then
                let own = Vector128.Create(1, 2, 4, 8)

                let isSet =
                    Vector128.Equals(Vector128.BitwiseAnd(Vector128.Create(int bits), own), own)

                Vector128.BitwiseAnd(x.AsInt32(), isSet).As<int, 'T>()
            else
                let own = Vector128.Create(1L, 2L)

                let isSet =
                    Vector128.Equals(Vector128.BitwiseAnd(Vector128.Create(int64 bits), own), own)

                Vector128.BitwiseAnd(x.AsInt64(), isSet).As<int64, 'T>()

        /// One number at a time: the portable path, and the last few elements of every other one.

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member EvenRuns(run, x, y) =
            if sizeof<'T> = 4 then
                let runs = Vector128.BitwiseAnd(Vector128<int>.Indices, Vector128.Create run)

                let moved =
                    Vector128.ShuffleNative(y.AsInt32(), Vector128.Xor(Vector128<int>.Indices, Vector128.Create run))

                Vector128
                    .ConditionalSelect(Vector128.Equals(runs, Vector128<int>.Zero), x.AsInt32(), moved)
                    .As<int, 'T>()
            else
                let run = int64 run
                let runs = Vector128.BitwiseAnd(Vector128<int64>.Indices, Vector128.Create run)

                let moved =
                    Vector128.ShuffleNative(y.AsInt64(), Vector128.Xor(Vector128<int64>.Indices, Vector128.Create run))

                Vector128
                    .ConditionalSelect(Vector128.Equals(runs, Vector128<int64>.Zero), x.AsInt64(), moved)
                    .As<int64, 'T>()

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member OddRuns(run, x, y) =
            if sizeof<'T> = 4 then
                let runs = Vector128.BitwiseAnd(Vector128<int>.Indices, Vector128.Create run)

                let moved =
                    Vector128.ShuffleNative(x.AsInt32(), Vector128.Xor(Vector128<int>.Indices, Vector128.Create run))

                Vector128
                    .ConditionalSelect(Vector128.Equals(runs, Vector128<int>.Zero), moved, y.AsInt32())
                    .As<int, 'T>()
            else
                let run = int64 run
                let runs = Vector128.BitwiseAnd(Vector128<int64>.Indices, Vector128.Create run)

                let moved =
                    Vector128.ShuffleNative(x.AsInt64(), Vector128.Xor(Vector128<int64>.Indices, Vector128.Create run))

                Vector128
                    .ConditionalSelect(Vector128.Equals(runs, Vector128<int64>.Zero), moved, y.AsInt64())
                    .As<int64, 'T>()

[<Struct>]
type internal Scalar<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    interface ISimd<'T, 'T> with
        static member Width = 1
        static member Load source = NativePtr.read source
        static member Store(target, value) = NativePtr.write target value
        static member Splat value = value
        static member Add(x, y) = x + y
        static member Subtract(x, y) = x - y
        static member Multiply(x: 'T, y: 'T) = x * y
        static member Divide(x: 'T, y: 'T) = x / y
        static member Sqrt x = 'T.Sqrt x
        static member MultiplyAdd(x, y, z) = 'T.FusedMultiplyAdd(x, y, z)

        static member ClampNegative x =
            if 'T.op_LessThan (x, 'T.Zero) then 'T.Zero else x

        static member Flush(least, x) =
            if 'T.op_LessThan ('T.Abs x, least) then 'T.Zero else x

        static member WherePositive(gate, value) =
            if 'T.op_GreaterThan (gate, 'T.Zero) then value else 'T.Zero

        static member WhereWins(candidate, best, x, y) =
            if 'T.op_GreaterThan (candidate, best) || 'T.IsNaN candidate then
                x
            else
                y

        static member WinBits(candidate, best) =
            if 'T.op_GreaterThan (candidate, best) || 'T.IsNaN candidate then
                1u
            else
                0u

        static member EqualBits(x, y) =
            if 'T.op_Equality (x, y) then 1u else 0u

        static member PositiveBits x =
            if 'T.op_GreaterThan (x, 'T.Zero) then 1u else 0u

        static member WhereBits(bits, x) = if bits = 0u then 'T.Zero else x
        static member EvenRuns(_, x, _) = x
        static member OddRuns(_, _, y) = y


[<AutoOpen>]
module internal Pointers =

    /// The address of the i-th element from p on.
    let inline (+!) (p: nativeptr<'T>) (i: int) = NativePtr.add p i
