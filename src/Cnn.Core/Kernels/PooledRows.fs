namespace Cnn.Kernels

#nowarn "9"
#nowarn "3536"

open System
open System.Numerics
open Cnn.Tensors
open Microsoft.FSharp.NativeInterop

/// What follows a convolution while its rows are still in the L1 cache: ReLU, the maximum under a window, and which
/// cell of the window won. A window of one cell stands for no pooling at all.
///
/// Winners are kept as bits, one for each channel: bits[cell; vector; position in the window] is set where that
/// position won and the gradient gets through the ReLU. What has no bit set anywhere gets no gradient.
module internal PooledRows =

    /// The rows of a convolution that a pooling window can see, used in turn: row r of the image is row r mod Rows.
    [<Struct>]
    type Band<'T when 'T: unmanaged> =
        {
            Data: nativeptr<'T>
            Rows: int
            /// Numbers in a row.
            Pitch: int
        }

        member band.Row(r: int) = band.Data +! (r % band.Rows * band.Pitch)

    /// The part of a window's axis that lies inside the image: positions `first` to `beyond - 1` of the kernel.
    let inline inside (axis: Axis) (start: int) =
        struct (max 0 -start, min axis.Kernel (axis.Input - start))

    let private finish<'T, 'V, 'S when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T> and 'S :> ISimd<'T, 'V>>
        (relu: bool)
        (positions: int)
        (best: 'V)
        (winner: 'V)
        (target: nativeptr<'T>)
        (bits: nativeptr<uint32>)
        =
        let mutable alive = UInt32.MaxValue

        if relu then
            'S.Store(target, 'S.ClampNegative best)
            alive <- 'S.PositiveBits best
        else
            'S.Store(target, best)

        let mutable s = 0

        while s < positions do
            NativePtr.set bits s ('S.EqualBits(winner, 'S.Splat('T.CreateTruncating s)) &&& alive)
            s <- s + 1

    /// The maximum over a window of any size, one vector of channels.
    let private window<'T, 'V, 'S when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T> and 'S :> ISimd<'T, 'V>>
        (pool: Window)
        (relu: bool)
        (band: Band<'T>)
        (top: int)
        (left: int)
        (lanes: int)
        (channel: int)
        (target: nativeptr<'T>)
        (bits: nativeptr<uint32>)
        =
        let struct (firstRow, beyondRow) = inside pool.Rows top
        let struct (firstColumn, beyondColumn) = inside pool.Columns left
        let mutable best = Unchecked.defaultof<'V>
        let mutable winner = Unchecked.defaultof<'V>
        let mutable isFirst = true

        for i in firstRow .. beyondRow - 1 do
            let row = band.Row(top + i) +! (left * lanes + channel)

            for j in firstColumn .. beyondColumn - 1 do
                let value = 'S.Load(row +! (j * lanes))
                let position = 'S.Splat('T.CreateTruncating(i * pool.Columns.Kernel + j))

                if isFirst then
                    best <- value
                    winner <- position
                    isFirst <- false
                else
                    winner <- 'S.WhereWins(value, best, position, winner)
                    best <- 'S.WhereWins(value, best, value, best)

        finish<'T, 'V, 'S> relu pool.KernelSize best winner target bits

    /// The same for the usual window of 2 by 2, wholly inside the image.
    let private square<'T, 'V, 'S when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T> and 'S :> ISimd<'T, 'V>>
        (relu: bool)
        (above: nativeptr<'T>)
        (below: nativeptr<'T>)
        (lanes: int)
        (target: nativeptr<'T>)
        (bits: nativeptr<uint32>)
        =
        let one = 'S.Splat 'T.One
        let two = 'S.Splat('T.CreateTruncating 2)
        let three = 'S.Splat('T.CreateTruncating 3)
        let a = 'S.Load above
        let b = 'S.Load(above +! lanes)
        let upper = 'S.WhereWins(b, a, b, a)
        let upperWinner = 'S.WhereWins(b, a, one, Unchecked.defaultof<'V>)
        let c = 'S.Load below
        let d = 'S.Load(below +! lanes)
        let lower = 'S.WhereWins(d, c, d, c)
        let lowerWinner = 'S.WhereWins(d, c, three, two)
        let best = 'S.WhereWins(lower, upper, lower, upper)
        let winner = 'S.WhereWins(lower, upper, lowerWinner, upperWinner)
        finish<'T, 'V, 'S> relu 4 best winner target bits

    /// One row of pooled cells: values to `target`, `step` numbers apart, and their winners to `bits`.
    let pool<'T, 'V, 'S when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T> and 'S :> ISimd<'T, 'V>>
        (pool: Window)
        (relu: bool)
        (band: Band<'T>)
        (row: int)
        (lanes: int)
        (target: nativeptr<'T>)
        (bits: nativeptr<uint32>)
        =
        let v = 'S.Width
        let top = row * pool.Rows.Stride - pool.Rows.Padding
        let positions = pool.KernelSize

        let isSquare =
            pool.Rows.Kernel = 2
            && pool.Columns.Kernel = 2
            && pool.Rows.Padding = 0
            && pool.Columns.Padding = 0

        let mutable target = target
        let mutable bits = bits

        for column in 0 .. pool.Columns.Output - 1 do
            let left = column * pool.Columns.Stride - pool.Columns.Padding
            let mutable channel = 0

            while channel < lanes do
                if isSquare then
                    let cell = left * lanes + channel

                    square<'T, 'V, 'S> relu (band.Row top +! cell) (band.Row(top + 1) +! cell) lanes target bits
                else
                    window<'T, 'V, 'S> pool relu band top left lanes channel target bits

                target <- target +! v
                bits <- bits +! positions
                channel <- channel + v

    /// Whether every cell of the input lies under one window, no more and no less.
    let private isTiling (pool: Window) =
        let tiles (axis: Axis) =
            axis.Padding = 0
            && axis.Stride = axis.Kernel
            && axis.Output * axis.Stride = axis.Input

        tiles pool.Rows && tiles pool.Columns

    /// The gradient of the convolution's output [ OH OW; lanes ] from that of the pooled cells (`pitch` numbers from
    /// row to row): each goes to the cell that won. The transpose of `pool`.
    let unpool<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (pool: Window)
        (gradient: nativeptr<'T>)
        (pitch: int)
        (bits: nativeptr<uint32>)
        (lanes: int)
        (target: nativeptr<'T>)
        =
        let v = 'S.Width
        let positions = pool.KernelSize
        let vectors = lanes / v
        let tiling = isTiling pool

        if not tiling then
            Span<'T>(NativePtr.toVoidPtr target, pool.InputSize * lanes).Clear()

        for row in 0 .. pool.Rows.Output - 1 do
            let top = row * pool.Rows.Stride - pool.Rows.Padding
            let struct (firstRow, beyondRow) = inside pool.Rows top

            for column in 0 .. pool.Columns.Output - 1 do
                let left = column * pool.Columns.Stride - pool.Columns.Padding
                let struct (firstColumn, beyondColumn) = inside pool.Columns left
                let cell = row * pool.Columns.Output + column

                for k in 0 .. vectors - 1 do
                    let g = 'S.Load(gradient +! (row * pitch + column * lanes + k * v))
                    let own = bits +! ((cell * vectors + k) * positions)

                    for i in firstRow .. beyondRow - 1 do
                        for j in firstColumn .. beyondColumn - 1 do
                            let place =
                                target
                                +! (((top + i) * pool.Columns.Input + left + j) * lanes + k * v)

                            let part =
                                'S.WhereBits(NativePtr.get own (i * pool.Columns.Kernel + j), g)

                            if tiling then
                                'S.Store(place, part)
                            else
                                'S.Store(place, 'S.Add('S.Load place, part))

    /// bias += the sum of the gradients that get through, over the pooled cells.
    let addBiasGradient<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (pool: Window)
        (gradient: nativeptr<'T>)
        (pitch: int)
        (bits: nativeptr<uint32>)
        (lanes: int)
        (bias: nativeptr<'T>)
        =
        let v = 'S.Width
        let positions = pool.KernelSize
        let vectors = lanes / v

        for k in 0 .. vectors - 1 do
            let mutable sum = 'S.Load(bias +! (k * v))

            for row in 0 .. pool.Rows.Output - 1 do
                for column in 0 .. pool.Columns.Output - 1 do
                    let cell = row * pool.Columns.Output + column
                    let own = bits +! ((cell * vectors + k) * positions)
                    let mutable alive = 0u

                    for s in 0 .. positions - 1 do
                        alive <- alive ||| NativePtr.get own s

                    let g = 'S.Load(gradient +! (row * pitch + column * lanes + k * v))
                    sum <- 'S.Add(sum, 'S.WhereBits(alive, g))

            'S.Store(bias +! (k * v), sum)
