namespace Cnn.Kernels

#nowarn "9"
#nowarn "3536"

open System
open System.Numerics
open System.Runtime.CompilerServices
open Cnn.Tensors
open Microsoft.FSharp.NativeInterop

/// The way back through PooledRows: from pooled cells and the bits of their winners.
module internal Unpooling =

    /// Whether every cell of the input lies under one window, no more and no less.
    let private isTiling (pool: Window) =
        let tiles (axis: Axis) =
            axis.Padding = 0
            && axis.Stride = axis.Kernel
            && axis.Output * axis.Stride = axis.Input

        tiles pool.Rows && tiles pool.Columns

    /// The same as `unpool` for windows of 2 by 2 that cover the image, one vector of channels.
    let private unpoolSquares<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (pool: Window)
        (gradient: nativeptr<'T>)
        (pitch: int)
        (bits: nativeptr<uint32>)
        (bitStep: int)
        (lanes: int)
        (target: nativeptr<'T>)
        (bias: nativeptr<'T>)
        =
        let width = pool.Columns.Input * lanes
        let mutable sum = 'S.Load bias
        let mutable own = bits

        for row in 0 .. pool.Rows.Output - 1 do
            let mutable g = gradient +! (row * pitch)
            let mutable above = target +! (2 * row * width)
            let mutable below = above +! width
            let mutable column = 0

            while column < pool.Columns.Output do
                let value = 'S.Load g
                let a = NativePtr.read own
                let b = NativePtr.get own 1
                let c = NativePtr.get own 2
                let d = NativePtr.get own 3
                'S.Store(above, 'S.WhereBits(a, value))
                'S.Store(above +! lanes, 'S.WhereBits(b, value))
                'S.Store(below, 'S.WhereBits(c, value))
                'S.Store(below +! lanes, 'S.WhereBits(d, value))
                sum <- 'S.Add(sum, 'S.WhereBits(a ||| b ||| c ||| d, value))
                g <- g +! lanes
                above <- above +! (2 * lanes)
                below <- below +! (2 * lanes)
                own <- own +! bitStep
                column <- column + 1

        'S.Store(bias, sum)

    let private unpoolWindows<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (pool: Window)
        (gradient: nativeptr<'T>)
        (pitch: int)
        (bits: nativeptr<uint32>)
        (bitStep: int)
        (lanes: int)
        (target: nativeptr<'T>)
        (bias: nativeptr<'T>)
        =
        for row in 0 .. pool.Rows.Output - 1 do
            let top = row * pool.Rows.Stride - pool.Rows.Padding
            let struct (firstRow, beyondRow) = PooledRows.inside pool.Rows top

            for column in 0 .. pool.Columns.Output - 1 do
                let left = column * pool.Columns.Stride - pool.Columns.Padding
                let struct (firstColumn, beyondColumn) = PooledRows.inside pool.Columns left
                let value = 'S.Load(gradient +! (row * pitch + column * lanes))
                let own = bits +! ((row * pool.Columns.Output + column) * bitStep)
                let mutable alive = 0u

                for i in firstRow .. beyondRow - 1 do
                    for j in firstColumn .. beyondColumn - 1 do
                        let place = target +! (((top + i) * pool.Columns.Input + left + j) * lanes)
                        let here = NativePtr.get own (i * pool.Columns.Kernel + j)
                        alive <- alive ||| here
                        'S.Store(place, 'S.Add('S.Load place, 'S.WhereBits(here, value)))

                'S.Store(bias, 'S.Add('S.Load bias, 'S.WhereBits(alive, value)))

    /// The gradient of the convolution's output [ OH OW; lanes ] from that of the pooled cells (`pitch` numbers from
    /// row to row): each goes to the cell that won. The transpose of PooledRows.pool. Adds up the gradient of the bias on the way.
    let unpool<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (pool: Window)
        (gradient: nativeptr<'T>)
        (pitch: int)
        (bits: nativeptr<uint32>)
        (lanes: int)
        (target: nativeptr<'T>)
        (bias: nativeptr<'T>)
        =
        let vectors = lanes / 'S.Width
        let positions = pool.KernelSize
        let covered = PooledRows.isSquare pool && isTiling pool

        if not covered then
            Span<'T>(NativePtr.toVoidPtr target, pool.InputSize * lanes).Clear()

        for k in 0 .. vectors - 1 do
            let channel = k * 'S.Width
            let g, own = gradient +! channel, bits +! (k * positions)
            let t, b = target +! channel, bias +! channel

            if covered then
                unpoolSquares<'T, 'V, 'S> pool g pitch own (vectors * positions) lanes t b
            else
                unpoolWindows<'T, 'V, 'S> pool g pitch own (vectors * positions) lanes t b

    /// The gradient of the bias alone: that of every cell where one of the positions won, summed up for each channel.
    let sumWinners<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (pool: Window)
        (gradient: nativeptr<'T>)
        (pitch: int)
        (bits: nativeptr<uint32>)
        (lanes: int)
        (sum: nativeptr<'T>)
        =
        let positions = pool.KernelSize
        let bitStep = lanes / 'S.Width * positions
        let mutable channel = 0

        while channel < lanes do
            let mutable own = bits +! (channel / 'S.Width * positions)
            let mutable total = 'S.Load(sum +! channel)
            let mutable row = 0

            while row < pool.Rows.Output do
                let mutable g = gradient +! (row * pitch + channel)
                let mutable column = 0

                while column < pool.Columns.Output do
                    let mutable alive = 0u
                    let mutable s = 0

                    while s < positions do
                        alive <- alive ||| NativePtr.get own s
                        s <- s + 1

                    total <- 'S.Add(total, 'S.WhereBits(alive, 'S.Load g))
                    g <- g +! lanes
                    own <- own +! bitStep
                    column <- column + 1

                row <- row + 1

            'S.Store(sum +! channel, total)
            channel <- channel + 'S.Width
