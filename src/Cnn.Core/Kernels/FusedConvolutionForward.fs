namespace Cnn.Kernels

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Microsoft.FSharp.NativeInterop
// sizes that no memory has raise OverflowException, instead of writing past a smaller one
open Checked

/// The way forward, a band of rows at a time: by whichever of three ways has the fewest multiplications and loads, then ReLU and
/// pooling while the band is in the L1 cache.
module internal FusedConvolutionForward =

    /// Numbers of a band, at most, unless one pooled row needs more: half of an L1 cache.
    [<Literal>]
    let private BandBytes = 16384

    /// Pooled rows whose convolution is computed in one go.
    let private rowsInBand<'T when 'T: unmanaged> (conv: FusedConvolution) (pitch: int) =
        let lines = BandBytes / (pitch * sizeof<'T>)
        let group = (lines - conv.Pool.Rows.Kernel) / conv.Pool.Rows.Stride + 1
        max 1 (min group conv.Pool.Rows.Output)

    /// Rows `first` to `first + count - 1` of the convolution of image n, into target [ count; columns; OutStep ].
    let private convolve
        (conv: FusedConvolution)
        (prepared: PreparedConvolution<'T>)
        (x: FeatureMap<'T>)
        (n: int)
        (first: int)
        (count: int)
        (target: nativeptr<'T>)
        (scratch: nativeptr<'T>)
        =
        let lanes = prepared.Lanes
        let rows, columns = conv.Window.Rows, conv.Window.Columns
        let source = x.Image n +! (first * rows.Stride * x.RowPitch)
        let pitch = columns.Output * lanes.OutStep

        match prepared.Winograd with
        | ValueSome kernels ->
            WinogradConvolution.rows
                kernels
                count
                columns.Output
                source
                x.RowPitch
                prepared.Bias
                target
                pitch
                lanes.OutStep
                scratch
        | ValueNone when StencilConvolution.applies conv.Window lanes.Out conv.Filters ->
            StencilConvolution.rows
                conv.Window
                conv.InChannels
                lanes.Out
                lanes.OutStep
                prepared.Weight
                false
                prepared.Bias
                count
                source
                x.RowPitch
                x.Step
                target
                pitch
        | ValueNone ->
            let product =
                {
                    Lines = count
                    Rows = columns.Output
                    Columns = lanes.OutStep
                    Depth = conv.PatchSize
                    A = source
                    ALine = rows.Stride * x.RowPitch
                    AStep = columns.Stride * x.Step
                    Offsets = prepared.Patch
                    B = prepared.Weight
                    BLine = 0
                    BStep = lanes.OutStep
                    Start = prepared.Bias
                    StartLine = 0
                    StartStep = 0
                    C = target
                    CLine = pitch
                    CStep = lanes.OutStep
                }

            lanes.Out.Multiply &product

    /// y and the winners [ N; winnersSize ] from x, whose border is the padding. Where nobody wants the winners, they are null.
    let forward<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (workspace: Workspace)
        (conv: FusedConvolution)
        (prepared: PreparedConvolution<'T>)
        (x: FeatureMap<'T>)
        (y: FeatureMap<'T>)
        (winners: nativeptr<uint32>)
        =
        let lanes = prepared.Lanes
        let rows, columns = conv.Window.Rows, conv.Window.Columns
        let pool = conv.Pool
        let pitch = columns.Output * lanes.OutStep
        let group = rowsInBand<'T> conv pitch
        let lines = (group - 1) * pool.Rows.Stride + pool.Rows.Kernel
        let memory = workspace.Take<'T>(lines * pitch)

        let scratch =
            match prepared.Winograd with
            | ValueSome kernels -> workspace.Take<'T>(WinogradConvolution.scratch kernels lines columns.Output)
            | ValueNone -> NativePtr.nullPtr

        let rowWinners = FusedConvolution.winnersSize conv lanes / pool.Rows.Output

        for n in 0 .. x.Examples - 1 do
            let mutable pooledRow = 0

            while pooledRow < pool.Rows.Output do
                let beyondRow = min pool.Rows.Output (pooledRow + group)
                // the rows of the convolution that these pooled rows see
                let first = max 0 (pooledRow * pool.Rows.Stride - pool.Rows.Padding)

                let beyond =
                    min rows.Output ((beyondRow - 1) * pool.Rows.Stride - pool.Rows.Padding + pool.Rows.Kernel)

                convolve conv prepared x n first (beyond - first) memory scratch

                let band: PooledRows.Band<'T> =
                    {
                        Data = memory
                        First = first
                        Pitch = pitch
                    }

                for row in pooledRow .. beyondRow - 1 do
                    lanes.Out.Pool(
                        pool,
                        conv.Relu,
                        band,
                        row,
                        lanes.OutStep,
                        y.Inner n +! (row * y.RowPitch),
                        if NativePtr.isNullPtr winners then
                            winners
                        else
                            winners +! ((n * pool.Rows.Output + row) * rowWinners)
                    )

                pooledRow <- beyondRow
