namespace Cnn.Operations

open Cnn.Tensors
open Cnn.Kernels

/// Two-dimensional convolution (cross-correlation, as in every deep-learning library) with bias:
///
///   y[n; o; i; j] = bias[o] + sum over c, a, b of
///                   weight[o; c; a; b] * x[n; c; i * strideRows - paddingRows + a; j * strideColumns - paddingColumns + b]
///
/// with x = 0 outside the image (LeCun et al. 1998, "Gradient-based learning applied to document recognition").
/// Shapes: x [ N; C; H; W ], weight [ O; C; KH; KW ], bias [ O ], y [ N; O; OH; OW ].
module Conv2d =

    /// Every pair is (rows, columns).
    type Config =
        {
            Filters: int
            Kernel: int * int
            Stride: int * int
            Padding: int * int
        }

    /// What backward needs of a forward pass.
    type Cache<'T> =
        {
            Shape: ConvolutionShape
            Input: Tensor<'T>
        }

    /// The gradient of a loss for each input of forward; sums over the examples of the batch.
    type Gradient<'T> =
        {
            Input: Tensor<'T>
            Weight: Tensor<'T>
            Bias: Tensor<'T>
        }

    /// A square kernel with one stride and one padding for both axes.
    let square (filters: int) (kernel: int) (stride: int) (padding: int) : Config =
        {
            Filters = filters
            Kernel = (kernel, kernel)
            Stride = (stride, stride)
            Padding = (padding, padding)
        }

    /// [ O; C; KH; KW ]
    let weightShape (config: Config) (channels: int) : Shape =
        [ config.Filters; channels; fst config.Kernel; snd config.Kernel ]

    /// The shape of y for x of shape [ N; C; H; W ], or why there is none.
    let shape (config: Config) (input: Shape) : Result<ConvolutionShape, string> =
        match input with
        | [ n; channels; rows; columns ] when config.Filters >= 1 ->
            Window.create (rows, columns) config.Kernel config.Stride config.Padding
            |> Result.map (fun window ->
                {
                    Batch = n
                    InChannels = channels
                    OutChannels = config.Filters
                    Window = window
                })
        | [ _; _; _; _ ] -> Error $"{config.Filters} filters; there must be at least 1"
        | other -> Error $"expects channels x rows x columns, but gets {Shape.format other}"

    let private outputShape (shape: ConvolutionShape) : Shape =
        [
            shape.Batch
            shape.OutChannels
            shape.Window.Rows.Output
            shape.Window.Columns.Output
        ]

    /// y and what backward needs. Raises ArgumentException when the shapes do not fit.
    let forward
        (config: Config)
        (weight: Tensor<'T>)
        (bias: Tensor<'T>)
        (x: Tensor<'T>)
        : struct (Tensor<'T> * Cache<'T>) =
        match shape config x.Shape with
        | Error reason -> invalidArg (nameof x) $"convolution: {reason}"
        | Ok shape ->
            Expect.shape "convolution weight" (weightShape config shape.InChannels) weight
            Expect.shape "convolution bias" [ config.Filters ] bias

            let y = Array.zeroCreate (Checked.(*) shape.Batch shape.OutputSize)

            Convolution.forward Kernel.Best shape x.Values weight.Values bias.Values y

            struct (Tensor(outputShape shape, y), { Shape = shape; Input = x })

    let private expectGradient (cache: Cache<'T>) (dy: Tensor<'T>) =
        Expect.shape "convolution output gradient" (outputShape cache.Shape) dy

    let private expectWeight (cache: Cache<'T>) (weight: Tensor<'T>) =
        let window = cache.Shape.Window

        Expect.shape
            "convolution weight"
            [
                cache.Shape.OutChannels
                cache.Shape.InChannels
                window.Rows.Kernel
                window.Columns.Kernel
            ]
            weight

    /// dx[n; c; h; w] = sum of weight[o; c; a; b] dy[n; o; i; j] over all (o, i, j, a, b) that read x[n; c; h; w].
    let inputGradient (weight: Tensor<'T>) (cache: Cache<'T>) (dy: Tensor<'T>) : Tensor<'T> =
        expectGradient cache dy
        expectWeight cache weight
        let dx = Array.zeroCreate cache.Input.Count
        Convolution.inputGradient Kernel.Best cache.Shape weight.Values dy.Values dx
        Tensor(cache.Input.Shape, dx)

    /// dweight[o; c; a; b] = sum over n, i, j of dy[n; o; i; j] * (the x that it met).
    let weightGradient (weight: Tensor<'T>) (cache: Cache<'T>) (dy: Tensor<'T>) : Tensor<'T> =
        expectGradient cache dy
        expectWeight cache weight
        let dweight = Array.zeroCreate weight.Count
        Convolution.weightGradient Kernel.Best cache.Shape cache.Input.Values dy.Values dweight
        Tensor(weight.Shape, dweight)

    /// dbias[o] = sum over n, i, j of dy[n; o; i; j].
    let biasGradient (cache: Cache<'T>) (dy: Tensor<'T>) : Tensor<'T> =
        expectGradient cache dy
        let dbias = Array.zeroCreate cache.Shape.OutChannels
        Convolution.biasGradient Kernel.Best cache.Shape dy.Values dbias
        Tensor([ cache.Shape.OutChannels ], dbias)

    /// All three gradients, given the gradient dy of the loss for y.
    let backward (weight: Tensor<'T>) (cache: Cache<'T>) (dy: Tensor<'T>) : Gradient<'T> =
        {
            Input = inputGradient weight cache dy
            Weight = weightGradient weight cache dy
            Bias = biasGradient cache dy
        }
