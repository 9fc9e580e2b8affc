namespace Cnn.Kernels

open System
open System.Numerics
open Cnn.Tensors

/// Pooling over planes of rows by columns; `planes` counts examples times channels.
module internal Pooling =

    /// The kernel cells of an axis that lie inside the input when the window stands at output cell o:
    /// the first input cell and the one after the last.
    let inline private reach (axis: Axis) (o: int) =
        let start = o * axis.Stride - axis.Padding
        struct (max 0 start, min axis.Input (start + axis.Kernel))

    /// The maximum under the window, and where in its plane it stands. Padding never wins; of equal maxima the
    /// first in row-major order wins; a NaN wins over every number, so that divergence is seen.
    let maximum<'T when 'T :> IBinaryFloatingPointIeee754<'T>>
        (window: Window)
        (planes: int)
        (x: 'T[])
        (target: 'T[])
        (winners: int[])
        =
        let mutable place = 0
        let width = window.Columns.Input

        for p in 0 .. planes - 1 do
            let plane = ReadOnlySpan(x, p * window.InputSize, window.InputSize)

            for oh in 0 .. window.Rows.Output - 1 do
                let struct (top, bottom) = reach window.Rows oh

                for ow in 0 .. window.Columns.Output - 1 do
                    let struct (left, right) = reach window.Columns ow
                    let mutable winner = top * width + left
                    let mutable best = plane[winner]
                    let mutable row = top * width

                    while row < bottom * width do
                        let mutable cell = row + left

                        while cell < row + right do
                            let value = plane[cell]

                            // "not <=" lets a NaN in, and the second question keeps it there
                            if not ('T.op_LessThanOrEqual (value, best)) && not ('T.IsNaN best) then
                                best <- value
                                winner <- cell

                            cell <- cell + 1

                        row <- row + width

                    target[place] <- best
                    winners[place] <- winner
                    place <- place + 1

    /// Adds each output gradient to the cell that won its window.
    let maximumGradient<'T when 'T :> IBinaryFloatingPointIeee754<'T>>
        (window: Window)
        (planes: int)
        (winners: int[])
        (dy: 'T[])
        (target: 'T[])
        =
        for p in 0 .. planes - 1 do
            let plane = p * window.InputSize

            for place in p * window.OutputSize .. (p + 1) * window.OutputSize - 1 do
                let cell = plane + winners[place]
                target[cell] <- target[cell] + dy[place]

    /// The sum under the window, padding as zeros, over the window's full area.
    let average<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (window: Window) (planes: int) (x: 'T[]) (target: 'T[]) =
        let area =
            'T.CreateTruncating window.Rows.Kernel
            * 'T.CreateTruncating window.Columns.Kernel

        let mutable place = 0

        for p in 0 .. planes - 1 do
            let plane = p * window.InputSize

            for oh in 0 .. window.Rows.Output - 1 do
                let struct (top, bottom) = reach window.Rows oh

                for ow in 0 .. window.Columns.Output - 1 do
                    let struct (left, right) = reach window.Columns ow
                    let mutable sum = 'T.Zero

                    for ih in top .. bottom - 1 do
                        let row = plane + ih * window.Columns.Input

                        for cell in row + left .. row + right - 1 do
                            sum <- sum + x[cell]

                    target[place] <- sum / area
                    place <- place + 1

    /// Spreads each output gradient evenly over the window it came from.
    let averageGradient<'T when 'T :> IBinaryFloatingPointIeee754<'T>>
        (window: Window)
        (planes: int)
        (dy: 'T[])
        (target: 'T[])
        =
        let area =
            'T.CreateTruncating window.Rows.Kernel
            * 'T.CreateTruncating window.Columns.Kernel

        let mutable place = 0

        for p in 0 .. planes - 1 do
            let plane = p * window.InputSize

            for oh in 0 .. window.Rows.Output - 1 do
                let struct (top, bottom) = reach window.Rows oh

                for ow in 0 .. window.Columns.Output - 1 do
                    let struct (left, right) = reach window.Columns ow
                    let share = dy[place] / area

                    for ih in top .. bottom - 1 do
                        let row = plane + ih * window.Columns.Input

                        for cell in row + left .. row + right - 1 do
                            target[cell] <- target[cell] + share

                    place <- place + 1
