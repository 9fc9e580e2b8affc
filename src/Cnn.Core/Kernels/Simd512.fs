namespace Cnn.Kernels

#nowarn "3535" // declares an interface with static abstract members
#nowarn "3536" // and uses it as a constraint

open System.Numerics
open System.Runtime.CompilerServices
open System.Runtime.Intrinsics

/// Vectors of 512 bits.
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

        static member Exp x =
            if sizeof<'T> = 4 then
                Vector512.Exp(x.AsSingle()).As<float32, 'T>()
            else
                Vector512.Exp(x.AsDouble()).As<float, 'T>()

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
        static member SwapRuns(run, x) =
            if sizeof<'T> = 4 then
                Vector512
                    .ShuffleNative(x.AsInt32(), Vector512.Xor(Vector512<int>.Indices, Vector512.Create run))
                    .As<int, 'T>()
            else
                Vector512
                    .ShuffleNative(x.AsInt64(), Vector512.Xor(Vector512<int64>.Indices, Vector512.Create(int64 run)))
                    .As<int64, 'T>()

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member MergeRuns(run, x, y) =
            if sizeof<'T> = 4 then
                let isEven =
                    Vector512.Equals(
                        Vector512.BitwiseAnd(Vector512<int>.Indices, Vector512.Create run),
                        Vector512<int>.Zero
                    )

                Vector512.ConditionalSelect(isEven, x.AsInt32(), y.AsInt32()).As<int, 'T>()
            else
                let isEven =
                    Vector512.Equals(
                        Vector512.BitwiseAnd(Vector512<int64>.Indices, Vector512.Create(int64 run)),
                        Vector512<int64>.Zero
                    )

                Vector512.ConditionalSelect(isEven, x.AsInt64(), y.AsInt64()).As<int64, 'T>()
