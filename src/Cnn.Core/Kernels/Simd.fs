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
    /// e to the x: 0 for numbers far below zero, infinity for those far above.
    static abstract Exp: x: 'V -> 'V
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
    /// Neighbouring runs of `run` lanes (a power of two) change places: x1 x0 x3 x2 … for 1, x2 x3 x0 x1 … for 2.
    static abstract SwapRuns: run: int * x: 'V -> 'V
    /// The even runs of x, and the odd ones of y: x0 y1 x2 y3 … for 1.
    static abstract MergeRuns: run: int * x: 'V * y: 'V -> 'V

/// One number at a time: the portable path, and the last few elements of every other one.
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
        static member Exp x = 'T.Exp x
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
        static member SwapRuns(_, x) = x
        static member MergeRuns(_, x, _) = x


[<AutoOpen>]
module internal Pointers =

    /// The address of the i-th element from p on.
    let inline (+!) (p: nativeptr<'T>) (i: int) = NativePtr.add p i
