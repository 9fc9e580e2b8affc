namespace Cnn.Kernels

#nowarn "9"
#nowarn "3536"

open System
open System.Numerics
open System.Runtime.CompilerServices
open Cnn.Tensors
open Microsoft.FSharp.NativeInterop

/// What follows a convolution while its rows are still in the L1 cache: ReLU, the maximum under a window, and which
/// cell of the window won. A window of one cell stands for no pooling at all.
///
/// Winners are kept as bits, one for each channel: bits[cell; vector; position in the window] is set where that
/// position won and the gradient gets through the ReLU. What has no bit set anywhere gets no gradient.
module internal PooledRows =

    /// Some rows of a convolution's output, one after the other.
    [<Struct>]
    type Band<'T when 'T: unmanaged> =
        {
            Data: nativeptr<'T>
            /// The row that Data starts with.
            First: int
            /// Numbers in a row.
            Pitch: int
        }

        member band.Row(r: int) =
            band.Data +! ((r - band.First) * band.Pitch)

    /// The part of a window's axis that lies inside the image: positions `first` to `beyond - 1` of the kernel.
    let inline inside (axis: Axis) (start: int) =
        struct (max 0 -start, min axis.Kernel (axis.Input - start))

    /// The maximum over a window of any size, one vector of channels. Which cells won is asked afterwards, of those that equal it:
    /// the first one wins.
    let private window<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
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
        let corner = band.Row(top + firstRow) +! ((left + firstColumn) * lanes + channel)
        let mutable best = 'S.Load corner
        let mutable row = corner

        for _ in firstRow .. beyondRow - 1 do
            let mutable cell = row

            for _ in firstColumn .. beyondColumn - 1 do
                let value = 'S.Load cell
                best <- 'S.WhereWins(value, best, value, best)
                cell <- cell +! lanes

            row <- row +! band.Pitch

        'S.Store(target, (if relu then 'S.ClampNegative best else best))

        if not (NativePtr.isNullPtr bits) then
            // lanes that have yet to find their winner, and whose gradient gets through
            let mutable left =
                if relu then
                    'S.PositiveBits best
                else
                    UInt32.MaxValue >>> (32 - 'S.Width)

            if
                beyondRow - firstRow < pool.Rows.Kernel
                || beyondColumn - firstColumn < pool.Columns.Kernel
            then
                Span<uint32>(NativePtr.toVoidPtr bits, pool.KernelSize).Clear()

            row <- corner

            for i in firstRow .. beyondRow - 1 do
                let mutable cell = row
                let mutable own = bits +! (i * pool.Columns.Kernel + firstColumn)

                for _ in firstColumn .. beyondColumn - 1 do
                    let value = 'S.Load cell
                    // no number equals a NaN, but a NaN wins over it
                    let wins = ('S.EqualBits(value, best) ||| 'S.WinBits(value, best)) &&& left
                    NativePtr.write own wins
                    left <- left &&& ~~~wins
                    cell <- cell +! lanes
                    own <- own +! 1

                row <- row +! band.Pitch

    /// The same for the usual window of 2 by 2, wholly inside the image: a knock-out of two rounds.
    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    let private square<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (relu: bool)
        (above: nativeptr<'T>)
        (below: nativeptr<'T>)
        (lanes: int)
        (target: nativeptr<'T>)
        (bits: nativeptr<uint32>)
        =
        let a = 'S.Load above
        let b = 'S.Load(above +! lanes)
        let c = 'S.Load below
        let d = 'S.Load(below +! lanes)
        let upper = 'S.WhereWins(b, a, b, a)
        let lower = 'S.WhereWins(d, c, d, c)
        let best = 'S.WhereWins(lower, upper, lower, upper)
        'S.Store(target, (if relu then 'S.ClampNegative best else best))

        if not (NativePtr.isNullPtr bits) then
            let right = 'S.WinBits(b, a)
            let lowerRight = 'S.WinBits(d, c)
            let down = 'S.WinBits(lower, upper)

            // one bit for each lane
            let alive =
                if relu then
                    'S.PositiveBits best
                else
                    UInt32.MaxValue >>> (32 - 'S.Width)

            let up = alive &&& ~~~down
            let down = alive &&& down
            NativePtr.set bits 0 (up &&& ~~~right)
            NativePtr.set bits 1 (up &&& right)
            NativePtr.set bits 2 (down &&& ~~~lowerRight)
            NativePtr.set bits 3 (down &&& lowerRight)

    let private squares<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (count: int)
        (stride: int)
        (relu: bool)
        (above: nativeptr<'T>)
        (below: nativeptr<'T>)
        (lanes: int)
        (target: nativeptr<'T>)
        (bits: nativeptr<uint32>)
        =
        // nobody wants the winners: the address stays null
        let bitStep = if NativePtr.isNullPtr bits then 0 else 4
        let mutable target = target
        let mutable bits = bits
        let mutable column = 0
        let mutable cell = 0

        while column < count do
            let mutable channel = 0

            while channel < lanes do
                square<'T, 'V, 'S> relu (above +! (cell + channel)) (below +! (cell + channel)) lanes target bits
                target <- target +! 'S.Width
                bits <- bits +! bitStep
                channel <- channel + 'S.Width

            cell <- cell + stride * lanes
            column <- column + 1

    /// No pooling: every cell wins where the ReLU lets it through.
    let private cells<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (count: int)
        (relu: bool)
        (source: nativeptr<'T>)
        (target: nativeptr<'T>)
        (bits: nativeptr<uint32>)
        =
        let hasWinners = not (NativePtr.isNullPtr bits)
        let mutable i = 0
        let mutable vector = 0

        while i < count do
            let value = 'S.Load(source +! i)
            'S.Store(target +! i, (if relu then 'S.ClampNegative value else value))

            if hasWinners then
                let alive =
                    if relu then
                        'S.PositiveBits value
                    else
                        UInt32.MaxValue >>> (32 - 'S.Width)

                NativePtr.set bits vector alive

            i <- i + 'S.Width
            vector <- vector + 1

    /// Whether the window is a single cell, and meets each cell once.
    let private isCell (pool: Window) =
        pool.KernelSize = 1 && pool.OutputSize = pool.InputSize

    /// Whether the window is one of 2 by 2 that lies inside the image wherever it stands.
    let isSquare (pool: Window) =
        pool.Rows.Kernel = 2
        && pool.Columns.Kernel = 2
        && pool.Rows.Padding = 0
        && pool.Columns.Padding = 0

    /// One row of pooled cells: values to `target`, one cell after the other, and their winners to `bits` unless that is null.
    let pool<'T, 'V, 'S when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T> and 'S :> ISimd<'T, 'V>>
        (pool: Window)
        (relu: bool)
        (band: Band<'T>)
        (row: int)
        (lanes: int)
        (target: nativeptr<'T>)
        (bits: nativeptr<uint32>)
        =
        let top = row * pool.Rows.Stride - pool.Rows.Padding

        if isCell pool then
            cells<'T, 'V, 'S> (pool.Columns.Output * lanes) relu (band.Row top) target bits
        elif isSquare pool then
            squares<'T, 'V, 'S>
                pool.Columns.Output
                pool.Columns.Stride
                relu
                (band.Row top)
                (band.Row(top + 1))
                lanes
                target
                bits
        else
            let mutable target = target
            let mutable bits = bits

            for column in 0 .. pool.Columns.Output - 1 do
                let left = column * pool.Columns.Stride - pool.Columns.Padding
                let mutable channel = 0

                while channel < lanes do
                    window<'T, 'V, 'S> pool relu band top left lanes channel target bits
                    target <- target +! 'S.Width

                    if not (NativePtr.isNullPtr bits) then
                        bits <- bits +! pool.KernelSize

                    channel <- channel + 'S.Width
