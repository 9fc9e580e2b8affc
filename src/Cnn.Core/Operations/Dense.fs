namespace Cnn.Operations

open System
open Cnn.Tensors
open Cnn.Kernels

/// A fully connected layer: y = x weight + bias.
/// Shapes: x [ N; In ], weight [ In; Out ], bias [ Out ], y [ N; Out ].
module Dense =

    /// What backward needs of a forward pass.
    type Cache<'T> = { Input: Tensor<'T> }

    /// The gradient of a loss for each input of forward; sums over the examples of the batch.
    type Gradient<'T> =
        {
            Input: Tensor<'T>
            Weight: Tensor<'T>
            Bias: Tensor<'T>
        }

    /// A tensor [ rows; columns ] as a matrix.
    let private matrix (x: Tensor<'T>) = Matrix(x.Span, x.Shape[0], x.Shape[1])

    /// y and what backward needs. Raises ArgumentException when the shapes do not fit.
    let forward (weight: Tensor<'T>) (bias: Tensor<'T>) (x: Tensor<'T>) : struct (Tensor<'T> * Cache<'T>) =
        match x.Shape, weight.Shape with
        | [ n; inputs ], [ rows; outputs ] when inputs = rows ->
            Expect.shape "dense bias" [ outputs ] bias
            let y = Array.zeroCreate (n * outputs)

            for i in 0 .. n - 1 do
                bias.Span.CopyTo(Span(y, i * outputs, outputs))

            Kernel.Best.MultiplyAdd(matrix x, matrix weight, Span y)
            struct (Tensor([ n; outputs ], y), { Input = x })
        | _ ->
            invalidArg
                (nameof x)
                $"dense: inputs of shape {Shape.format x.Shape} do not fit weights of shape {Shape.format weight.Shape}"

    /// dx = dy weightᵀ
    let inputGradient (weight: Tensor<'T>) (cache: Cache<'T>) (dy: Tensor<'T>) : Tensor<'T> =
        let dx = Array.zeroCreate cache.Input.Count
        Kernel.Best.MultiplyAdd(matrix dy, (matrix weight).Transposed, Span dx)
        Tensor(cache.Input.Shape, dx)

    /// dweight = xᵀ dy
    let weightGradient (weight: Tensor<'T>) (cache: Cache<'T>) (dy: Tensor<'T>) : Tensor<'T> =
        let dweight = Array.zeroCreate weight.Count
        Kernel.Best.MultiplyAdd((matrix cache.Input).Transposed, matrix dy, Span dweight)
        Tensor(weight.Shape, dweight)

    /// dbias = the sum of dy over the examples
    let biasGradient (dy: Tensor<'T>) : Tensor<'T> =
        let outputs = dy.Shape[1]
        let dbias = Array.zeroCreate outputs

        for i in 0 .. dy.Shape[0] - 1 do
            Kernel.Best.Map2(Add<'T>(), ReadOnlySpan dbias, dy.Span.Slice(i * outputs, outputs), Span dbias)

        Tensor([ outputs ], dbias)

    /// All three gradients, given the gradient dy of the loss for y.
    let backward (weight: Tensor<'T>) (cache: Cache<'T>) (dy: Tensor<'T>) : Gradient<'T> =
        {
            Input = inputGradient weight cache dy
            Weight = weightGradient weight cache dy
            Bias = biasGradient dy
        }
