namespace Cnn.Kernels

#nowarn "9"

open System
open System.Numerics
open Microsoft.FSharp.NativeInterop

/// A dense layer, with the flatten before it and the ReLU behind it, on feature maps. Its inputs are all channels of all
/// cells, and the rows of its weights are in the order of a flatten: all cells of the first channel, then those of the second.
type FusedDense =
    {
        Channels: int
        /// Cells of a channel of the input; 1 for a flat input.
        Cells: int
        Outputs: int
        Relu: bool
    }

    member dense.Inputs = dense.Channels * dense.Cells

/// The weights as the kernels want them. Made once for all examples of a batch.
type internal PreparedDense<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    {
        Out: Processor<'T>
        OutStep: int
        /// Numbers from one example of the output to the next. Where outputs fill whole pages that is a line more: the same columns
        /// of all examples, which the weight gradient reads again and again, would otherwise have but a few places in the L1 cache.
        OutPitch: int
        /// The order of flat inputs and of packed rows. Either as in a map, cell by cell with the channels innermost, so that flattening
        /// is but to copy; or that of the weights, which then need not be put in order: with few outputs that would cost more.
        ByCell: bool
        /// Panels of a few columns each, [ panels; In; PanelColumns ]: read from the first number to the last.
        Weight: nativeptr<'T>
        PanelColumns: int
        /// [ OutStep ]
        Bias: nativeptr<'T>
        /// Where the inputs of an example stand when they are flat: one after the other.
        Inputs: nativeptr<nativeint>
        /// And where in a feature map, in numbers from its first cell.
        Places: nativeptr<int>
        /// The same: one after the other.
        IsMapFlat: bool
        /// Where the weights of an input stand in the panels.
        Outputs: nativeptr<nativeint>
        /// [ OutStep ]
        Zeros: nativeptr<'T>
    }

module internal FusedDense =

    /// Rows of the input gradient that are computed before they are written out: they stay in the L1 cache.
    [<Literal>]
    let private GradientBlock = 64

    /// The panels of the weights.
    let panels (dense: FusedDense) (prepared: PreparedDense<'T>) : int =
        (dense.Outputs + prepared.PanelColumns - 1) / prepared.PanelColumns

    /// The row of the weights [ In; Out ] that belongs to a flat input.
    let weightRow (dense: FusedDense) (prepared: PreparedDense<'T>) (input: int) : int =
        if prepared.ByCell then
            input % dense.Channels * dense.Cells + input / dense.Channels
        else
            input

    /// Copies some columns of the weights to a panel, rows in the order of the inputs; the panel's last columns may be beyond them.
    let private packRows
        (dense: FusedDense)
        (prepared: PreparedDense<'T>)
        (own: int)
        (source: nativeptr<'T>)
        (target: nativeptr<'T>)
        =
        for input in 0 .. dense.Inputs - 1 do
            let row = source +! (weightRow dense prepared input * dense.Outputs)

            let packed =
                Span<'T>(NativePtr.toVoidPtr (target +! (input * prepared.PanelColumns)), prepared.PanelColumns)

            Span<'T>(NativePtr.toVoidPtr row, own).CopyTo packed
            packed.Slice(own).Clear()

    /// Copies weight [ In; Out ] to one of the panels.
    let pack (dense: FusedDense) (prepared: PreparedDense<'T>) (weight: nativeptr<'T>) (panel: int) =
        let columns = prepared.PanelColumns

        if columns = dense.Outputs && not prepared.ByCell then
            let count = dense.Inputs * columns

            Span<'T>(NativePtr.toVoidPtr weight, count).CopyTo(Span<'T>(NativePtr.toVoidPtr prepared.Weight, count))
        else
            let own = min columns (dense.Outputs - panel * columns)
            let source = weight +! (panel * columns)
            let target = prepared.Weight +! (panel * dense.Inputs * columns)

            if own < columns then
                packRows dense prepared own source target
            elif prepared.ByCell then
                for cell in 0 .. dense.Cells - 1 do
                    prepared.Out.CopyColumns(
                        dense.Channels,
                        columns,
                        source +! (cell * dense.Outputs),
                        dense.Cells * dense.Outputs,
                        target +! (cell * dense.Channels * columns)
                    )
            else
                prepared.Out.CopyColumns(dense.Inputs, columns, source, dense.Outputs, target)

    /// Copies bias [ Out ].
    let packBias (dense: FusedDense) (prepared: PreparedDense<'T>) (bias: nativeptr<'T>) =
        Span<'T>(NativePtr.toVoidPtr bias, dense.Outputs)
            .CopyTo(Span<'T>(NativePtr.toVoidPtr prepared.Bias, dense.Outputs))

    /// Tables, and memory for weights and bias, which have yet to be packed. Maps of inputs have `inStep` numbers a cell.
    let prepare (workspace: Workspace) (dense: FusedDense) (inStep: int) : PreparedDense<'T> =
        let out = Kernel<'T>.For dense.Outputs
        let outStep = out.RoundUp dense.Outputs
        let rows = dense.Inputs
        // one panel is the weights as they are: lanes beyond the last column then hold what nobody reads
        let panelColumns =
            if outStep <= 2 * out.Lanes then
                dense.Outputs
            elif outStep >= Product.PanelVectors * out.Lanes then
                Product.PanelVectors * out.Lanes
            else
                2 * out.Lanes

        let panels = (dense.Outputs + panelColumns - 1) / panelColumns
        let size = nativeint sizeof<'T>

        // a vector more, for those lanes of the last row
        let packed =
            workspace.Take<'T>(Checked.(+) (Checked.(*) panels (Checked.(*) rows panelColumns)) out.Lanes)

        let inputs = workspace.Take<nativeint> rows
        let places = workspace.Take<int> rows

        // where weights take several panels they are copied row by row anyway
        let byCell = dense.Cells > 1 && outStep > 2 * out.Lanes

        for k in 0 .. rows - 1 do
            let cell, channel =
                if byCell then
                    k / dense.Channels, k % dense.Channels
                else
                    k % dense.Cells, k / dense.Cells

            NativePtr.set inputs k (nativeint k * size)
            NativePtr.set places k (cell * inStep + channel)

        let outputs = workspace.Take<nativeint> dense.Outputs

        for o in 0 .. dense.Outputs - 1 do
            let panel = o / panelColumns

            NativePtr.set outputs o (nativeint (panel * rows * panelColumns + o - panel * panelColumns) * size)

        {
            Out = out
            OutStep = outStep
            OutPitch = if outStep % 64 = 0 then outStep + 16 else outStep
            ByCell = byCell
            Weight = packed
            PanelColumns = panelColumns
            Bias = workspace.TakeZeros<'T> outStep
            Inputs = inputs
            Places = places
            IsMapFlat = dense.Cells = 1 || byCell && inStep = dense.Channels
            Outputs = outputs
            Zeros = workspace.TakeZeros<'T> outStep
        }

    /// A map for flat inputs.
    let takeFlat<'T when 'T: unmanaged> (workspace: Workspace) (dense: FusedDense) (examples: int) : FeatureMap<'T> =
        FeatureMap.take<'T> workspace examples dense.Inputs ((dense.Inputs + 15) / 16 * 16) (1, 1) (0, 0)

    /// The inputs of a map, in their order. x has no border.
    let flatten (dense: FusedDense) (prepared: PreparedDense<'T>) (x: FeatureMap<'T>) (flat: FeatureMap<'T>) =
        for n in 0 .. x.Examples - 1 do
            let source = x.Image n
            let target = flat.Image n

            if prepared.IsMapFlat then
                Span<'T>(NativePtr.toVoidPtr source, dense.Inputs)
                    .CopyTo(Span<'T>(NativePtr.toVoidPtr target, dense.Inputs))
            else
                for k in 0 .. dense.Inputs - 1 do
                    NativePtr.set target k (NativePtr.get source (NativePtr.get prepared.Places k))

    /// y = x weight + bias, clamped if a ReLU follows. x is flat.
    let forward (dense: FusedDense) (prepared: PreparedDense<'T>) (x: FeatureMap<'T>) (y: FeatureMap<'T>) =
        let mutable column = 0

        while column < prepared.OutStep do
            let columns =
                if prepared.PanelColumns = dense.Outputs then
                    prepared.OutStep
                else
                    min prepared.PanelColumns (prepared.OutStep - column)

            let product =
                {
                    Lines = 1
                    Rows = x.Examples
                    Columns = columns
                    Depth = dense.Inputs
                    A = x.Data
                    ALine = 0
                    AStep = x.ImagePitch
                    Offsets = prepared.Inputs
                    B = prepared.Weight +! (column * dense.Inputs)
                    BLine = 0
                    BStep = prepared.PanelColumns
                    Start = prepared.Bias +! column
                    StartLine = 0
                    StartStep = 0
                    C = y.Data +! column
                    CLine = 0
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

    /// dx = dy weightᵀ, computed with the examples in the lanes: the weights are then read as they lie.
    let private inputGradient
        (workspace: Workspace)
        (dense: FusedDense)
        (prepared: PreparedDense<'T>)
        (dy: FeatureMap<'T>)
        (dx: FeatureMap<'T>)
        =
        let across = Kernel<'T>.For dy.Examples
        let lanes = across.RoundUp dy.Examples
        let transposed = workspace.TakeZeros<'T>(dense.Outputs * lanes)
        let block = workspace.Take<'T>(GradientBlock * lanes)
        let zeros = workspace.TakeZeros<'T> lanes

        for n in 0 .. dy.Examples - 1 do
            let row = dy.Image n

            for o in 0 .. dense.Outputs - 1 do
                NativePtr.set transposed (o * lanes + n) (NativePtr.get row o)

        let rows = dense.Inputs
        let mutable first = 0

        // lanes without a channel
        if dx.Step > dx.Channels then
            Span<'T>(NativePtr.toVoidPtr dx.Data, dx.Examples * dx.ImagePitch).Clear()

        while first < rows do
            let count = min GradientBlock (rows - first)

            let product =
                {
                    Lines = 1
                    Rows = count
                    Columns = lanes
                    Depth = dense.Outputs
                    A = prepared.Weight +! (first * prepared.PanelColumns)
                    ALine = 0
                    AStep = prepared.PanelColumns
                    Offsets = prepared.Outputs
                    B = transposed
                    BLine = 0
                    BStep = lanes
                    Start = zeros
                    StartLine = 0
                    StartStep = 0
                    C = block
                    CLine = 0
                    CStep = lanes
                }

            across.Multiply &product

            if prepared.IsMapFlat then
                across.Transpose(count, dx.Examples, block, lanes, dx.Data +! first, dx.ImagePitch)
            else
                for n in 0 .. dx.Examples - 1 do
                    let target = dx.Image n
                    let places = prepared.Places +! first
                    let mutable source = block +! n

                    for r in 0 .. count - 1 do
                        NativePtr.set target (NativePtr.get places r) (NativePtr.read source)
                        source <- source +! lanes

            first <- first + count

    /// The gradient of the bias and, where asked for, that of the input, which has the shape of x. dy becomes the gradient before the
    /// ReLU, which is all that the weights need of it.
    let backward
        (workspace: Workspace)
        (dense: FusedDense)
        (prepared: PreparedDense<'T>)
        (y: FeatureMap<'T>)
        (dy: FeatureMap<'T>)
        (dx: FeatureMap<'T> voption)
        (dbias: nativeptr<'T>)
        =
        if dense.Relu then
            mask prepared y dy

        let bias = Span<'T>(NativePtr.toVoidPtr dbias, dense.Outputs)
        bias.Clear()

        for n in 0 .. dy.Examples - 1 do
            let row = ReadOnlySpan<'T>(NativePtr.toVoidPtr (dy.Image n), dense.Outputs)
            prepared.Out.Map2(Add<'T>(), Span.op_Implicit bias, row, bias)

        match dx with
        | ValueSome dx -> inputGradient workspace dense prepared dy dx
        | ValueNone -> ()
