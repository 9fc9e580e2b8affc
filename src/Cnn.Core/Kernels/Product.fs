namespace Cnn.Kernels

#nowarn "9"
#nowarn "3536"

open System.Runtime.Intrinsics
open System.Runtime.Intrinsics.X86
open Microsoft.FSharp.NativeInterop

/// Cuts products of any size into tiles.
module internal Product =

    /// Rows of b that are multiplied before moving on: a panel of two vectors then stays in the L1 cache.
    [<Literal>]
    let DepthBlock = 256

    /// The same for panels of four vectors.
    [<Literal>]
    let private WideDepthBlock = 128

    let private has32Registers =
        Vector512.IsHardwareAccelerated || not X86Base.IsSupported

    /// Rows of a tile, at most: with 2 vectors each they fill most of 16 registers, or half of 32.
    let private mostRows = if has32Registers then 8 else 6

    /// Vectors in a row of a wide tile, and its rows, at most.
    [<Literal>]
    let private WideVectors = 4

    [<Literal>]
    let private WideRows = 6

    /// Vectors of b that are multiplied at once, at most: what packs b in panels packs as many.
    let PanelVectors = if has32Registers then WideVectors else 2

    let private wideTiles<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (p: inref<Product<'T>>)
        (rows: int)
        (count: int)
        =
        match rows with
        | 1 -> WideTile.multiply<'T, 'V, 'S, Tile1x4> &p count
        | 2 -> WideTile.multiply<'T, 'V, 'S, Tile2x4> &p count
        | 3 -> WideTile.multiply<'T, 'V, 'S, Tile3x4> &p count
        | 4 -> WideTile.multiply<'T, 'V, 'S, Tile4x4> &p count
        | 5 -> WideTile.multiply<'T, 'V, 'S, Tile5x4> &p count
        | _ -> WideTile.multiply<'T, 'V, 'S, Tile6x4> &p count

    let private tiles<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (p: inref<Product<'T>>)
        (rows: int)
        (vectors: int)
        (count: int)
        =
        match 2 * rows + vectors with
        | _ when vectors = WideVectors -> wideTiles<'T, 'V, 'S> &p rows count
        | 3 -> Tile.multiply<'T, 'V, 'S, Tile1x1> &p count
        | 4 -> Tile.multiply<'T, 'V, 'S, Tile1x2> &p count
        | 5 -> Tile.multiply<'T, 'V, 'S, Tile2x1> &p count
        | 6 -> Tile.multiply<'T, 'V, 'S, Tile2x2> &p count
        | 7 -> Tile.multiply<'T, 'V, 'S, Tile3x1> &p count
        | 8 -> Tile.multiply<'T, 'V, 'S, Tile3x2> &p count
        | 9 -> Tile.multiply<'T, 'V, 'S, Tile4x1> &p count
        | 10 -> Tile.multiply<'T, 'V, 'S, Tile4x2> &p count
        | 11 -> Tile.multiply<'T, 'V, 'S, Tile5x1> &p count
        | 12 -> Tile.multiply<'T, 'V, 'S, Tile5x2> &p count
        | 13 -> Tile.multiply<'T, 'V, 'S, Tile6x1> &p count
        | 14 -> Tile.multiply<'T, 'V, 'S, Tile6x2> &p count
        | 15 -> Tile.multiply<'T, 'V, 'S, Tile7x1> &p count
        | 16 -> Tile.multiply<'T, 'V, 'S, Tile7x2> &p count
        | 17 -> Tile.multiply<'T, 'V, 'S, Tile8x1> &p count
        | _ -> Tile.multiply<'T, 'V, 'S, Tile8x2> &p count

    /// The rows of a product, in tiles of nearly the same height: 14 rows are 7 and 7, not 8 and 6.
    let private rows<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>> (p: inref<Product<'T>>) (vectors: int) =
        let most = if vectors = WideVectors then WideRows else mostRows
        let count = (p.Rows + most - 1) / most
        let height = p.Rows / count
        let taller = p.Rows - height * count

        if taller > 0 then
            tiles<'T, 'V, 'S> &p (height + 1) vectors taller

        if taller < count then
            let skipped = taller * (height + 1)

            let rest =
                { p with
                    A = p.A +! (skipped * p.AStep)
                    Start = p.Start +! (skipped * p.StartStep)
                    C = p.C +! (skipped * p.CStep)
                }

            tiles<'T, 'V, 'S> &rest height vectors (count - taller)

    let private columns<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>> (p: inref<Product<'T>>) =
        let mutable j = 0

        while j < p.Columns do
            let left = (p.Columns - j) / 'S.Width

            let vectors =
                if left >= PanelVectors then PanelVectors
                elif left >= 2 then 2
                else 1

            let part =
                { p with
                    B = p.B +! j
                    Start = p.Start +! j
                    C = p.C +! j
                }

            rows<'T, 'V, 'S> &part vectors
            j <- j + vectors * 'S.Width

    /// A product whose columns are whole vectors.
    let run<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>> (p: inref<Product<'T>>) =
        let depth =
            if p.Columns >= WideVectors * 'S.Width then
                WideDepthBlock
            else
                DepthBlock

        if p.Rows > 0 then
            if p.Depth <= depth then
                columns<'T, 'V, 'S> &p
            else
                let mutable k = 0

                while k < p.Depth do
                    let block =
                        { p with
                            Depth = min depth (p.Depth - k)
                            Offsets = p.Offsets +! k
                            B = p.B +! (k * p.BStep)
                            // what the blocks before have summed up
                            Start = if k = 0 then p.Start else p.C
                            StartLine = if k = 0 then p.StartLine else p.CLine
                            StartStep = if k = 0 then p.StartStep else p.CStep
                        }

                    columns<'T, 'V, 'S> &block
                    k <- k + depth
