namespace Cnn.Kernels

#nowarn "9"
#nowarn "3535"
#nowarn "3536"

open System.Runtime.CompilerServices
open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86
open Microsoft.FSharp.NativeInterop

/// A part of a convolution, over a line of cells:
///
///   y[l; j] = start + sum over i, k, c of x[l * XLine + i * XPitch + (j + k) * XStep + c] * w[i; k; c]
///
/// for `Taps` neighbouring cells k of each row i of the kernel. w[i; k; c] = Weight + i * WeightRow + k * WeightTap + c * WeightStep,
/// start and y are `Vectors` vectors of filters. Steps are in numbers.
[<Struct>]
type internal Stencil<'T when 'T: unmanaged> =
    {
        Lines: int
        Columns: int
        KernelRows: int
        /// 1, 2 or 3.
        Taps: int
        Channels: int
        Vectors: int
        X: nativeptr<'T>
        XLine: int
        XPitch: int
        XStep: int
        Weight: nativeptr<'T>
        WeightRow: int
        WeightTap: int
        WeightStep: int
        /// One row for all cells, with steps of 0, or y itself to add to it.
        Start: nativeptr<'T>
        StartLine: int
        StartStep: int
        Y: nativeptr<'T>
        YLine: int
        YStep: int
    }

/// Convolution with the weights of a few taps in registers. A product reads every number of the input once for each cell of the
/// kernel; this reads it once for all taps, and the weights once for a whole run of cells. What is left is to multiply: where
/// filters fill one or two vectors, a product would wait for its loads. Sums are taken in the order of i, c, k.
module internal Stencil =

    /// One run of cells of a line, one vector of filters.
    [<MethodImpl(MethodImplOptions.AggressiveOptimization)>]
    let private run<'T, 'V, 'S, 'N, 'K when 'T: unmanaged and 'S :> ISimd<'T, 'V> and 'N :> ICount and 'K :> ICount>
        (s: inref<Stencil<'T>>)
        (x: nativeptr<'T>)
        (weight: nativeptr<'T>)
        (start: nativeptr<'T>)
        (y: nativeptr<'T>)
        =
        let step = nativeint s.XStep * nativeint sizeof<'T>
        let step2 = 2n * step
        let step3 = 3n * step
        let from = s.StartStep
        let mutable c0 = 'S.Load start
        let mutable c1 = c0
        let mutable c2 = c0
        let mutable c3 = c0
        let mutable c4 = c0
        let mutable c5 = c0
        let mutable c6 = c0
        let mutable c7 = c0
        let mutable c8 = c0
        let mutable c9 = c0
        let mutable c10 = c0
        let mutable c11 = c0
        let mutable c12 = c0
        let mutable c13 = c0

        if from <> 0 then
            c1 <- Registers.load<'T, 'V, 'S> ('N.Count > 1) (start +! from)
            c2 <- Registers.load<'T, 'V, 'S> ('N.Count > 2) (start +! (2 * from))
            c3 <- Registers.load<'T, 'V, 'S> ('N.Count > 3) (start +! (3 * from))
            c4 <- Registers.load<'T, 'V, 'S> ('N.Count > 4) (start +! (4 * from))
            c5 <- Registers.load<'T, 'V, 'S> ('N.Count > 5) (start +! (5 * from))
            c6 <- Registers.load<'T, 'V, 'S> ('N.Count > 6) (start +! (6 * from))
            c7 <- Registers.load<'T, 'V, 'S> ('N.Count > 7) (start +! (7 * from))
            c8 <- Registers.load<'T, 'V, 'S> ('N.Count > 8) (start +! (8 * from))
            c9 <- Registers.load<'T, 'V, 'S> ('N.Count > 9) (start +! (9 * from))
            c10 <- Registers.load<'T, 'V, 'S> ('N.Count > 10) (start +! (10 * from))
            c11 <- Registers.load<'T, 'V, 'S> ('N.Count > 11) (start +! (11 * from))
            c12 <- Registers.load<'T, 'V, 'S> ('N.Count > 12) (start +! (12 * from))
            c13 <- Registers.load<'T, 'V, 'S> ('N.Count > 13) (start +! (13 * from))

        let mutable row = x
        let mutable rowWeight = weight
        let mutable i = 0

        while i < s.KernelRows do
            let mutable x0 = row
            let mutable own = rowWeight
            let mutable c = 0

            while c < s.Channels do
                let w0 = 'S.Load own
                let w1 = Registers.load<'T, 'V, 'S> ('K.Count > 1) (own +! s.WeightTap)
                let w2 = Registers.load<'T, 'V, 'S> ('K.Count > 2) (own +! (2 * s.WeightTap))
                let x = Registers.splat<'T, 'V, 'S> ('N.Count + 'K.Count > 1) x0
                c0 <- Registers.add<'T, 'V, 'S> ('N.Count > 0 && 'K.Count > 0) x w0 c0
                let x = Registers.splat<'T, 'V, 'S> ('N.Count + 'K.Count > 2) (Tile.at x0 step)
                c0 <- Registers.add<'T, 'V, 'S> ('N.Count > 0 && 'K.Count > 1) x w1 c0
                c1 <- Registers.add<'T, 'V, 'S> ('N.Count > 1 && 'K.Count > 0) x w0 c1
                let x = Registers.splat<'T, 'V, 'S> ('N.Count + 'K.Count > 3) (Tile.at x0 step2)
                c0 <- Registers.add<'T, 'V, 'S> ('N.Count > 0 && 'K.Count > 2) x w2 c0
                c1 <- Registers.add<'T, 'V, 'S> ('N.Count > 1 && 'K.Count > 1) x w1 c1
                c2 <- Registers.add<'T, 'V, 'S> ('N.Count > 2 && 'K.Count > 0) x w0 c2
                let x = Registers.splat<'T, 'V, 'S> ('N.Count + 'K.Count > 4) (Tile.at x0 step3)
                c1 <- Registers.add<'T, 'V, 'S> ('N.Count > 1 && 'K.Count > 2) x w2 c1
                c2 <- Registers.add<'T, 'V, 'S> ('N.Count > 2 && 'K.Count > 1) x w1 c2
                c3 <- Registers.add<'T, 'V, 'S> ('N.Count > 3 && 'K.Count > 0) x w0 c3
                let x4 = Tile.at x0 (4n * step)
                let x = Registers.splat<'T, 'V, 'S> ('N.Count + 'K.Count > 5) x4
                c2 <- Registers.add<'T, 'V, 'S> ('N.Count > 2 && 'K.Count > 2) x w2 c2
                c3 <- Registers.add<'T, 'V, 'S> ('N.Count > 3 && 'K.Count > 1) x w1 c3
                c4 <- Registers.add<'T, 'V, 'S> ('N.Count > 4 && 'K.Count > 0) x w0 c4
                let x = Registers.splat<'T, 'V, 'S> ('N.Count + 'K.Count > 6) (Tile.at x4 step)
                c3 <- Registers.add<'T, 'V, 'S> ('N.Count > 3 && 'K.Count > 2) x w2 c3
                c4 <- Registers.add<'T, 'V, 'S> ('N.Count > 4 && 'K.Count > 1) x w1 c4
                c5 <- Registers.add<'T, 'V, 'S> ('N.Count > 5 && 'K.Count > 0) x w0 c5
                let x = Registers.splat<'T, 'V, 'S> ('N.Count + 'K.Count > 7) (Tile.at x4 step2)
                c4 <- Registers.add<'T, 'V, 'S> ('N.Count > 4 && 'K.Count > 2) x w2 c4
                c5 <- Registers.add<'T, 'V, 'S> ('N.Count > 5 && 'K.Count > 1) x w1 c5
                c6 <- Registers.add<'T, 'V, 'S> ('N.Count > 6 && 'K.Count > 0) x w0 c6
                let x = Registers.splat<'T, 'V, 'S> ('N.Count + 'K.Count > 8) (Tile.at x4 step3)
                c5 <- Registers.add<'T, 'V, 'S> ('N.Count > 5 && 'K.Count > 2) x w2 c5
                c6 <- Registers.add<'T, 'V, 'S> ('N.Count > 6 && 'K.Count > 1) x w1 c6
                c7 <- Registers.add<'T, 'V, 'S> ('N.Count > 7 && 'K.Count > 0) x w0 c7
                let x8 = Tile.at x0 (8n * step)
                let x = Registers.splat<'T, 'V, 'S> ('N.Count + 'K.Count > 9) x8
                c6 <- Registers.add<'T, 'V, 'S> ('N.Count > 6 && 'K.Count > 2) x w2 c6
                c7 <- Registers.add<'T, 'V, 'S> ('N.Count > 7 && 'K.Count > 1) x w1 c7
                c8 <- Registers.add<'T, 'V, 'S> ('N.Count > 8 && 'K.Count > 0) x w0 c8
                let x = Registers.splat<'T, 'V, 'S> ('N.Count + 'K.Count > 10) (Tile.at x8 step)
                c7 <- Registers.add<'T, 'V, 'S> ('N.Count > 7 && 'K.Count > 2) x w2 c7
                c8 <- Registers.add<'T, 'V, 'S> ('N.Count > 8 && 'K.Count > 1) x w1 c8
                c9 <- Registers.add<'T, 'V, 'S> ('N.Count > 9 && 'K.Count > 0) x w0 c9
                let x = Registers.splat<'T, 'V, 'S> ('N.Count + 'K.Count > 11) (Tile.at x8 step2)
                c8 <- Registers.add<'T, 'V, 'S> ('N.Count > 8 && 'K.Count > 2) x w2 c8
                c9 <- Registers.add<'T, 'V, 'S> ('N.Count > 9 && 'K.Count > 1) x w1 c9
                c10 <- Registers.add<'T, 'V, 'S> ('N.Count > 10 && 'K.Count > 0) x w0 c10
                let x = Registers.splat<'T, 'V, 'S> ('N.Count + 'K.Count > 12) (Tile.at x8 step3)
                c9 <- Registers.add<'T, 'V, 'S> ('N.Count > 9 && 'K.Count > 2) x w2 c9
                c10 <- Registers.add<'T, 'V, 'S> ('N.Count > 10 && 'K.Count > 1) x w1 c10
                c11 <- Registers.add<'T, 'V, 'S> ('N.Count > 11 && 'K.Count > 0) x w0 c11
                let x12 = Tile.at x0 (12n * step)
                let x = Registers.splat<'T, 'V, 'S> ('N.Count + 'K.Count > 13) x12
                c10 <- Registers.add<'T, 'V, 'S> ('N.Count > 10 && 'K.Count > 2) x w2 c10
                c11 <- Registers.add<'T, 'V, 'S> ('N.Count > 11 && 'K.Count > 1) x w1 c11
                c12 <- Registers.add<'T, 'V, 'S> ('N.Count > 12 && 'K.Count > 0) x w0 c12
                let x = Registers.splat<'T, 'V, 'S> ('N.Count + 'K.Count > 14) (Tile.at x12 step)
                c11 <- Registers.add<'T, 'V, 'S> ('N.Count > 11 && 'K.Count > 2) x w2 c11
                c12 <- Registers.add<'T, 'V, 'S> ('N.Count > 12 && 'K.Count > 1) x w1 c12
                c13 <- Registers.add<'T, 'V, 'S> ('N.Count > 13 && 'K.Count > 0) x w0 c13
                let x = Registers.splat<'T, 'V, 'S> ('N.Count + 'K.Count > 15) (Tile.at x12 step2)
                c12 <- Registers.add<'T, 'V, 'S> ('N.Count > 12 && 'K.Count > 2) x w2 c12
                c13 <- Registers.add<'T, 'V, 'S> ('N.Count > 13 && 'K.Count > 1) x w1 c13
                let x = Registers.splat<'T, 'V, 'S> ('N.Count + 'K.Count > 16) (Tile.at x12 step3)
                c13 <- Registers.add<'T, 'V, 'S> ('N.Count > 13 && 'K.Count > 2) x w2 c13
                own <- own +! s.WeightStep
                x0 <- x0 +! 1
                c <- c + 1

            rowWeight <- rowWeight +! s.WeightRow
            row <- row +! s.XPitch
            i <- i + 1

        let into = s.YStep
        Registers.store<'T, 'V, 'S> ('N.Count > 0) y c0
        Registers.store<'T, 'V, 'S> ('N.Count > 1) (y +! into) c1
        Registers.store<'T, 'V, 'S> ('N.Count > 2) (y +! (2 * into)) c2
        Registers.store<'T, 'V, 'S> ('N.Count > 3) (y +! (3 * into)) c3
        Registers.store<'T, 'V, 'S> ('N.Count > 4) (y +! (4 * into)) c4
        Registers.store<'T, 'V, 'S> ('N.Count > 5) (y +! (5 * into)) c5
        Registers.store<'T, 'V, 'S> ('N.Count > 6) (y +! (6 * into)) c6
        Registers.store<'T, 'V, 'S> ('N.Count > 7) (y +! (7 * into)) c7
        Registers.store<'T, 'V, 'S> ('N.Count > 8) (y +! (8 * into)) c8
        Registers.store<'T, 'V, 'S> ('N.Count > 9) (y +! (9 * into)) c9
        Registers.store<'T, 'V, 'S> ('N.Count > 10) (y +! (10 * into)) c10
        Registers.store<'T, 'V, 'S> ('N.Count > 11) (y +! (11 * into)) c11
        Registers.store<'T, 'V, 'S> ('N.Count > 12) (y +! (12 * into)) c12
        Registers.store<'T, 'V, 'S> ('N.Count > 13) (y +! (13 * into)) c13

    let private runOf<'T, 'V, 'S, 'K when 'T: unmanaged and 'S :> ISimd<'T, 'V> and 'K :> ICount>
        (s: inref<Stencil<'T>>)
        (cells: int)
        (x: nativeptr<'T>)
        (weight: nativeptr<'T>)
        (start: nativeptr<'T>)
        (y: nativeptr<'T>)
        =
        match cells with
        | 1 -> run<'T, 'V, 'S, One, 'K> &s x weight start y
        | 2 -> run<'T, 'V, 'S, Two, 'K> &s x weight start y
        | 3 -> run<'T, 'V, 'S, Three, 'K> &s x weight start y
        | 4 -> run<'T, 'V, 'S, Four, 'K> &s x weight start y
        | 5 -> run<'T, 'V, 'S, Five, 'K> &s x weight start y
        | 6 -> run<'T, 'V, 'S, Six, 'K> &s x weight start y
        | 7 -> run<'T, 'V, 'S, Seven, 'K> &s x weight start y
        | 8 -> run<'T, 'V, 'S, Eight, 'K> &s x weight start y
        | 9 -> run<'T, 'V, 'S, Nine, 'K> &s x weight start y
        | 10 -> run<'T, 'V, 'S, Ten, 'K> &s x weight start y
        | 11 -> run<'T, 'V, 'S, Eleven, 'K> &s x weight start y
        | 12 -> run<'T, 'V, 'S, Twelve, 'K> &s x weight start y
        | 13 -> run<'T, 'V, 'S, Thirteen, 'K> &s x weight start y
        | _ -> run<'T, 'V, 'S, Fourteen, 'K> &s x weight start y

    /// Cells of a run, at most: with three weights and a number of the input they take 18 registers, or 14.
    let private longest =
        if Vector512.IsHardwareAccelerated || not X86Base.IsSupported then
            14
        else
            10

    /// All lines, each cut into runs of nearly the same length.
    let compute<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>> (s: inref<Stencil<'T>>) =
        let runs = (s.Columns + longest - 1) / longest

        for line in 0 .. s.Lines - 1 do
            for vector in 0 .. s.Vectors - 1 do
                let filter = vector * 'S.Width
                let weight = s.Weight +! filter
                let mutable column = 0

                for r in 1..runs do
                    let cells = s.Columns * r / runs - column
                    let x = s.X +! (line * s.XLine + column * s.XStep)
                    let start = s.Start +! (line * s.StartLine + column * s.StartStep + filter)
                    let y = s.Y +! (line * s.YLine + column * s.YStep + filter)

                    match s.Taps with
                    | 1 -> runOf<'T, 'V, 'S, One> &s cells x weight start y
                    | 2 -> runOf<'T, 'V, 'S, Two> &s cells x weight start y
                    | _ -> runOf<'T, 'V, 'S, Three> &s cells x weight start y

                    column <- column + cells
