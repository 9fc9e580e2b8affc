namespace Cnn.Kernels

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Microsoft.FSharp.NativeInterop
// sizes that no memory has raise OverflowException, instead of writing past a smaller one
open Checked

/// A convolution with the ReLU and the pooling that follow it, as one operation on feature maps.
type FusedConvolution =
    {
        InChannels: int
        Filters: int
        Window: Window
        Relu: bool
        /// Over the output of the convolution; a window of one cell where there is no pooling.
        Pool: Window
    }

    /// Numbers under the kernel at one place.
    member c.PatchSize = c.InChannels * c.Window.KernelSize

    /// The border that the padding needs.
    member c.Border = (c.Window.Rows.Padding, c.Window.Columns.Padding)

/// What runs over the output channels and over the input channels; how far the cells of either map lie apart.
[<Struct>]
type internal ConvolutionLanes<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    {
        Out: Processor<'T>
        OutStep: int
        In: Processor<'T>
        InStep: int
        /// Whether the gradients skip what is 0: worth it behind pooling, where 3 entries of 4 are for certain.
        Sparse: bool
    }

/// The weights as the kernels want them, and tables of where to look. Made once for all examples of a batch.
type internal PreparedConvolution<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    {
        Lanes: ConvolutionLanes<'T>
        /// [ KH KW C; OutStep ]
        Weight: nativeptr<'T>
        /// [ OutStep ]
        Bias: nativeptr<'T>
        /// For each row of Weight, where it looks in the input.
        Patch: nativeptr<nativeint>
        /// The same weights transformed, where that takes fewer multiplications.
        Winograd: WinogradKernels<'T> voption
        /// [ O; KH; KW InStep ], for sparse gradients; else null.
        Filters: nativeptr<'T>
        /// For the dense gradient of the input; else empty.
        Phases: ConvolutionPhase<'T>[]
        /// For each place of the window, where it starts in the input: for the dense gradient of the weights.
        Places: nativeptr<nativeint>
        /// [ max(OutStep, InStep) ]
        Zeros: nativeptr<'T>
    }

/// The cells of the input that lie at one distance from the steps of the stride. All of them meet the same cells of the kernel,
/// and so their gradient is a convolution without stride.
and internal ConvolutionPhase<'T when 'T: unmanaged> =
    {
        Row: int
        Column: int
        /// Kernel cells met, times filters.
        Depth: int
        /// [ Depth; InStep ]
        Weight: nativeptr<'T>
        /// For each row of Weight, where it looks in the gradient of the output.
        Offsets: nativeptr<nativeint>
        /// And where it stands in the layer's own weights, for the first channel.
        Sources: nativeptr<int>
    }

module internal FusedConvolution =

    let private roundUp (count: int) (unit: int) = (count + unit - 1) / unit * unit

    /// How the channels are laid out, given how those of the input already are.
    let lanes<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (inStep: int) (conv: FusedConvolution) =
        let out = Kernel<'T>.For conv.Filters
        let input = Kernel<'T>.Dividing inStep

        {
            Out = out
            OutStep = roundUp conv.Filters out.Lanes
            In = input
            InStep = inStep
            Sparse = conv.Pool.KernelSize >= 4 && (input.Lanes > 1 || Processor.WidestBits = 0)
        }

    /// Where output cells have to be padded with zeros, so that every phase can look as far as it needs.
    let gradientBorder (conv: FusedConvolution) =
        let border (axis: Axis) =
            let before = (axis.Kernel - 1 - axis.Padding + axis.Stride - 1) / axis.Stride
            let after = (axis.Input - 1 + axis.Padding) / axis.Stride - (axis.Output - 1)
            max 0 (max before after)

        (border conv.Window.Rows, border conv.Window.Columns)

    /// Each phase of an axis: the kernel cells that it meets, and how far from its own place the output cell of each lies.
    let private met (axis: Axis) (phase: int) =
        [
            for k in 0 .. axis.Kernel - 1 do
                let distance = phase + axis.Padding - k

                if distance % axis.Stride = 0 then
                    k, distance / axis.Stride
        ]

    let private phase
        (workspace: Workspace)
        (conv: FusedConvolution)
        (lanes: ConvolutionLanes<'T>)
        (row: int)
        (column: int)
        : ConvolutionPhase<'T> =
        let cells =
            [
                for i, down in met conv.Window.Rows row do
                    for j, right in met conv.Window.Columns column -> struct (i, j, down, right)
            ]

        let depth = cells.Length * conv.Filters
        let packed = workspace.TakeZeros<'T>(depth * lanes.InStep)
        let offsets = workspace.Take<nativeint> depth
        let sources = workspace.Take<int> depth

        let pitch =
            (conv.Window.Columns.Output + 2 * snd (gradientBorder conv)) * lanes.OutStep

        let mutable k = 0

        for struct (i, j, down, right) in cells do
            for o in 0 .. conv.Filters - 1 do
                NativePtr.set offsets k (nativeint (down * pitch + right * lanes.OutStep + o) * nativeint sizeof<'T>)
                NativePtr.set sources k (o * conv.PatchSize + i * conv.Window.Columns.Kernel + j)
                k <- k + 1

        {
            Row = row
            Column = column
            Depth = depth
            Weight = packed
            Offsets = offsets
            Sources = sources
        }

    /// Tables, and memory for the weights, which have yet to be packed; `forTraining` also prepares the gradients, `withInput` that of
    /// the input.
    let prepare
        (workspace: Workspace)
        (conv: FusedConvolution)
        (lanes: ConvolutionLanes<'T>)
        (forTraining: bool)
        (withInput: bool)
        : PreparedConvolution<'T> =
        let window = conv.Window
        let kernelRows, kernelColumns = window.Rows.Kernel, window.Columns.Kernel
        let size = nativeint sizeof<'T>
        let inPitch = (window.Columns.Input + 2 * window.Columns.Padding) * lanes.InStep
        let packed = workspace.TakeZeros<'T>(conv.PatchSize * lanes.OutStep)
        let patch = workspace.Take<nativeint> conv.PatchSize
        let mutable k = 0

        for i in 0 .. kernelRows - 1 do
            for j in 0 .. kernelColumns - 1 do
                for c in 0 .. conv.InChannels - 1 do
                    NativePtr.set patch k (nativeint (i * inPitch + j * lanes.InStep + c) * size)
                    k <- k + 1

        let filters =
            if not (forTraining && lanes.Sparse && withInput) then
                NativePtr.nullPtr
            else
                workspace.TakeZeros<'T>(conv.Filters * window.KernelSize * lanes.InStep)

        let phases =
            if not (forTraining && withInput) || lanes.Sparse then
                [||]
            else
                [|
                    for row in 0 .. window.Rows.Stride - 1 do
                        for column in 0 .. window.Columns.Stride - 1 -> phase workspace conv lanes row column
                |]

        let places =
            if not forTraining || lanes.Sparse then
                NativePtr.nullPtr
            else
                let places = workspace.Take<nativeint> window.OutputSize

                for row in 0 .. window.Rows.Output - 1 do
                    for column in 0 .. window.Columns.Output - 1 do
                        let start =
                            row * window.Rows.Stride * inPitch
                            + column * window.Columns.Stride * lanes.InStep

                        NativePtr.set places (row * window.Columns.Output + column) (nativeint start * size)

                places

        {
            Lanes = lanes
            Weight = packed
            Bias = workspace.TakeZeros<'T> lanes.OutStep
            Patch = patch
            Winograd =
                if WinogradConvolution.applies window conv.InChannels conv.Filters then
                    ValueSome(
                        WinogradConvolution.prepare
                            workspace
                            lanes.In
                            lanes.InStep
                            conv.InChannels
                            lanes.Out
                            lanes.OutStep
                    )
                else
                    ValueNone
            Filters = filters
            Phases = phases
            Places = places
            Zeros = workspace.TakeZeros<'T>(max lanes.OutStep lanes.InStep)
        }

    /// Copies weight [ O; C; KH; KW ] and bias [ O ] to where the kernels want them.
    let pack
        (conv: FusedConvolution)
        (prepared: PreparedConvolution<'T>)
        (weight: nativeptr<'T>)
        (bias: nativeptr<'T>)
        =
        let lanes = prepared.Lanes
        let size = conv.Window.KernelSize

        for o in 0 .. conv.Filters - 1 do
            NativePtr.set prepared.Bias o (NativePtr.get bias o)

            for c in 0 .. conv.InChannels - 1 do
                let source = weight +! ((o * conv.InChannels + c) * size)
                let target = prepared.Weight +! (c * lanes.OutStep + o)

                for t in 0 .. size - 1 do
                    NativePtr.set target (t * conv.InChannels * lanes.OutStep) (NativePtr.get source t)

                if not (NativePtr.isNullPtr prepared.Filters) then
                    let target = prepared.Filters +! (o * size * lanes.InStep + c)

                    for t in 0 .. size - 1 do
                        NativePtr.set target (t * lanes.InStep) (NativePtr.get source t)

        match prepared.Winograd with
        | ValueSome kernels -> WinogradConvolution.pack kernels prepared.Weight false
        | ValueNone -> ()

        for phase in prepared.Phases do
            for k in 0 .. phase.Depth - 1 do
                let source = weight +! NativePtr.get phase.Sources k
                let target = phase.Weight +! (k * lanes.InStep)

                for c in 0 .. conv.InChannels - 1 do
                    NativePtr.set target c (NativePtr.get source (c * size))

    /// How many numbers hold the winners of one example.
    let winnersSize (conv: FusedConvolution) (lanes: ConvolutionLanes<'T>) =
        conv.Pool.OutputSize * (lanes.OutStep / lanes.Out.Lanes) * conv.Pool.KernelSize

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

        let rowWinners = winnersSize conv lanes / pool.Rows.Output

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
