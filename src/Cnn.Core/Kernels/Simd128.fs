namespace Cnn.Kernels

#nowarn "3535" // declares an interface with static abstract members
#nowarn "3536" // and uses it as a constraint

open System.Numerics
open System.Runtime.CompilerServices
open System.Runtime.Intrinsics

/// Vectors of 128 bits.
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

        static member Exp x =
            if sizeof<'T> = 4 then
                Vector128.Exp(x.AsSingle()).As<float32, 'T>()
            else
                Vector128.Exp(x.AsDouble()).As<float, 'T>()

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

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member SwapRuns(run, x) =
            if sizeof<'T> = 4 then
                Vector128
                    .ShuffleNative(x.AsInt32(), Vector128.Xor(Vector128<int>.Indices, Vector128.Create run))
                    .As<int, 'T>()
            else
                Vector128
                    .ShuffleNative(x.AsInt64(), Vector128.Xor(Vector128<int64>.Indices, Vector128.Create(int64 run)))
                    .As<int64, 'T>()

        [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
        static member MergeRuns(run, x, y) =
            if sizeof<'T> = 4 then
                let isEven =
                    Vector128.Equals(
                        Vector128.BitwiseAnd(Vector128<int>.Indices, Vector128.Create run),
                        Vector128<int>.Zero
                    )

                Vector128.ConditionalSelect(isEven, x.AsInt32(), y.AsInt32()).As<int, 'T>()
            else
                let isEven =
                    Vector128.Equals(
                        Vector128.BitwiseAnd(Vector128<int64>.Indices, Vector128.Create(int64 run)),
                        Vector128<int64>.Zero
                    )

                Vector128.ConditionalSelect(isEven, x.AsInt64(), y.AsInt64()).As<int64, 'T>()
