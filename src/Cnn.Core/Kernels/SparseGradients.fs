namespace Cnn.Kernels

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Microsoft.FSharp.NativeInterop

/// The gradients of a fused convolution from the entries of the output gradient that are not 0, filter by filter, through Patch.
module internal SparseGradients =

    /// For each cell of the pooled map, bytes to it in the gradient.
    let private cellTable (workspace: Workspace) (pool: Window) (gradient: FeatureMap<'T>) : nativeptr<nativeint> =
        let table = workspace.Take<nativeint> pool.OutputSize

        for row in 0 .. pool.Rows.Output - 1 do
            for column in 0 .. pool.Columns.Output - 1 do
                let numbers = row * gradient.RowPitch + column * gradient.Step
                NativePtr.set table (row * pool.Columns.Output + column) (nativeint numbers * nativeint sizeof<'T>)

        table

    /// For each cell and up to four positions of its window from `first` on, bytes to the patch of the input that they look at.
    /// A position outside the image never wins.
    let private placeTable
        (workspace: Workspace)
        (conv: FusedConvolution)
        (x: FeatureMap<'T>)
        (first: int)
        : nativeptr<nativeint> =
        let pool, window = conv.Pool, conv.Window

        let table =
            workspace.TakeZeros<nativeint>(Checked.(*) WinnerBits.Positions pool.OutputSize)

        for row in 0 .. pool.Rows.Output - 1 do
            for column in 0 .. pool.Columns.Output - 1 do
                let own = table +! (WinnerBits.Positions * (row * pool.Columns.Output + column))

                for position in first .. min pool.KernelSize (first + WinnerBits.Positions) - 1 do
                    let i, j = position / pool.Columns.Kernel, position % pool.Columns.Kernel
                    let down = row * pool.Rows.Stride - pool.Rows.Padding + i
                    let right = column * pool.Columns.Stride - pool.Columns.Padding + j

                    let numbers =
                        down * window.Rows.Stride * x.RowPitch + right * window.Columns.Stride * x.Step

                    NativePtr.set own (position - first) (nativeint numbers * nativeint sizeof<'T>)

        table

    /// Both gradients of a shard, the weights' summed up in dweight [ O; KH; KW InStep ].
    let backward<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (workspace: Workspace)
        (conv: FusedConvolution)
        (prepared: PreparedConvolution<'T>)
        (gradient: FeatureMap<'T>)
        (winners: nativeptr<uint32>)
        (x: FeatureMap<'T>)
        (dx: FeatureMap<'T> voption)
        (dweight: nativeptr<'T>)
        (dbias: nativeptr<'T>)
        =
        let lanes = prepared.Lanes
        let pool = conv.Pool
        let cells, positions = pool.OutputSize, pool.KernelSize
        let vectors = lanes.OutStep / lanes.Out.Lanes
        let winnersSize = FusedConvolution.winnersSize conv lanes
        let cellTable = cellTable workspace pool gradient

        let placeTables =
            Array.init ((positions + WinnerBits.Positions - 1) / WinnerBits.Positions) (fun group ->
                placeTable workspace conv x (WinnerBits.Positions * group))

        let work = workspace.Take<uint32> WinnerBits.WorkSize
        let byPlace = workspace.Take<uint32>(WinnerBits.byPlaceSize conv.Filters)
        let byFilter = workspace.Take<uint64>(3 * conv.Filters)

        match dx with
        | ValueSome dx -> Span<'T>(NativePtr.toVoidPtr dx.Data, Checked.(*) dx.Examples dx.ImagePitch).Clear()
        | ValueNone -> ()

        for n in 0 .. x.Examples - 1 do
            let own = winners +! (n * winnersSize)
            lanes.Out.SumWinners(pool, gradient.Inner n, gradient.RowPitch, own, lanes.OutStep, dbias)

            for first in 0 .. WinnerBits.Cells .. cells - 1 do
                for group in 0 .. placeTables.Length - 1 do
                    let count = min WinnerBits.Cells (cells - first)

                    WinnerBits.order
                        work
                        (own +! (first * vectors * positions))
                        count
                        lanes.Out.Lanes
                        vectors
                        positions
                        (WinnerBits.Positions * group)
                        conv.Filters
                        byPlace
                        byFilter

                    let entries =
                        {
                            Filters = conv.Filters
                            Cells = count
                            ByFilter = byFilter
                            ByPlace = byPlace
                            CellOffsets = cellTable +! first
                            PlaceOffsets = placeTables[group] +! (WinnerBits.Positions * first)
                            Gradient = gradient.Inner n
                            Kernel = dweight
                            Rows = conv.Window.Rows.Kernel
                            Columns = conv.Window.Columns.Kernel * lanes.InStep
                            Image = x.Image n
                            Pitch = x.RowPitch
                        }

                    lanes.In.AddToWeights &entries

                    match dx with
                    | ValueSome dx ->
                        let entries =
                            { entries with
                                Kernel = prepared.Filters
                                Image = dx.Image n
                            }

                        lanes.In.AddToInput &entries
                    | ValueNone -> ()
