namespace Cnn.Kernels

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Microsoft.FSharp.NativeInterop

/// The gradients of a fused convolution for one shard: the input's as a map, the others summed over the examples.
///
/// Two ways lead there. The sparse one goes through the entries of the gradient that are not 0; the dense one spreads the
/// gradient over the convolution's output and takes matrix products.
module internal FusedConvolutionGradients =

    /// The weight gradient as it is summed up: [ O; KH; KW InStep ] if sparse, else [ KH KW C; OutStep ].
    let private sumSize (conv: FusedConvolution) (lanes: ConvolutionLanes<'T>) =
        if lanes.Sparse then
            Checked.(*) conv.Filters (Checked.(*) conv.Window.KernelSize lanes.InStep)
        else
            Checked.(*) conv.PatchSize lanes.OutStep

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

    let private sparse<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
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

    /// dweight[k; o] += sum over places of x[place + k] dy[place; o]
    let private addWeightGradient
        (conv: FusedConvolution)
        (prepared: PreparedConvolution<'T>)
        (image: nativeptr<'T>)
        (x: FeatureMap<'T>)
        (dy: nativeptr<'T>)
        (dweight: nativeptr<'T>)
        =
        let lanes = prepared.Lanes
        let window = conv.Window
        // where the channels lie without gaps, a whole row of the kernel is one run of numbers
        let cellsInRun =
            if lanes.InStep = conv.InChannels then
                window.Columns.Kernel
            else
                1

        for i in 0 .. window.Rows.Kernel - 1 do
            for run in 0 .. window.Columns.Kernel / cellsInRun - 1 do
                let j = run * cellsInRun

                let target =
                    dweight +! ((i * window.Columns.Kernel + j) * conv.InChannels * lanes.OutStep)

                let product =
                    {
                        Lines = 1
                        Rows = cellsInRun * conv.InChannels
                        Columns = lanes.OutStep
                        Depth = window.OutputSize
                        A = image +! (i * x.RowPitch + j * x.Step)
                        ALine = 0
                        AStep = 1
                        Offsets = prepared.Places
                        B = dy
                        BStep = lanes.OutStep
                        Start = target
                        StartLine = 0
                        StartStep = lanes.OutStep
                        C = target
                        CLine = 0
                        CStep = lanes.OutStep
                    }

                lanes.Out.Multiply &product

    /// dx of one example, phase by phase, from dy with its border.
    let private inputGradient
        (conv: FusedConvolution)
        (prepared: PreparedConvolution<'T>)
        (dy: FeatureMap<'T>)
        (dx: FeatureMap<'T>)
        (n: int)
        =
        let lanes = prepared.Lanes
        let rows, columns = conv.Window.Rows, conv.Window.Columns

        for phase in prepared.Phases do
            let width = (columns.Input - phase.Column + columns.Stride - 1) / columns.Stride
            let height = (rows.Input - phase.Row + rows.Stride - 1) / rows.Stride

            let product =
                {
                    Lines = max 0 height
                    Rows = max 0 width
                    Columns = lanes.InStep
                    Depth = phase.Depth
                    A = dy.Inner 0
                    ALine = dy.RowPitch
                    AStep = dy.Step
                    Offsets = phase.Offsets
                    B = phase.Weight
                    BStep = lanes.InStep
                    Start = prepared.Zeros
                    StartLine = 0
                    StartStep = 0
                    C = dx.Inner n +! (phase.Row * dx.RowPitch + phase.Column * dx.Step)
                    CLine = rows.Stride * dx.RowPitch
                    CStep = columns.Stride * dx.Step
                }

            lanes.In.Multiply &product

    let private dense
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
        let rows, columns = conv.Window.Rows.Output, conv.Window.Columns.Output
        let dy = workspace.Take<'T>(Checked.(*) (rows * columns) lanes.OutStep)

        let bordered =
            match dx with
            | ValueSome _ ->
                ValueSome(
                    FeatureMap.take<'T>
                        workspace
                        1
                        conv.Filters
                        lanes.OutStep
                        (rows, columns)
                        (FusedConvolution.gradientBorder conv)
                )
            | ValueNone -> ValueNone

        let winnersSize = FusedConvolution.winnersSize conv lanes

        for n in 0 .. x.Examples - 1 do
            lanes.Out.Unpool(
                conv.Pool,
                gradient.Inner n,
                gradient.RowPitch,
                winners +! (n * winnersSize),
                lanes.OutStep,
                dy,
                dbias
            )

            addWeightGradient conv prepared (x.Image n) x dy dweight

            match dx, bordered with
            | ValueSome dx, ValueSome bordered ->
                for row in 0 .. rows - 1 do
                    let line = columns * lanes.OutStep

                    Span<'T>(NativePtr.toVoidPtr (dy +! (row * line)), line)
                        .CopyTo(Span<'T>(NativePtr.toVoidPtr (bordered.Inner 0 +! (row * bordered.RowPitch)), line))

                inputGradient conv prepared bordered dx n
            | _ -> ()

    /// dx into a map that has the border of x (what falls into the border is meaningless), dweight [ O; C; KH; KW ] and dbias [ O ].
    let backward
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
        let sum = workspace.TakeZeros<'T>(sumSize conv lanes)
        let biasSum = workspace.TakeZeros<'T> lanes.OutStep
        (if lanes.Sparse then sparse else dense) workspace conv prepared gradient winners x dx sum biasSum

        let kernelSize = conv.Window.KernelSize

        for o in 0 .. conv.Filters - 1 do
            NativePtr.set dbias o (NativePtr.get biasSum o)

            for c in 0 .. conv.InChannels - 1 do
                let target = dweight +! ((o * conv.InChannels + c) * kernelSize)

                let struct (source, step) =
                    if lanes.Sparse then
                        struct (sum +! (o * kernelSize * lanes.InStep + c), lanes.InStep)
                    else
                        struct (sum +! (c * lanes.OutStep + o), conv.InChannels * lanes.OutStep)

                for t in 0 .. kernelSize - 1 do
                    NativePtr.set target t (NativePtr.get source (t * step))
