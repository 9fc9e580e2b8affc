namespace Cnn.Kernels

#nowarn "9"
#nowarn "3536"

open System.Numerics
open System.Runtime.CompilerServices
open Microsoft.FSharp.NativeInterop

/// Fused multiply-adds and nothing else, to be timed: no kernel can be faster than this.
module internal Peak =

    /// Sums that do not wait for each other. A multiply-add takes 4 or 5 cycles and a core begins up to 2 in each; with
    /// the factor, 12 also leave room in 16 registers.
    [<Literal>]
    let Accumulators = 12

    /// a <- a factor + factor, `rounds` times in each accumulator. With a factor of 1/2 they all tend to 1.
    [<MethodImpl(MethodImplOptions.AggressiveOptimization)>]
    let private loop<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>> (rounds: int64) (factor: 'V) : 'V =
        let mutable a0 = factor
        let mutable a1 = 'S.Add(a0, factor)
        let mutable a2 = 'S.Add(a1, factor)
        let mutable a3 = 'S.Add(a2, factor)
        let mutable a4 = 'S.Add(a3, factor)
        let mutable a5 = 'S.Add(a4, factor)
        let mutable a6 = 'S.Add(a5, factor)
        let mutable a7 = 'S.Add(a6, factor)
        let mutable a8 = 'S.Add(a7, factor)
        let mutable a9 = 'S.Add(a8, factor)
        let mutable a10 = 'S.Add(a9, factor)
        let mutable a11 = 'S.Add(a10, factor)
        let mutable left = rounds

        while left > 0L do
            a0 <- 'S.MultiplyAdd(a0, factor, factor)
            a1 <- 'S.MultiplyAdd(a1, factor, factor)
            a2 <- 'S.MultiplyAdd(a2, factor, factor)
            a3 <- 'S.MultiplyAdd(a3, factor, factor)
            a4 <- 'S.MultiplyAdd(a4, factor, factor)
            a5 <- 'S.MultiplyAdd(a5, factor, factor)
            a6 <- 'S.MultiplyAdd(a6, factor, factor)
            a7 <- 'S.MultiplyAdd(a7, factor, factor)
            a8 <- 'S.MultiplyAdd(a8, factor, factor)
            a9 <- 'S.MultiplyAdd(a9, factor, factor)
            a10 <- 'S.MultiplyAdd(a10, factor, factor)
            a11 <- 'S.MultiplyAdd(a11, factor, factor)
            left <- left - 1L

        // every sum is needed for the result, so that none can be left out
        let low = 'S.Add('S.Add('S.Add(a0, a1), 'S.Add(a2, a3)), 'S.Add(a4, a5))
        let high = 'S.Add('S.Add('S.Add(a6, a7), 'S.Add(a8, a9)), 'S.Add(a10, a11))
        'S.Add(low, high)

    /// The sum of the accumulators in the first lane, after so many rounds of one multiply-add in each lane of each of them.
    let run<'T, 'V, 'S when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T> and 'S :> ISimd<'T, 'V>>
        (rounds: int64)
        : 'T =
        let sum = loop<'T, 'V, 'S> rounds ('S.Splat('T.CreateTruncating 0.5))
        // as wide as the widest vector
        let lanes = NativePtr.stackalloc<'T> 16
        'S.Store(lanes, sum)
        NativePtr.read lanes
