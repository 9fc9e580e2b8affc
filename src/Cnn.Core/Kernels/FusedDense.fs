namespace Cnn.Kernels

#nowarn "9"

open System
open System.Numerics
open Microsoft.FSharp.NativeInterop

/// A dense layer, with the ReLU that may follow it, on feature maps. Its inputs are all channels of all cells; since maps
/// keep the channels innermost and weights number them outermost, rows of the weights are taken in another order.
type FusedDense =
    {
        Channels: int
        /// Cells of a channel of the input; 1 for a flat input.
        Cells: int
        Outputs: int
        Relu: bool
    }

/// The weights as the kernels want them. Made once for all examples of a batch.
type internal PreparedDense<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    {
        Out: Processor<'T>
        OutStep: int
        InStep: int
        /// Panels of a few columns each, [ panels; cells InStep; PanelColumns ]: read from the first number to the last.
        Weight: nativeptr<'T>
        PanelColumns: int
        /// [ OutStep ]
        Bias: nativeptr<'T>
        /// Where the numbers of an example stand: one after the other.
        Inputs: nativeptr<nativeint>
        /// Where the weights of an input stand in the panels.
        Outputs: nativeptr<nativeint>
        /// [ OutStep ]
        Zeros: nativeptr<'T>
    }

    /// Rows of the weights, those of lanes without a channel included.
    member p.Rows(dense: FusedDense) = dense.Cells * p.InStep

module internal FusedDense =

    /// Rows of the input gradient that are computed before they are written out: they stay in the L1 cache.
    [<Literal>]
    let private GradientBlock = 64

    let private roundUp (count: int) (unit: int) = (count + unit - 1) / unit * unit

    /// weight [ C cells; Out ] and bias [ Out ].
    let prepare
        (workspace: Workspace)
        (dense: FusedDense)
        (inStep: int)
        (weight: nativeptr<'T>)
        (bias: nativeptr<'T>)
        : PreparedDense<'T> =
        let out = Kernel<'T>.For dense.Outputs
        let outStep = roundUp dense.Outputs out.Lanes
        let rows = dense.Cells * inStep
        let panelColumns = min outStep (2 * out.Lanes)
        let panels = (outStep + panelColumns - 1) / panelColumns
        let size = nativeint sizeof<'T>

        // a panel may be cut short by the last columns; lanes without a channel, and columns without an output, are 0
        let isWhole = inStep = dense.Channels && panels * panelColumns = dense.Outputs

        let packed =
            if isWhole then
                workspace.Take<'T>(panels * rows * panelColumns)
            else
                workspace.TakeZeros<'T>(panels * rows * panelColumns)

        for panel in 0 .. panels - 1 do
            let columns = min panelColumns (dense.Outputs - panel * panelColumns)

            for cell in 0 .. dense.Cells - 1 do
                for c in 0 .. dense.Channels - 1 do
                    let source =
                        weight +! ((c * dense.Cells + cell) * dense.Outputs + panel * panelColumns)

                    let target = packed +! ((panel * rows + cell * inStep + c) * panelColumns)

                    Span<'T>(NativePtr.toVoidPtr source, columns)
                        .CopyTo(Span<'T>(NativePtr.toVoidPtr target, columns))

        let paddedBias = workspace.TakeZeros<'T> outStep

        Span<'T>(NativePtr.toVoidPtr bias, dense.Outputs)
            .CopyTo(Span<'T>(NativePtr.toVoidPtr paddedBias, dense.Outputs))

        let inputs = workspace.Take<nativeint> rows

        for k in 0 .. rows - 1 do
            NativePtr.set inputs k (nativeint k * size)

        let outputs = workspace.Take<nativeint> dense.Outputs

        for o in 0 .. dense.Outputs - 1 do
            let panel = o / panelColumns

            NativePtr.set
                outputs
                o
                (nativeint (panel * rows * panelColumns + o - panel * panelColumns) * size)

        {
            Out = out
            OutStep = outStep
            InStep = inStep
            Weight = packed
            PanelColumns = panelColumns
            Bias = paddedBias
            Inputs = inputs
            Outputs = outputs
            Zeros = workspace.TakeZeros<'T> outStep
        }

    /// y = x weight + bias, clamped if a ReLU follows. x has no border.
    let forward (dense: FusedDense) (prepared: PreparedDense<'T>) (x: FeatureMap<'T>) (y: FeatureMap<'T>) =
        let rows = prepared.Rows dense
        let mutable column = 0

        while column < prepared.OutStep do
            let columns = min prepared.PanelColumns (prepared.OutStep - column)

            let product =
                {
                    Rows = x.Examples
                    Columns = columns
                    Depth = rows
                    A = x.Data
                    AStep = x.ImagePitch
                    Offsets = prepared.Inputs
                    B = prepared.Weight +! (column * rows)
                    BStep = prepared.PanelColumns
                    Start = prepared.Bias +! column
                    StartStep = 0
                    C = y.Data +! column
                    CStep = y.ImagePitch
                }

            prepared.Out.Multiply &product
            column <- column + columns

        if dense.Relu then
            let values = Span<'T>(NativePtr.toVoidPtr y.Data, y.Examples * y.ImagePitch)
            prepared.Out.Map(ClampNegative<'T>(), Span.op_Implicit values, values)

    /// dy where the ReLU let y through, in place.
    let private mask (prepared: PreparedDense<'T>) (y: FeatureMap<'T>) (dy: FeatureMap<'T>) =
        let count = y.Examples * y.ImagePitch
        let values = ReadOnlySpan<'T>(NativePtr.toVoidPtr y.Data, count)
        let gradient = Span<'T>(NativePtr.toVoidPtr dy.Data, count)
        prepared.Out.Map2(WherePositive<'T>(), values, Span.op_Implicit gradient, gradient)

    /// dweight[c cells + cell; o] = sum over n of x[n; cell; c] dy[n; o]
    let private weightGradient
        (workspace: Workspace)
        (dense: FusedDense)
        (prepared: PreparedDense<'T>)
        (x: FeatureMap<'T>)
        (dy: FeatureMap<'T>)
        (target: nativeptr<'T>)
        =
        let examples = workspace.Take<nativeint> x.Examples

        for n in 0 .. x.Examples - 1 do
            NativePtr.set examples n (nativeint (n * x.ImagePitch) * nativeint sizeof<'T>)

        // rows that are not whole vectors are computed aside
        let isDirect = prepared.OutStep = dense.Outputs

        let aside =
            if isDirect then
                NativePtr.nullPtr
            else
                workspace.Take<'T>(dense.Channels * prepared.OutStep)

        for cell in 0 .. dense.Cells - 1 do
            let product =
                {
                    Rows = dense.Channels
                    Columns = prepared.OutStep
                    Depth = x.Examples
                    A = x.Data +! (cell * x.Step)
                    AStep = 1
                    Offsets = examples
                    B = dy.Data
                    BStep = dy.ImagePitch
                    Start = prepared.Zeros
                    StartStep = 0
                    C = if isDirect then target +! (cell * dense.Outputs) else aside
                    CStep =
                        if isDirect then
                            dense.Cells * dense.Outputs
                        else
                            prepared.OutStep
                }

            prepared.Out.Multiply &product

            if not isDirect then
                for c in 0 .. dense.Channels - 1 do
                    Span<'T>(NativePtr.toVoidPtr (aside +! (c * prepared.OutStep)), dense.Outputs)
                        .CopyTo(
                            Span<'T>(
                                NativePtr.toVoidPtr (target +! ((c * dense.Cells + cell) * dense.Outputs)),
                                dense.Outputs
                            )
                        )

    /// dx = dy weightᵀ, computed with the examples in the lanes: the weights are then read as they lie.
    let private inputGradient
        (workspace: Workspace)
        (dense: FusedDense)
        (prepared: PreparedDense<'T>)
        (dy: FeatureMap<'T>)
        (dx: FeatureMap<'T>)
        =
        let across = Kernel<'T>.For dy.Examples
        let lanes = roundUp dy.Examples across.Lanes
        let transposed = workspace.TakeZeros<'T>(dense.Outputs * lanes)
        let block = workspace.Take<'T>(GradientBlock * lanes)
        let zeros = workspace.TakeZeros<'T> lanes

        for n in 0 .. dy.Examples - 1 do
            let row = dy.Image n

            for o in 0 .. dense.Outputs - 1 do
                NativePtr.set transposed (o * lanes + n) (NativePtr.get row o)

        let rows = prepared.Rows dense
        let mutable first = 0

        while first < rows do
            let count = min GradientBlock (rows - first)

            let product =
                {
                    Rows = count
                    Columns = lanes
                    Depth = dense.Outputs
                    A = prepared.Weight +! (first * prepared.PanelColumns)
                    AStep = prepared.PanelColumns
                    Offsets = prepared.Outputs
                    B = transposed
                    BStep = lanes
                    Start = zeros
                    StartStep = 0
                    C = block
                    CStep = lanes
                }

            across.Multiply &product

            for n in 0 .. dx.Examples - 1 do
                let target = dx.Image n +! first
                let mutable source = block +! n

                for r in 0 .. count - 1 do
                    NativePtr.set target r (NativePtr.read source)
                    source <- source +! lanes

            first <- first + count

    /// The gradients; dy is used up. dx, where asked for, has the shape of x.
    let backward
        (workspace: Workspace)
        (dense: FusedDense)
        (prepared: PreparedDense<'T>)
        (y: FeatureMap<'T>)
        (dy: FeatureMap<'T>)
        (x: FeatureMap<'T>)
        (dx: FeatureMap<'T> voption)
        (dweight: Span<'T>)
        (dbias: Span<'T>)
        =
        use target = fixed dweight

        if dense.Relu then
            mask prepared y dy

        dbias.Clear()

        for n in 0 .. dy.Examples - 1 do
            let row = ReadOnlySpan<'T>(NativePtr.toVoidPtr (dy.Image n), dense.Outputs)
            prepared.Out.Map2(Add<'T>(), Span.op_Implicit dbias, row, dbias)

        weightGradient workspace dense prepared x dy target

        match dx with
        | ValueSome dx -> inputGradient workspace dense prepared dy dx
        | ValueNone -> ()
