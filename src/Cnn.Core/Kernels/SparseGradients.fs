namespace Cnn.Kernels

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Microsoft.FSharp.NativeInterop

/// The gradients of a fused convolution from the entries of the output gradient that are not 0: all of them are listed, and the
/// lists go through Patch.
module internal SparseGradients =

    /// Lists of the entries that are not 0, in memory that is used again for every example. The same entries stand in two
    /// orders: filter by filter, with the patch that each met, and place by place, with the filters that won there.
    [<Struct>]
    type private Entries<'T when 'T: unmanaged> =
        {
            /// [ O ]
            Filters: nativeptr<EntryGroup>
            /// [ O ]: where the next entry of a filter goes. (Apart from the groups: a part of a struct that has just been
            /// written cannot be read as a whole without a stall.)
            Next: nativeptr<int>
            /// [ O; cells ]
            FilterValues: nativeptr<'T>
            FilterPatches: nativeptr<nativeint>
            /// [ places ]
            Places: nativeptr<EntryGroup>
            /// [ cells O ]
            PlaceValues: nativeptr<'T>
            PlaceFilters: nativeptr<nativeint>
        }

    let private takeEntries<'T when 'T: unmanaged> (workspace: Workspace) (conv: FusedConvolution) : Entries<'T> =
        let cells = conv.Pool.OutputSize

        {
            Filters = workspace.Take<EntryGroup> conv.Filters
            Next = workspace.Take<int> conv.Filters
            FilterValues = workspace.Take<'T>(conv.Filters * cells)
            FilterPatches = workspace.Take<nativeint>(conv.Filters * cells)
            Places = workspace.Take<EntryGroup>(cells * conv.Pool.KernelSize)
            PlaceValues = workspace.Take<'T>(conv.Filters * cells)
            PlaceFilters = workspace.Take<nativeint>(conv.Filters * cells)
        }

    /// Lists the live entries of one example, and adds them to the bias gradient; says how many places there are.
    let private collect<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (conv: FusedConvolution)
        (lanes: ConvolutionLanes<'T>)
        (entries: Entries<'T>)
        (gradient: FeatureMap<'T>)
        (n: int)
        (winners: nativeptr<uint32>)
        (x: FeatureMap<'T>)
        (bias: nativeptr<'T>)
        : int =
        let pool, window = conv.Pool, conv.Window
        let outLanes = lanes.Out.Lanes
        let vectors = lanes.OutStep / outLanes
        let positions = pool.KernelSize
        let cells = pool.OutputSize
        let size = nativeint sizeof<'T>
        let filterBytes = nativeint (window.KernelSize * lanes.InStep) * size
        let inner = gradient.Inner n
        let mutable placeCount = 0
        let mutable entryCount = 0

        for filter in 0 .. conv.Filters - 1 do
            NativePtr.set entries.Next filter (filter * cells)

        let mutable own = winners

        for row in 0 .. pool.Rows.Output - 1 do
            for column in 0 .. pool.Columns.Output - 1 do
                let values = inner +! (row * gradient.RowPitch + column * gradient.Step)
                let top = row * pool.Rows.Stride - pool.Rows.Padding
                let left = column * pool.Columns.Stride - pool.Columns.Padding
                let mutable position = 0

                for i in 0 .. pool.Rows.Kernel - 1 do
                    for j in 0 .. pool.Columns.Kernel - 1 do
                        // the corner of the patch that the place of the window looks at
                        let corner =
                            size
                            * nativeint (
                                (top + i) * window.Rows.Stride * x.RowPitch
                                + (left + j) * window.Columns.Stride * x.Step
                            )

                        let first = entryCount
                        let mutable k = 0

                        while k < vectors do
                            let mutable bits = NativePtr.get own (k * positions + position)

                            while bits <> 0u do
                                let filter = k * outLanes + BitOperations.TrailingZeroCount bits
                                bits <- bits &&& (bits - 1u)

                                // lanes without a filter win too where nothing is clamped
                                if filter < conv.Filters then
                                    let value = NativePtr.get values filter
                                    let next = NativePtr.get entries.Next filter
                                    NativePtr.set entries.FilterValues next value
                                    NativePtr.set entries.FilterPatches next corner
                                    NativePtr.set entries.Next filter (next + 1)
                                    NativePtr.set entries.PlaceValues entryCount value
                                    NativePtr.set entries.PlaceFilters entryCount (nativeint filter * filterBytes)
                                    NativePtr.set bias filter ('T.op_Addition (NativePtr.get bias filter, value))
                                    entryCount <- entryCount + 1

                            k <- k + 1

                        if entryCount > first then
                            NativePtr.set
                                entries.Places
                                placeCount
                                {
                                    Target = corner
                                    First = first
                                    Count = entryCount - first
                                }

                            placeCount <- placeCount + 1

                        position <- position + 1

                own <- own +! (vectors * positions)

        for filter in 0 .. conv.Filters - 1 do
            NativePtr.set
                entries.Filters
                filter
                {
                    Target = nativeint filter * filterBytes
                    First = filter * cells
                    Count = NativePtr.get entries.Next filter - filter * cells
                }

        placeCount

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
        let entries = takeEntries<'T> workspace conv
        let kernelRows = conv.Window.Rows.Kernel
        let filterColumns = conv.Window.Columns.Kernel * lanes.InStep
        let winnersSize = FusedConvolution.winnersSize conv lanes

        for n in 0 .. x.Examples - 1 do
            let places =
                collect conv lanes entries gradient n (winners +! (n * winnersSize)) x dbias

            lanes.In.Accumulate(
                entries.Filters,
                conv.Filters,
                entries.FilterValues,
                entries.FilterPatches,
                x.Image n,
                x.RowPitch,
                dweight,
                filterColumns,
                kernelRows,
                filterColumns
            )

            match dx with
            | ValueSome dx ->
                Span<'T>(NativePtr.toVoidPtr (dx.Image n), dx.ImagePitch).Clear()

                lanes.In.Accumulate(
                    entries.Places,
                    places,
                    entries.PlaceValues,
                    entries.PlaceFilters,
                    prepared.Filters,
                    filterColumns,
                    dx.Image n,
                    dx.RowPitch,
                    kernelRows,
                    filterColumns
                )
            | ValueNone -> ()
