namespace Cnn.Kernels

#nowarn "9"
#nowarn "3536"

open System.Numerics
open Cnn.Tensors
open Microsoft.FSharp.NativeInterop

/// A convolution as stencils: the taps of a row of the kernel that are whole steps apart are neighbours to each other, and go three
/// at a time.
module internal StencilConvolution =

    /// Cells of a line below which sums are too few to keep the multipliers busy.
    [<Literal>]
    let private LeastColumns = 10

    /// Whether it beats a product, which has to load its input as often as it multiplies where there is but one vector of filters.
    let applies (window: Window) (out: Processor<'T>) (filters: int) =
        let columns = window.Columns

        out.Lanes > 1
        && columns.Kernel > 1
        && columns.Kernel > columns.Stride
        && (columns.Output >= LeastColumns || (filters <= out.Lanes && columns.Output >= 4))

    /// `lines` rows of the output [ lines; columns; outStep ], whose upper left patch starts at x. `packed` holds the weights as
    /// [ KH; KW; channels; outStep ]; a gradient wants them turned half round.
    let rows
        (window: Window)
        (channels: int)
        (out: Processor<'T>)
        (outStep: int)
        (packed: nativeptr<'T>)
        (isTurned: bool)
        (bias: nativeptr<'T>)
        (lines: int)
        (x: nativeptr<'T>)
        (xPitch: int)
        (xStep: int)
        (y: nativeptr<'T>)
        (yPitch: int)
        =
        let kernel, stride = window.Columns.Kernel, window.Columns.Stride
        let cell = channels * outStep

        let struct (origin, cell) =
            if isTurned then
                struct (packed +! ((window.KernelSize - 1) * cell), -cell)
            else
                struct (packed, cell)

        let mutable isFirst = true

        for residue in 0 .. min stride kernel - 1 do
            let neighbours = (kernel - residue + stride - 1) / stride
            let groups = (neighbours + 2) / 3
            let mutable tap = 0

            for g in 1..groups do
                let taps = neighbours * g / groups - tap
                let first = residue + tap * stride

                let stencil =
                    {
                        Lines = lines
                        Columns = window.Columns.Output
                        KernelRows = window.Rows.Kernel
                        Taps = taps
                        Channels = channels
                        Vectors = outStep / out.Lanes
                        X = x +! (first * xStep)
                        XLine = window.Rows.Stride * xPitch
                        XPitch = xPitch
                        XStep = stride * xStep
                        Weight = origin +! (first * cell)
                        WeightRow = kernel * cell
                        WeightTap = stride * cell
                        WeightStep = outStep
                        Start = if isFirst then bias else y
                        StartLine = if isFirst then 0 else yPitch
                        StartStep = if isFirst then 0 else outStep
                        Y = y
                        YLine = yPitch
                        YStep = outStep
                    }

                out.Stencil &stencil
                isFirst <- false
                tap <- tap + taps
