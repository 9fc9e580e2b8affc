namespace Cnn.Kernels

#nowarn "9"
#nowarn "3536"

open System.Numerics
open Cnn.Tensors
open Microsoft.FSharp.NativeInterop

/// The transformed kernels of a convolution, and what their products need.
[<NoComparison; NoEquality>]
type internal WinogradKernels<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    {
        /// Over the channels of the input, and over those of the output.
        In: Processor<'T>
        Out: Processor<'T>
        Channels: int
        InStep: int
        OutStep: int
        /// Panels of two vectors of filters (the last one may have one), each [ 16; Channels; its filters ].
        Panels: nativeptr<'T>
        /// 0, 1, 2, … in bytes.
        Inputs: nativeptr<nativeint>
        /// [ OutStep ]
        Zeros: nativeptr<'T>
    }

/// A convolution of 3 by 3 without stride as Winograd's minimal filtering: transformed tiles of the input, 16 matrix products, and
/// the way back. It multiplies 2.25 times less than the sum of the definition.
module internal WinogradConvolution =

    /// Channels below which the transforms cost more than they save.
    [<Literal>]
    let private LeastChannels = 32

    /// Tiles that are multiplied in one go: enough rows for the products, few enough to stay in the L1 cache.
    [<Literal>]
    let private TilesAtOnce = 32

    let applies (window: Window) (channels: int) (filters: int) =
        let fits (axis: Axis) = axis.Kernel = 3 && axis.Stride = 1

        fits window.Rows
        && fits window.Columns
        && min channels filters >= LeastChannels
        // smaller ones are mostly the edges of tiles
        && min window.Rows.Output window.Columns.Output >= 4

    /// Multiply-adds of the products for so many rows of an output that are computed at once.
    let multiplyAdds (window: Window) (channels: int) (filters: int) (rows: int) : int64 =
        let grid: Winograd.Grid =
            {
                Rows = rows
                Columns = window.Columns.Output
            }

        int64 (Winograd.Elements * grid.Tiles) * int64 channels * int64 filters

    let private panelColumns (out: Processor<'T>) (outStep: int) (column: int) = min (2 * out.Lanes) (outStep - column)

    /// Memory for the kernels, which have yet to be packed.
    let prepare
        (workspace: Workspace)
        (input: Processor<'T>)
        (inStep: int)
        (channels: int)
        (out: Processor<'T>)
        (outStep: int)
        : WinogradKernels<'T> =
        let inputs = workspace.Take<nativeint> channels

        for c in 0 .. channels - 1 do
            NativePtr.set inputs c (nativeint (c * sizeof<'T>))

        {
            In = input
            Out = out
            Channels = channels
            InStep = inStep
            OutStep = outStep
            Panels = workspace.Take<'T>(Checked.(*) (Checked.(*) Winograd.Elements channels) outStep)
            Inputs = inputs
            Zeros = workspace.TakeZeros<'T> outStep
        }

    /// Transforms kernels [ 3; 3; Channels; OutStep ]; a gradient wants them turned half round.
    let pack (kernels: WinogradKernels<'T>) (packed: nativeptr<'T>) (isTurned: bool) =
        let channels, outStep = kernels.Channels, kernels.OutStep
        let tap = channels * outStep

        let struct (first, step) =
            if isTurned then
                struct (packed +! (8 * tap), -tap)
            else
                struct (packed, tap)

        let mutable column = 0

        while column < outStep do
            let columns = panelColumns kernels.Out outStep column
            let panel = kernels.Panels +! (Winograd.Elements * channels * column)

            for c in 0 .. channels - 1 do
                let mutable vector = 0

                while vector < columns do
                    kernels.Out.WinogradKernel(
                        first +! (c * outStep + column + vector),
                        step,
                        panel +! (c * columns + vector),
                        channels * columns
                    )

                    vector <- vector + kernels.Out.Lanes

            column <- column + columns

    /// A line of the cache between planes, which would otherwise push each other out of it.
    let private plane<'T when 'T: unmanaged> (tiles: int) (step: int) =
        Checked.(+) (Checked.(*) tiles step) (64 / sizeof<'T>)

    /// Rows of tiles that are multiplied in one go, at most.
    let private mostRowsAtOnce (grid: Winograd.Grid) =
        min grid.TileRows (max 1 (TilesAtOnce / grid.TileColumns))

    /// Equal parts of all.
    let private rowsAtOnce (grid: Winograd.Grid) =
        let most = mostRowsAtOnce grid
        let parts = (grid.TileRows + most - 1) / most
        (grid.TileRows + parts - 1) / parts

    /// Numbers of scratch memory for outputs of up to so many rows.
    let scratch (kernels: WinogradKernels<'T>) (rows: int) (columns: int) : int =
        let grid: Winograd.Grid = { Rows = rows; Columns = columns }
        let tiles = mostRowsAtOnce grid * grid.TileColumns
        let panel = 2 * kernels.Out.Lanes

        Checked.(*)
            Winograd.Elements
            (Checked.(+) (plane<'T> tiles kernels.InStep) (plane<'T> tiles (min panel kernels.OutStep)))

    /// Some rows of the output [ rows; columns; OutStep ], whose upper left patch starts at x.
    let rows
        (kernels: WinogradKernels<'T>)
        (rows: int)
        (columns: int)
        (x: nativeptr<'T>)
        (xPitch: int)
        (bias: nativeptr<'T>)
        (y: nativeptr<'T>)
        (yPitch: int)
        (yStep: int)
        (scratch: nativeptr<'T>)
        =
        let whole: Winograd.Grid = { Rows = rows; Columns = columns }
        let tileRows = rowsAtOnce whole
        let mutable row = 0

        while row < rows do
            let grid: Winograd.Grid =
                {
                    Rows = min (2 * tileRows) (rows - row)
                    Columns = columns
                }

            let inPlane = plane<'T> grid.Tiles kernels.InStep
            let tiles = scratch +! (Winograd.Elements * inPlane)
            kernels.In.WinogradInput(grid, x +! (row * xPitch), xPitch, kernels.InStep, scratch, inPlane)
            let mutable column = 0

            while column < kernels.OutStep do
                let width = panelColumns kernels.Out kernels.OutStep column
                let outPlane = plane<'T> grid.Tiles width

                let products =
                    {
                        Lines = Winograd.Elements
                        Rows = grid.Tiles
                        Columns = width
                        Depth = kernels.Channels
                        A = scratch
                        ALine = inPlane
                        AStep = kernels.InStep
                        Offsets = kernels.Inputs
                        B = kernels.Panels +! (Winograd.Elements * kernels.Channels * column)
                        BLine = kernels.Channels * width
                        BStep = width
                        Start = kernels.Zeros
                        StartLine = 0
                        StartStep = 0
                        C = tiles
                        CLine = outPlane
                        CStep = width
                    }

                kernels.Out.Multiply &products

                kernels.Out.WinogradOutput(
                    grid,
                    width,
                    tiles,
                    outPlane,
                    bias +! column,
                    y +! (row * yPitch + column),
                    yPitch,
                    yStep
                )

                column <- column + width

            row <- row + grid.Rows
