namespace Cnn.Kernels

#nowarn "9"
#nowarn "3536"

open Microsoft.FSharp.NativeInterop

/// A matrix product over memory, as Tile defines it, for any number of rows and any whole number of vectors.
[<Struct>]
type internal Product<'T when 'T: unmanaged> =
    {
        Rows: int
        /// Numbers in a row of b and c: a whole number of vectors.
        Columns: int
        Depth: int
        A: nativeptr<'T>
        /// From one row of a to the next, in numbers, as all steps are.
        AStep: int
        /// For each k, how many bytes behind the start of a row its number stands.
        Offsets: nativeptr<nativeint>
        B: nativeptr<'T>
        BStep: int
        /// What the sums start from: c itself to add to it, or one row for all, with a step of 0.
        Start: nativeptr<'T>
        StartStep: int
        C: nativeptr<'T>
        CStep: int
    }

module internal Product =

    /// Rows of b that are multiplied before moving on: a panel of two vectors then stays in the L1 cache.
    [<Literal>]
    let private DepthBlock = 256

    /// Rows of a tile, at most: with 2 vectors each they take half of 32 registers, or most of 16.
    let private mostRows<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>> =
        if
            System.Runtime.Intrinsics.Vector512.IsHardwareAccelerated
            || not System.Runtime.Intrinsics.X86.X86Base.IsSupported
        then
            8
        else
            6

    let private tile<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (rows: int)
        (pair: bool)
        (depth: int)
        (a: nativeptr<'T>)
        (aStep: int)
        (offsets: nativeptr<nativeint>)
        (b: nativeptr<'T>)
        (bStep: int)
        (start: nativeptr<'T>)
        (startStep: int)
        (c: nativeptr<'T>)
        (cStep: int)
        =
        if pair then
            match rows with
            | 8 -> Tile.multiply<'T, 'V, 'S, Tile8x2> depth a aStep offsets b bStep start startStep c cStep
            | 7 -> Tile.multiply<'T, 'V, 'S, Tile7x2> depth a aStep offsets b bStep start startStep c cStep
            | 6 -> Tile.multiply<'T, 'V, 'S, Tile6x2> depth a aStep offsets b bStep start startStep c cStep
            | 5 -> Tile.multiply<'T, 'V, 'S, Tile5x2> depth a aStep offsets b bStep start startStep c cStep
            | 4 -> Tile.multiply<'T, 'V, 'S, Tile4x2> depth a aStep offsets b bStep start startStep c cStep
            | 3 -> Tile.multiply<'T, 'V, 'S, Tile3x2> depth a aStep offsets b bStep start startStep c cStep
            | 2 -> Tile.multiply<'T, 'V, 'S, Tile2x2> depth a aStep offsets b bStep start startStep c cStep
            | _ -> Tile.multiply<'T, 'V, 'S, Tile1x2> depth a aStep offsets b bStep start startStep c cStep
        else
            match rows with
            | 8 -> Tile.multiply<'T, 'V, 'S, Tile8x1> depth a aStep offsets b bStep start startStep c cStep
            | 7 -> Tile.multiply<'T, 'V, 'S, Tile7x1> depth a aStep offsets b bStep start startStep c cStep
            | 6 -> Tile.multiply<'T, 'V, 'S, Tile6x1> depth a aStep offsets b bStep start startStep c cStep
            | 5 -> Tile.multiply<'T, 'V, 'S, Tile5x1> depth a aStep offsets b bStep start startStep c cStep
            | 4 -> Tile.multiply<'T, 'V, 'S, Tile4x1> depth a aStep offsets b bStep start startStep c cStep
            | 3 -> Tile.multiply<'T, 'V, 'S, Tile3x1> depth a aStep offsets b bStep start startStep c cStep
            | 2 -> Tile.multiply<'T, 'V, 'S, Tile2x1> depth a aStep offsets b bStep start startStep c cStep
            | _ -> Tile.multiply<'T, 'V, 'S, Tile1x1> depth a aStep offsets b bStep start startStep c cStep

    let run<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>> (p: inref<Product<'T>>) =
        let v = 'S.Width
        // tiles of nearly the same height: 14 rows are 7 and 7, not 8 and 6
        let most = mostRows<'T, 'V, 'S>
        let tiles = (p.Rows + most - 1) / most
        let height = p.Rows / max 1 tiles
        let taller = p.Rows - height * tiles
        let mutable k = 0
        let mutable isFirst = true

        // a depth of 0 still sets c to where the sums start
        while isFirst || k < p.Depth do
            let depth = min DepthBlock (p.Depth - k)
            let mutable j = 0

            while j < p.Columns do
                let pair = j + 2 * v <= p.Columns
                let b = p.B +! (k * p.BStep + j)
                let mutable row = 0
                let mutable t = 0

                while t < tiles do
                    let rows = if t < taller then height + 1 else height
                    let c = p.C +! (row * p.CStep + j)
                    let start = if isFirst then p.Start +! (row * p.StartStep + j) else c
                    let startStep = if isFirst then p.StartStep else p.CStep
                    let a = p.A +! (row * p.AStep)
                    let offsets = p.Offsets +! k

                    tile<'T, 'V, 'S> rows pair depth a p.AStep offsets b p.BStep start startStep c p.CStep
                    row <- row + rows
                    t <- t + 1

                j <- j + (if pair then 2 * v else v)

            isFirst <- false
            k <- k + DepthBlock
