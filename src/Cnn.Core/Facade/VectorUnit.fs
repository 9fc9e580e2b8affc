namespace Cnn

open System.Collections.Generic
open System.Numerics
open Cnn.Kernels

/// The vector kernels that this processor runs, and the loop that shows how fast they can be at best.
[<AbstractClass; Sealed>]
type VectorUnit private () =

    static let run (rounds: int64) (kernel: Processor<'T>) : int64 =
        if rounds < 1L then
            invalidArg (nameof rounds) $"{rounds} rounds; there must be at least 1"

        let result = kernel.Peak rounds

        // never so; but what is looked at has to be computed
        if not ('T.IsFinite result) then
            invalidOp "the sums of the peak loop are no longer finite"

        2L * int64 (Peak.Accumulators * kernel.Lanes) * rounds

    /// Bits in the widest vectors in use: 512, 256 or 128; 0 where the portable kernels take one number at a time.
    static member Bits = Processor.WidestBits

    /// Bits in the vectors of each kernel, the widest first: rows of few numbers take narrower ones. Empty where the portable
    /// kernels run.
    static member Widths: IReadOnlyList<int> =
        [| 512; 256; 128 |] |> Array.filter (fun bits -> bits <= VectorUnit.Bits) :> _

    /// Single-precision numbers (float32) in one of the widest vectors.
    static member SingleLanes = Kernel<float32>.Best.Lanes

    /// Double-precision numbers (float64) in one of the widest vectors.
    static member DoubleLanes = Kernel<float>.Best.Lanes

    /// Runs fused multiply-adds in single precision, as many as the processor can have under way at once in each of `rounds`
    /// rounds, on the calling thread. Returns how many floating-point operations that were: two for each multiply-add.
    static member RunSinglePrecision(rounds: int64) : int64 = run rounds Kernel<float32>.Best

    /// The same in double precision.
    static member RunDoublePrecision(rounds: int64) : int64 = run rounds Kernel<float>.Best
