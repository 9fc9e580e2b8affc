namespace Cnn.Kernels

#nowarn "9"

open System
open System.Numerics
open Microsoft.FSharp.NativeInterop

/// What a normalised shard remembers of its way forward. [ Width ] each.
[<Struct>]
type internal NormalizedShard<'T when 'T: unmanaged> =
    {
        /// Values in each channel.
        Count: int
        Mean: nativeptr<float>
        /// Biased.
        Variance: nativeptr<float>
        /// f(Scale x + Shift) is the output; Pivot is the mean.
        Constants: ChannelConstants<'T>
    }

/// Batch normalisation over the examples of a shard, and the activation function behind it, on feature maps. The formulas are those of
/// Operations/BatchNorm.fs. Sums run in the precision of the map over one image, and in double from image to image.
module internal Normalization =

    /// Adds what one image gave to the sums of all, and clears it.
    let private collect<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (width: int)
        (image: nativeptr<'T>)
        (sums: nativeptr<float>)
        =
        for c in 0 .. width - 1 do
            NativePtr.set sums c (NativePtr.get sums c + Double.CreateTruncating(NativePtr.get image c))

        Span<'T>(NativePtr.toVoidPtr image, width).Clear()

    /// Images whose sums are taken at once: a thousand numbers or so, whatever the size of an image.
    let private together (x: FeatureMap<'T>) = max 1 (512 / x.Cells)

    /// For each group of images: `one` for each of them, then `flush`.
    let private inGroups (x: FeatureMap<'T>) (one: int -> unit) (flush: unit -> unit) =
        let group = together x

        for n in 0 .. x.Examples - 1 do
            one n

            if (n + 1) % group = 0 || n = x.Examples - 1 then
                flush ()

    /// Mean and variance of each channel, from deviations from its first value: no digits are lost where the mean is large.
    let private statistics<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (workspace: Workspace)
        (lanes: CellLanes<'T>)
        (x: FeatureMap<'T>)
        (mean: nativeptr<float>)
        (variance: nativeptr<float>)
        =
        let width = lanes.Width
        let pivot = x.Inner 0
        let sum, squares = workspace.TakeZeros<'T> width, workspace.TakeZeros<'T> width

        inGroups
            x
            (fun n ->
                let rows = Pointwise.rows width x x n
                lanes.Kernel.Moments(&rows, pivot, sum, squares))
            (fun () ->
                collect width sum mean
                collect width squares variance)

        let count = float (x.Examples * x.Cells)

        for c in 0 .. width - 1 do
            let offset = NativePtr.get mean c / count
            let deviation = NativePtr.get variance c / count - offset * offset
            NativePtr.set mean c (Double.CreateTruncating(NativePtr.get pivot c) + offset)
            // rounding may leave less than nothing; a NaN stays one
            NativePtr.set variance c (if deviation < 0.0 then 0.0 else deviation)

    /// The statistics of the examples at hand, and what they make of weight and bias: y = f(scale x + shift).
    let ofShard<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (workspace: Workspace)
        (epsilon: float)
        (lanes: CellLanes<'T>)
        (weight: nativeptr<'T>)
        (bias: nativeptr<'T>)
        (x: FeatureMap<'T>)
        : NormalizedShard<'T> =
        let width = lanes.Width

        let shard: NormalizedShard<'T> =
            {
                Count = x.Examples * x.Cells
                Mean = workspace.TakeZeros<float> width
                Variance = workspace.TakeZeros<float> width
                Constants =
                    {
                        Scale = workspace.Take<'T> width
                        Shift = workspace.Take<'T> width
                        Pivot = workspace.Take<'T> width
                    }
            }

        statistics workspace lanes x shard.Mean shard.Variance

        for c in 0 .. width - 1 do
            let mean = NativePtr.get shard.Mean c

            let wide (numbers: nativeptr<'T>) =
                Double.CreateTruncating(NativePtr.get numbers c)

            let scale = wide weight / sqrt (NativePtr.get shard.Variance c + epsilon)
            NativePtr.set shard.Constants.Scale c ('T.CreateTruncating scale)
            NativePtr.set shard.Constants.Shift c ('T.CreateTruncating(wide bias - scale * mean))
            NativePtr.set shard.Constants.Pivot c ('T.CreateTruncating mean)

        shard

    /// y = f(scale x + shift)
    let transform<'T, 'F
        when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T> and 'F: struct and 'F :> IActivation<'T>>
        (f: 'F)
        (lanes: CellLanes<'T>)
        (scale: nativeptr<'T>)
        (shift: nativeptr<'T>)
        (x: FeatureMap<'T>)
        (y: FeatureMap<'T>)
        =
        let constants: ChannelConstants<'T> =
            {
                Scale = scale
                Shift = shift
                Pivot = NativePtr.nullPtr
            }

        for n in 0 .. x.Examples - 1 do
            let rows = Pointwise.rows lanes.Width x y n
            lanes.Kernel.Transform(f, &rows, &constants)

    /// The gradients of weight and bias and, where asked for, of the input. dy is changed: it becomes the gradient before the
    /// activation function.
    let backward<'T, 'F
        when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T> and 'F: struct and 'F :> IActivation<'T>>
        (workspace: Workspace)
        (f: 'F)
        (epsilon: float)
        (lanes: CellLanes<'T>)
        (weight: nativeptr<'T>)
        (shard: NormalizedShard<'T>)
        (x: FeatureMap<'T>)
        (dy: FeatureMap<'T>)
        (dx: FeatureMap<'T> voption)
        (dweight: nativeptr<'T>)
        (dbias: nativeptr<'T>)
        =
        let width = lanes.Width
        let sum, products = workspace.TakeZeros<'T> width, workspace.TakeZeros<'T> width

        let sums, allProducts =
            workspace.TakeZeros<float> width, workspace.TakeZeros<float> width

        inGroups
            x
            (fun n ->
                let rows = Pointwise.rows width x dy n
                lanes.Kernel.GradientSums(f, &rows, &shard.Constants, sum, products))
            (fun () ->
                collect width sum sums
                collect width products allProducts)

        let constants: ChannelConstants<'T> =
            {
                Scale = workspace.TakeZeros<'T> width
                Shift = workspace.TakeZeros<'T> width
                Pivot = workspace.TakeZeros<'T> width
            }

        // with s = 1 / deviation and x^ = (x - mean) s:
        //   dx = weight s (dz - mean of dz - x^ mean of dz x^), which is linear in dz and x
        for c in 0 .. x.Channels - 1 do
            let inverse = 1.0 / sqrt (NativePtr.get shard.Variance c + epsilon)
            let total = NativePtr.get sums c
            let product = NativePtr.get allProducts c * inverse
            NativePtr.set dbias c ('T.CreateTruncating total)
            NativePtr.set dweight c ('T.CreateTruncating product)

            let count = float shard.Count
            let scale = Double.CreateTruncating(NativePtr.get weight c) * inverse
            let along = -scale * inverse * product / count
            let shift = -scale * total / count - along * NativePtr.get shard.Mean c
            NativePtr.set constants.Scale c ('T.CreateTruncating scale)
            NativePtr.set constants.Pivot c ('T.CreateTruncating along)
            NativePtr.set constants.Shift c ('T.CreateTruncating shift)

        match dx with
        | ValueSome dx ->
            for n in 0 .. x.Examples - 1 do
                let rows = Pointwise.rows width x dy n
                lanes.Kernel.Combine(&rows, &constants, dx.Inner n, dx.RowPitch, dx.Step)
        | ValueNone -> ()
