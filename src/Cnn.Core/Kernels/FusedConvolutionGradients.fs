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
            conv.Filters * conv.Window.KernelSize * lanes.InStep
        else
            conv.PatchSize * lanes.OutStep

    /// Lists of the entries that are not 0, in memory that is used again for every example.
    [<Struct>]
    type private Entries<'T when 'T: unmanaged> =
        {
            /// Entries of each filter.
            Count: nativeptr<int>
            /// [ O; cells ]: value, and where the patch that it met starts.
            Value: nativeptr<'T>
            Patch: nativeptr<nativeint>
            /// [ O ]: the same for the filters that won at one place.
            PlaceValue: nativeptr<'T>
            PlaceFilter: nativeptr<nativeint>
        }

    let private takeEntries (workspace: Workspace) (conv: FusedConvolution) : Entries<'T> =
        let cells = conv.Pool.OutputSize

        {
            Count = workspace.Take<int> conv.Filters
            Value = workspace.Take<'T>(conv.Filters * cells)
            Patch = workspace.Take<nativeint>(conv.Filters * cells)
            PlaceValue = workspace.Take<'T> conv.Filters
            PlaceFilter = workspace.Take<nativeint> conv.Filters
        }

    /// Goes through the live entries of one example place by place, adding the filters that won there to the gradient of the
    /// patch they met, and noting each entry in the list of its filter.
    let private visit
        (conv: FusedConvolution)
        (prepared: PreparedConvolution<'T>)
        (entries: Entries<'T>)
        (gradient: FeatureMap<'T>)
        (n: int)
        (winners: nativeptr<uint32>)
        (x: FeatureMap<'T>)
        (dx: FeatureMap<'T> voption)
        =
        let lanes = prepared.Lanes
        let pool, window = conv.Pool, conv.Window
        let vectors = lanes.OutStep / lanes.Out.Lanes
        let positions = pool.KernelSize
        let cells = pool.OutputSize
        let size = nativeint sizeof<'T>
        let filterColumns = window.Columns.Kernel * lanes.InStep
        let filterBytes = nativeint (window.Rows.Kernel * filterColumns) * size
        let inner = gradient.Inner n

        for row in 0 .. pool.Rows.Output - 1 do
            for column in 0 .. pool.Columns.Output - 1 do
                let cell = row * pool.Columns.Output + column
                let values = inner +! (row * gradient.RowPitch + column * gradient.Step)
                let own = winners +! (cell * vectors * positions)

                for position in 0 .. positions - 1 do
                    // the place of the window that position stands for, and the corner of its patch
                    let i = position / pool.Columns.Kernel
                    let j = position - i * pool.Columns.Kernel
                    let placeRow = row * pool.Rows.Stride - pool.Rows.Padding + i
                    let placeColumn = column * pool.Columns.Stride - pool.Columns.Padding + j

                    let corner =
                        placeRow * window.Rows.Stride * x.RowPitch
                        + placeColumn * window.Columns.Stride * x.Step

                    let cornerBytes = nativeint corner * size
                    let mutable here = 0

                    for k in 0 .. vectors - 1 do
                        let mutable bits = NativePtr.get own (k * positions + position)

                        while bits <> 0u do
                            let filter = k * lanes.Out.Lanes + BitOperations.TrailingZeroCount bits
                            bits <- bits &&& (bits - 1u)

                            // lanes without a filter win too where nothing is clamped
                            if filter < conv.Filters then
                                let value = NativePtr.get values filter
                                let count = NativePtr.get entries.Count filter
                                NativePtr.set entries.Value (filter * cells + count) value
                                NativePtr.set entries.Patch (filter * cells + count) cornerBytes
                                NativePtr.set entries.Count filter (count + 1)
                                NativePtr.set entries.PlaceValue here value
                                NativePtr.set entries.PlaceFilter here (nativeint filter * filterBytes)
                                here <- here + 1

                    match dx with
                    | ValueSome dx when here > 0 ->
                        lanes.In.Accumulate(
                            here,
                            entries.PlaceValue,
                            entries.PlaceFilter,
                            prepared.Filters,
                            filterColumns,
                            dx.Image n +! corner,
                            dx.RowPitch,
                            window.Rows.Kernel,
                            filterColumns
                        )
                    | _ -> ()

    let private sparse
        (workspace: Workspace)
        (conv: FusedConvolution)
        (prepared: PreparedConvolution<'T>)
        (gradient: FeatureMap<'T>)
        (winners: nativeptr<uint32>)
        (x: FeatureMap<'T>)
        (dx: FeatureMap<'T> voption)
        (dweight: nativeptr<'T>)
        =
        let lanes = prepared.Lanes
        let cells = conv.Pool.OutputSize
        let entries = takeEntries workspace conv
        let filterColumns = conv.Window.Columns.Kernel * lanes.InStep
        let winnersSize = FusedConvolution.winnersSize conv lanes

        for n in 0 .. x.Examples - 1 do
            Span<int>(NativePtr.toVoidPtr entries.Count, conv.Filters).Clear()

            match dx with
            | ValueSome dx -> Span<'T>(NativePtr.toVoidPtr (dx.Image n), dx.ImagePitch).Clear()
            | ValueNone -> ()

            visit conv prepared entries gradient n (winners +! (n * winnersSize)) x dx

            for filter in 0 .. conv.Filters - 1 do
                lanes.In.Accumulate(
                    NativePtr.get entries.Count filter,
                    entries.Value +! (filter * cells),
                    entries.Patch +! (filter * cells),
                    x.Image n,
                    x.RowPitch,
                    dweight +! (filter * conv.Window.Rows.Kernel * filterColumns),
                    filterColumns,
                    conv.Window.Rows.Kernel,
                    filterColumns
                )

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
                    dweight
                    +! ((i * window.Columns.Kernel + j) * conv.InChannels * lanes.OutStep)

                let product =
                    {
                        Rows = cellsInRun * conv.InChannels
                        Columns = lanes.OutStep
                        Depth = window.OutputSize
                        A = image +! (i * x.RowPitch + j * x.Step)
                        AStep = 1
                        Offsets = prepared.Places
                        B = dy
                        BStep = lanes.OutStep
                        Start = target
                        StartStep = lanes.OutStep
                        C = target
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

            for row in 0 .. height - 1 do
                let product =
                    {
                        Rows = max 0 width
                        Columns = lanes.InStep
                        Depth = phase.Depth
                        A = dy.Inner 0 +! (row * dy.RowPitch)
                        AStep = dy.Step
                        Offsets = phase.Offsets
                        B = phase.Weight
                        BStep = lanes.InStep
                        Start = prepared.Zeros
                        StartStep = 0
                        C =
                            dx.Inner n
                            +! ((phase.Row + row * rows.Stride) * dx.RowPitch + phase.Column * dx.Step)
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
        =
        let lanes = prepared.Lanes
        let rows, columns = conv.Window.Rows.Output, conv.Window.Columns.Output
        let dy = workspace.Take<'T>(rows * columns * lanes.OutStep)

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
                dy
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
        (dweight: Span<'T>)
        (dbias: Span<'T>)
        =
        let lanes = prepared.Lanes
        let sum = workspace.TakeZeros<'T>(sumSize conv lanes)
        let biasSum = workspace.TakeZeros<'T> lanes.OutStep
        let winnersSize = FusedConvolution.winnersSize conv lanes

        for n in 0 .. x.Examples - 1 do
            lanes.Out.AddBiasGradient(
                conv.Pool,
                gradient.Inner n,
                gradient.RowPitch,
                winners +! (n * winnersSize),
                lanes.OutStep,
                biasSum
            )

        (if lanes.Sparse then sparse else dense) workspace conv prepared gradient winners x dx sum

        for o in 0 .. conv.Filters - 1 do
            dbias[o] <- NativePtr.get biasSum o

            for c in 0 .. conv.InChannels - 1 do
                let target = (o * conv.InChannels + c) * conv.Window.KernelSize

                for t in 0 .. conv.Window.KernelSize - 1 do
                    dweight[target + t] <-
                        if lanes.Sparse then
                            NativePtr.get sum ((o * conv.Window.KernelSize + t) * lanes.InStep + c)
                        else
                            NativePtr.get sum ((t * conv.InChannels + c) * lanes.OutStep + o)
