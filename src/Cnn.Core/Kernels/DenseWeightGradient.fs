namespace Cnn.Kernels

#nowarn "9"

open System
open Microsoft.FSharp.NativeInterop

/// Some rows of the weights of a dense layer: `Runs` times `Rows` that follow each other, each time `RunStep` rows further on.
[<Struct>]
type internal WeightRows =
    {
        First: int
        Runs: int
        RunStep: int
        Rows: int
    }

    member rows.Count = rows.Runs * rows.Rows

/// The weight gradient of a dense layer for a whole batch, a group of rows at a time, so that it can be used while it is in the
/// L1 cache:
///
///   dweight[i; o] = sum over n of x[n; i] dy[n; o]
module internal DenseWeightGradient =

    /// Rows of a group, at most. With 128 outputs their gradient fills most of an L1 cache.
    [<Literal>]
    let Group = 64

    /// Channels of a group in order of cells, at most: those of a line of the cache.
    [<Literal>]
    let private Channels = 16

    /// And its cells.
    [<Literal>]
    let private Cells = 4

    /// Inputs that follow each other and are multiplied at once, at most.
    let private block (prepared: PreparedDense<'T>) =
        if prepared.ByCell then Channels else Group

    let private parts (count: int) (size: int) = (count + size - 1) / size

    /// Groups of rows.
    let groups (dense: FusedDense) (prepared: PreparedDense<'T>) : int =
        if prepared.ByCell then
            parts dense.Channels Channels * parts dense.Cells Cells
        else
            parts dense.Inputs Group

    /// The rows of a group. In order of cells they are a few cells of some channels: then whole blocks of inputs stand side by side,
    /// and in the weights at least those few rows.
    let rows (dense: FusedDense) (prepared: PreparedDense<'T>) (group: int) : WeightRows =
        if prepared.ByCell then
            let inChannel = parts dense.Cells Cells
            let channel = group / inChannel * Channels
            // groups of equal size, but for one cell
            let bound i = i * dense.Cells / inChannel
            let cell = bound (group % inChannel)

            {
                First = channel * dense.Cells + cell
                Runs = min Channels (dense.Channels - channel)
                RunStep = dense.Cells
                Rows = bound (group % inChannel + 1) - cell
            }
        else
            let first = group * Group

            {
                First = first
                Runs = 1
                RunStep = 0
                Rows = min Group (dense.Inputs - first)
            }

    /// Numbers that a group needs room for: its gradient, and a block of the inputs of all examples.
    let room (prepared: PreparedDense<'T>) (examples: int) : int =
        Checked.(+) (Checked.(*) Group prepared.OutStep) (Checked.(*) (block prepared) examples)

    /// Where each example of a block starts.
    let starts (workspace: Workspace) (prepared: PreparedDense<'T>) (examples: int) : nativeptr<nativeint> =
        let starts = workspace.Take<nativeint> examples

        for n in 0 .. examples - 1 do
            NativePtr.set starts n (nativeint (n * block prepared) * nativeint sizeof<'T>)

        starts

    /// The gradient of some rows into target [ Runs; Rows; Out ], which has `room`. x is flat.
    let multiply
        (dense: FusedDense)
        (prepared: PreparedDense<'T>)
        (x: FeatureMap<'T>)
        (dy: FeatureMap<'T>)
        (starts: nativeptr<nativeint>)
        (rows: WeightRows)
        (target: nativeptr<'T>)
        =
        // Rows that follow each other without gaps, as the weights do. A row of one tile may spill over into the next, which is
        // then written after it; where a row takes several tiles, gaps are left and closed afterwards.
        let isOneTile =
            prepared.OutStep <= 2 * prepared.Out.Lanes && x.Examples <= Product.DepthBlock

        let step = if isOneTile then dense.Outputs else prepared.OutStep
        let width = block prepared
        let inputs = target +! (Group * prepared.OutStep)

        // a block of inputs, the first of them, and where its rows go: examples lie far apart, and a line of each serves several tiles,
        // so it is fetched once
        let multiply (input: int) (count: int) (into: nativeptr<'T>) (rowStep: int) =
            let source = x.Data +! input

            if count = width then
                prepared.Out.CopyColumns(x.Examples, width, source, x.ImagePitch, inputs)
            else
                for n in 0 .. x.Examples - 1 do
                    Span<'T>(NativePtr.toVoidPtr (source +! (n * x.ImagePitch)), count)
                        .CopyTo(Span<'T>(NativePtr.toVoidPtr (inputs +! (n * width)), count))

            let product =
                {
                    Lines = 1
                    Rows = count
                    Columns = prepared.OutStep
                    Depth = x.Examples
                    A = inputs
                    ALine = 0
                    AStep = 1
                    Offsets = starts
                    B = dy.Data
                    BLine = 0
                    BStep = dy.ImagePitch
                    Start = prepared.Zeros
                    StartLine = 0
                    StartStep = 0
                    C = into
                    CLine = 0
                    CStep = rowStep
                }

            prepared.Out.Multiply &product

        if prepared.ByCell then
            let channel = rows.First / dense.Cells
            let cell = rows.First % dense.Cells

            for i in 0 .. rows.Rows - 1 do
                multiply ((cell + i) * dense.Channels + channel) rows.Runs (target +! (i * step)) (rows.Rows * step)
        else
            multiply rows.First rows.Rows target step

        if dense.Outputs < step then
            for r in 1 .. rows.Count - 1 do
                Span<'T>(NativePtr.toVoidPtr (target +! (r * step)), dense.Outputs)
                    .CopyTo(Span<'T>(NativePtr.toVoidPtr (target +! (r * dense.Outputs)), dense.Outputs))
