namespace Cnn.Kernels

open System
open System.Numerics
open Cnn.Tensors

/// Between an image and the matrix of its patches, which turns convolution into a matrix product
/// (Chellapilla, Puri and Simard 2006, "High performance convolutional neural networks for document processing").
///
/// Row (c, kh, kw) of the matrix holds, for each place of the window, the cell of channel c under the
/// kernel's cell (kh, kw): [ C KH KW; OH OW ]. Cells of the padding are 0.
module internal Patches =

    /// The output cells o of an axis whose kernel cell k looks inside the input: a first one and a count.
    let private inside (axis: Axis) (k: int) =
        let offset = k - axis.Padding
        // the smallest o with o * stride + offset >= 0, and the first o with o * stride + offset >= input
        let first = if offset >= 0 then 0 else (-offset - 1) / axis.Stride + 1

        let beyond =
            if axis.Input - 1 < offset then
                0
            else
                (axis.Input - 1 - offset) / axis.Stride + 1

        let last = min axis.Output beyond
        struct (min first axis.Output, max 0 (last - first))

    /// Whether the window moves one cell at a time and gives as many columns as it gets. Then the patches of one
    /// kernel cell are the image itself, moved by a fixed distance: one long copy in the place of many short ones.
    let private isPlaneShift (window: Window) =
        window.Rows.Stride = 1
        && window.Columns.Stride = 1
        && window.Columns.Output = window.Columns.Input

    /// Sets the columns of rows `firstRow` to `firstRow + rowCount - 1` that look into the padding to zero.
    let private clearPadding (axis: Axis) (k: int) (firstRow: int) (rowCount: int) (plane: Span<'T>) =
        let struct (first, count) = inside axis k

        // a kernel cell in the middle never looks into the padding
        if count < axis.Output then
            for row in firstRow .. firstRow + rowCount - 1 do
                let line = row * axis.Output

                for column in 0 .. first - 1 do
                    plane[line + column] <- Unchecked.defaultof<'T>

                for column in first + count .. axis.Output - 1 do
                    plane[line + column] <- Unchecked.defaultof<'T>

    /// The part of a plane that the kernel cell (kh, kw) of a plane shift sees: where it starts in the image and in
    /// the patches, and how many cells follow.
    let private shifted (window: Window) (kh: int) (kw: int) =
        let struct (firstRow, rowCount) = inside window.Rows kh
        let columns = window.Columns.Input
        let output = firstRow * columns

        let input =
            output + (kh - window.Rows.Padding) * columns + kw - window.Columns.Padding
        // the first and the last cells may fall outside the image; they belong to the padding
        let before = max 0 -input
        let after = max 0 (input + rowCount * columns - window.InputSize)
        let count = rowCount * columns - before - after

        // a kernel cell that sees nothing but padding has no place in the image at all
        if count <= 0 then
            struct (0, 0, 0)
        else
            struct (input + before, output + before, count)

    let private gatherShifted (window: Window) (kh: int) (kw: int) (plane: ReadOnlySpan<'T>) (target: Span<'T>) =
        let struct (firstRow, rowCount) = inside window.Rows kh
        let struct (input, output, count) = shifted window kh kw
        let columns = window.Columns.Input
        target.Slice(0, firstRow * columns).Clear()
        target.Slice((firstRow + rowCount) * columns).Clear()
        plane.Slice(input, count).CopyTo(target.Slice output)
        clearPadding window.Columns kw firstRow rowCount target

    let private gatherLines (window: Window) (kh: int) (kw: int) (plane: ReadOnlySpan<'T>) (target: Span<'T>) =
        let rows, columns = window.Rows, window.Columns
        let struct (first, count) = inside columns kw

        for oh in 0 .. rows.Output - 1 do
            let line = target.Slice(oh * columns.Output, columns.Output)
            let ih = oh * rows.Stride - rows.Padding + kh

            if ih < 0 || ih >= rows.Input || count = 0 then
                line.Clear()
            else
                let start = ih * columns.Input + first * columns.Stride - columns.Padding + kw
                line.Slice(0, first).Clear()
                line.Slice(first + count).Clear()

                if columns.Stride = 1 then
                    plane.Slice(start, count).CopyTo(line.Slice first)
                else
                    for i in 0 .. count - 1 do
                        line[first + i] <- plane[start + i * columns.Stride]

    /// image [ C; H; W ] to patches [ C KH KW; OH OW ]
    let gather (window: Window) (channels: int) (image: ReadOnlySpan<'T>) (patches: Span<'T>) =
        let mutable row = 0

        for c in 0 .. channels - 1 do
            let plane = image.Slice(c * window.InputSize, window.InputSize)

            for kh in 0 .. window.Rows.Kernel - 1 do
                for kw in 0 .. window.Columns.Kernel - 1 do
                    let target = patches.Slice(row * window.OutputSize, window.OutputSize)

                    if isPlaneShift window then
                        gatherShifted window kh kw plane target
                    else
                        gatherLines window kh kw plane target

                    row <- row + 1

    let private scatterShifted
        (processor: Processor<'T>)
        (window: Window)
        (kh: int)
        (kw: int)
        (source: Span<'T>)
        (plane: Span<'T>)
        =
        let struct (firstRow, rowCount) = inside window.Rows kh
        let struct (input, output, count) = shifted window kh kw
        // what flows back into the padding is dropped
        clearPadding window.Columns kw firstRow rowCount source
        let cells = plane.Slice(input, count)
        processor.Map2(Add<'T>(), Span.op_Implicit cells, Span.op_Implicit (source.Slice(output, count)), cells)

    let private scatterLines<'T when 'T :> IBinaryFloatingPointIeee754<'T>>
        (window: Window)
        (kh: int)
        (kw: int)
        (source: Span<'T>)
        (plane: Span<'T>)
        =
        let rows, columns = window.Rows, window.Columns
        let struct (first, count) = inside columns kw

        for oh in 0 .. rows.Output - 1 do
            let ih = oh * rows.Stride - rows.Padding + kh

            if ih >= 0 && ih < rows.Input then
                let line = source.Slice(oh * columns.Output + first, count)
                let start = ih * columns.Input + first * columns.Stride - columns.Padding + kw

                for i in 0 .. count - 1 do
                    let cell = start + i * columns.Stride
                    plane[cell] <- plane[cell] + line[i]

    /// The transpose of `gather`: adds each patch back to the cells it came from. image += patchesᵀ
    /// `patches` is used up: its cells of the padding are cleared.
    let scatterAdd (processor: Processor<'T>) (window: Window) (channels: int) (patches: Span<'T>) (image: Span<'T>) =
        let mutable row = 0

        for c in 0 .. channels - 1 do
            let plane = image.Slice(c * window.InputSize, window.InputSize)

            for kh in 0 .. window.Rows.Kernel - 1 do
                for kw in 0 .. window.Columns.Kernel - 1 do
                    let source = patches.Slice(row * window.OutputSize, window.OutputSize)

                    if isPlaneShift window then
                        scatterShifted processor window kh kw source plane
                    else
                        scatterLines window kh kw source plane

                    row <- row + 1
