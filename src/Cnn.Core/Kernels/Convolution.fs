namespace Cnn.Kernels

open System
open System.Buffers
open Cnn.Tensors

/// What a convolution works on: how many examples and channels, and the window.
type ConvolutionShape =
    {
        Batch: int
        InChannels: int
        OutChannels: int
        Window: Window
    }

    /// Values in one example of the input. All sizes raise OverflowException where an array could not hold them.
    member s.InputSize = Checked.(*) s.InChannels s.Window.InputSize

    /// Values in one example of the output.
    member s.OutputSize = Checked.(*) s.OutChannels s.Window.OutputSize

    /// Values under the kernel at one place, over all channels: the rows of the patch matrix.
    member s.PatchSize = Checked.(*) s.InChannels s.Window.KernelSize

/// Convolution and its three gradients as matrix products, one example after the other.
/// Layouts: x [ N; C; H; W ], weight [ O; C; KH; KW ], y [ N; O; OH; OW ]. Every `target` starts as zeros.
module internal Convolution =

    let private example (values: 'T[]) (n: int) (size: int) = ReadOnlySpan(values, n * size, size)

    /// y[n] = weight patches(x[n]) + bias
    let forward
        (processor: Processor<'T>)
        (shape: ConvolutionShape)
        (x: 'T[])
        (weight: 'T[])
        (bias: 'T[])
        (target: 'T[])
        =
        let places = shape.Window.OutputSize
        let scratch = ArrayPool<'T>.Shared.Rent(Checked.(*) shape.PatchSize places)
        let patches = Span(scratch, 0, shape.PatchSize * places)

        for n in 0 .. shape.Batch - 1 do
            Patches.gather shape.Window shape.InChannels (example x n shape.InputSize) patches
            let y = Span(target, n * shape.OutputSize, shape.OutputSize)

            for o in 0 .. shape.OutChannels - 1 do
                y.Slice(o * places, places).Fill bias[o]

            processor.MultiplyAdd(
                Matrix(ReadOnlySpan weight, shape.OutChannels, shape.PatchSize),
                Matrix(Span.op_Implicit patches, shape.PatchSize, places),
                y
            )

        ArrayPool<'T>.Shared.Return scratch

    /// dx[n] = patchesᵀ(weightᵀ dy[n])
    let inputGradient (processor: Processor<'T>) (shape: ConvolutionShape) (weight: 'T[]) (dy: 'T[]) (target: 'T[]) =
        let places = shape.Window.OutputSize
        let scratch = ArrayPool<'T>.Shared.Rent(Checked.(*) shape.PatchSize places)
        let patches = Span(scratch, 0, shape.PatchSize * places)

        for n in 0 .. shape.Batch - 1 do
            patches.Clear()

            processor.MultiplyAdd(
                Matrix(ReadOnlySpan weight, shape.OutChannels, shape.PatchSize).Transposed,
                Matrix(example dy n shape.OutputSize, shape.OutChannels, places),
                patches
            )

            Patches.scatterAdd
                processor
                shape.Window
                shape.InChannels
                patches
                (Span(target, n * shape.InputSize, shape.InputSize))

        ArrayPool<'T>.Shared.Return scratch

    /// dweight = sum over n of dy[n] patches(x[n])ᵀ
    let weightGradient (processor: Processor<'T>) (shape: ConvolutionShape) (x: 'T[]) (dy: 'T[]) (target: 'T[]) =
        let places = shape.Window.OutputSize
        let patchValues = Checked.(*) shape.PatchSize places
        // The right-hand side of the product is re-packed, so it should be the smaller one. Where dy is smaller, the sum is
        // kept transposed: dweightᵀ = sum of patches(x[n]) dy[n]ᵀ
        let transposed = shape.OutChannels < shape.PatchSize
        let scratch = ArrayPool<'T>.Shared.Rent(patchValues + target.Length)
        let patches = Span(scratch, 0, patchValues)
        let sum = Span(scratch, patchValues, target.Length)
        sum.Clear()

        for n in 0 .. shape.Batch - 1 do
            Patches.gather shape.Window shape.InChannels (example x n shape.InputSize) patches
            let patchMatrix = Matrix(Span.op_Implicit patches, shape.PatchSize, places)
            let dyMatrix = Matrix(example dy n shape.OutputSize, shape.OutChannels, places)

            if transposed then
                processor.MultiplyAdd(patchMatrix, dyMatrix.Transposed, sum)
            else
                processor.MultiplyAdd(dyMatrix, patchMatrix.Transposed, sum)

        if transposed then
            for o in 0 .. shape.OutChannels - 1 do
                for k in 0 .. shape.PatchSize - 1 do
                    target[o * shape.PatchSize + k] <- sum[k * shape.OutChannels + o]
        else
            sum.CopyTo(Span target)

        ArrayPool<'T>.Shared.Return scratch

    /// dbias[o] = sum over n and places of dy[n; o]
    let biasGradient (processor: Processor<'T>) (shape: ConvolutionShape) (dy: 'T[]) (target: 'T[]) =
        let places = shape.Window.OutputSize

        for n in 0 .. shape.Batch - 1 do
            for o in 0 .. shape.OutChannels - 1 do
                target[o] <- target[o] + processor.Sum(example dy (n * shape.OutChannels + o) places)
