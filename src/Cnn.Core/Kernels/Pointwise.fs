namespace Cnn.Kernels

#nowarn "9"

open System
open System.Numerics
open Microsoft.FSharp.NativeInterop

/// What runs over the channels of a cell, and over how many numbers.
[<Struct>]
type internal CellLanes<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    {
        Kernel: Processor<'T>
        /// Numbers of a cell that are computed, and that a cell of the output has: whole vectors of its channels.
        Width: int
    }

/// Operations that keep the shape of a map and treat each cell for itself. Lanes without a channel stay to themselves: 0 if they were 0,
/// whatever they were behind a dense layer, where nobody reads them.
module internal Pointwise =

    /// For cells of so many channels, whose next lies `step` numbers away: single numbers where cells have no room for whole vectors.
    let lanes<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (channels: int)
        (step: int)
        : CellLanes<'T> =
        let vectors = Kernel<'T>.For channels
        let width = vectors.RoundUp channels

        if width <= step then
            { Kernel = vectors; Width = width }
        else
            {
                Kernel = Processor.OfBits<'T> 0
                Width = channels
            }

    /// Image n of one map above image n of another.
    let rows<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (width: int)
        (x: FeatureMap<'T>)
        (y: FeatureMap<'T>)
        (n: int)
        : CellRows<'T> =
        {
            Rows = x.Rows
            Cells = x.Columns
            Width = width
            X = x.Inner n
            XPitch = x.RowPitch
            XStep = x.Step
            Y = y.Inner n
            YPitch = y.RowPitch
            YStep = y.Step
        }

    /// y = f(x)
    let activate (f: 'F) (lanes: CellLanes<'T>) (x: FeatureMap<'T>) (y: FeatureMap<'T>) =
        for n in 0 .. x.Examples - 1 do
            let rows = rows lanes.Width x y n
            lanes.Kernel.Activate(f, &rows)

    /// dx = f'(x) dy
    let activationGradient
        (f: 'F)
        (lanes: CellLanes<'T>)
        (x: FeatureMap<'T>)
        (dy: FeatureMap<'T>)
        (dx: FeatureMap<'T>)
        =
        for n in 0 .. x.Examples - 1 do
            let rows = rows lanes.Width x dy n
            lanes.Kernel.ActivationGradient(f, &rows, dx.Inner n, dx.RowPitch, dx.Step)

    /// target = x, channel by channel, with 0 in the lanes without one: the two may be laid out differently.
    let copy<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (x: FeatureMap<'T>)
        (target: FeatureMap<'T>)
        =
        for n in 0 .. x.Examples - 1 do
            for row in 0 .. x.Rows - 1 do
                let mutable from = x.Inner n +! (row * x.RowPitch)
                let mutable into = target.Inner n +! (row * target.RowPitch)

                if x.Step = target.Step && x.Cells > 1 then
                    let line = x.Columns * x.Step

                    Span<'T>(NativePtr.toVoidPtr from, line).CopyTo(Span<'T>(NativePtr.toVoidPtr into, line))
                else
                    for _ in 1 .. x.Columns do
                        Span<'T>(NativePtr.toVoidPtr from, x.Channels)
                            .CopyTo(Span<'T>(NativePtr.toVoidPtr into, x.Channels))

                        for c in x.Channels .. target.Step - 1 do
                            NativePtr.set into c 'T.Zero

                        from <- from +! x.Step
                        into <- into +! target.Step

    /// target += x
    let add (lanes: CellLanes<'T>) (x: FeatureMap<'T>) (target: FeatureMap<'T>) =
        for n in 0 .. x.Examples - 1 do
            let rows = rows lanes.Width x target n
            lanes.Kernel.AddCells &rows

    /// y[c] = the mean of x[…; c] over the cells of an image.
    let mean<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (workspace: Workspace)
        (lanes: CellLanes<'T>)
        (x: FeatureMap<'T>)
        (y: FeatureMap<'T>)
        =
        let zeros = workspace.TakeZeros<'T> lanes.Width
        let squares = workspace.TakeZeros<'T> lanes.Width
        let part = 'T.CreateTruncating(1.0 / float x.Cells)

        for n in 0 .. x.Examples - 1 do
            let sum = y.Inner n
            Span<'T>(NativePtr.toVoidPtr sum, y.Step).Clear()
            let rows = rows lanes.Width x x n
            lanes.Kernel.Moments(&rows, zeros, sum, squares)

            for c in 0 .. x.Channels - 1 do
                NativePtr.set sum c ('T.op_Multiply (NativePtr.get sum c, part))

    /// dx[…; c] = dy[c] / cells
    let meanGradient<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (dy: FeatureMap<'T>)
        (dx: FeatureMap<'T>)
        =
        let part = 'T.CreateTruncating(1.0 / float dx.Cells)

        for n in 0 .. dy.Examples - 1 do
            let gradient = dy.Inner n

            for row in 0 .. dx.Rows - 1 do
                let mutable cell = dx.Inner n +! (row * dx.RowPitch)

                for _ in 1 .. dx.Columns do
                    for c in 0 .. dx.Channels - 1 do
                        NativePtr.set cell c ('T.op_Multiply (NativePtr.get gradient c, part))

                    for c in dx.Channels .. dx.Step - 1 do
                        NativePtr.set cell c 'T.Zero

                    cell <- cell +! dx.Step
