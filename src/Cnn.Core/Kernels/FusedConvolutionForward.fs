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

    /// Bytes of a band, at most, unless one pooled row needs more: half of an L1 cache. Tiles of minimal filtering fill it anyway.
    [<Literal>]
    let private BandBytes = 16384

    /// Pooled rows whose convolution is computed in one go.
    let rowsInBand (conv: FusedConvolution) (prepared: PreparedConvolution<'T>) : int =
        let pool = conv.Pool.Rows
        let bytes = conv.Window.Columns.Output * prepared.Lanes.OutStep * sizeof<'T>
        let isTiled = prepared.Winograd.IsSome
        let lines = (if isTiled then 4 * BandBytes else BandBytes) / bytes
        let group = max 1 (min ((lines - pool.Kernel) / pool.Stride + 1) pool.Output)
        // whole tiles, where every row is pooled alone
        if isTiled && pool.Kernel = 1 && group > 1 then
            group / 2 * 2
        else
            group

    /// The rows of the convolution that pooled rows from `pooled` up to the one before `beyond` see: a first one, and the one beyond.
    let seen (conv: FusedConvolution) (pooled: int) (beyond: int) : struct (int * int) =
        let pool = conv.Pool.Rows

        struct (max 0 (pooled * pool.Stride - pool.Padding),
                min conv.Window.Rows.Output ((beyond - 1) * pool.Stride - pool.Padding + pool.Kernel))

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
        let columns = conv.Window.Columns
        let pool = conv.Pool
        let pitch = columns.Output * lanes.OutStep
        let group = rowsInBand conv prepared
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
                let struct (first, beyond) = seen conv pooledRow beyondRow
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
