namespace Cnn.Kernels

#nowarn "3535" // declares an interface with static abstract members
#nowarn "3536" // and uses it as a constraint

open System.Numerics
open System.Runtime.CompilerServices
open System.Runtime.Intrinsics

/// Vectors of 256 bits.
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

        static member Exp x =
            if sizeof<'T> = 4 then
                Vector256.Exp(x.AsSingle()).As<float32, 'T>()
            else
                Vector256.Exp(x.AsDouble()).As<float, 'T>()

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
        static member SwapRuns(run, x) =
            if sizeof<'T> = 4 then
                Vector256
                    .ShuffleNative(x.AsInt32(), Vector256.Xor(Vector256<int>.Indices, Vector256.Create run))
                    .As<int, 'T>()
            else
                Vector256
                    .ShuffleNative(x.AsInt64(), Vector256.Xor(Vector256<int64>.Indices, Vector256.Create(int64 run)))
                    .As<int64, 'T>()

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member MergeRuns(run, x, y) =
            if sizeof<'T> = 4 then
                let isEven =
                    Vector256.Equals(
                        Vector256.BitwiseAnd(Vector256<int>.Indices, Vector256.Create run),
                        Vector256<int>.Zero
                    )

                Vector256.ConditionalSelect(isEven, x.AsInt32(), y.AsInt32()).As<int, 'T>()
            else
                let isEven =
                    Vector256.Equals(
                        Vector256.BitwiseAnd(Vector256<int64>.Indices, Vector256.Create(int64 run)),
                        Vector256<int64>.Zero
                    )

                Vector256.ConditionalSelect(isEven, x.AsInt64(), y.AsInt64()).As<int64, 'T>()
