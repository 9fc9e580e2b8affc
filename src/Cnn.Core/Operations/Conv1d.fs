namespace Cnn.Operations

open Cnn.Tensors

/// One-dimensional convolution (cross-correlation) with bias:
///
///   y[n; o; i] = bias[o] + sum over c, a of weight[o; c; a] * x[n; c; i * stride - padding + a]
///
/// with x = 0 outside the signal: a two-dimensional convolution whose images have a single row.
/// Shapes: x [ N; C; L ], weight [ O; C; K ], bias [ O ], y [ N; O; OL ].
module Conv1d =

    type Config =
        {
            Filters: int
            Kernel: int
            Stride: int
            Padding: int
        }

    /// What backward needs of a forward pass.
    type Cache<'T> = { Image: Conv2d.Cache<'T> }

    /// The gradient of a loss for each input of forward; sums over the examples of the batch.
    type Gradient<'T> =
        {
            Input: Tensor<'T>
            Weight: Tensor<'T>
            Bias: Tensor<'T>
        }

    let private asImage (config: Config) : Conv2d.Config =
        {
            Filters = config.Filters
            Kernel = (1, config.Kernel)
            Stride = (1, config.Stride)
            Padding = (0, config.Padding)
        }

    /// [ N; C; L ] to [ N; C; 1; L ], so too for weights
    let private addRow (x: Tensor<'T>) =
        match x.Shape with
        | [ outer; channels; length ] -> Tensor.reshape [ outer; channels; 1; length ] x
        | other -> invalidArg (nameof x) $"conv1d: expects three axes, but gets {Shape.format other}"

    let private dropRow (x: Tensor<'T>) =
        match x.Shape with
        | [ outer; channels; _; length ] -> Tensor.reshape [ outer; channels; length ] x
        | _ -> x

    /// [ O; C; K ]
    let weightShape (config: Config) (channels: int) : Shape =
        [ config.Filters; channels; config.Kernel ]

    /// The length of y for x of length L, or why there is none.
    let outputLength (config: Config) (length: int) : Result<int, string> =
        Axis.create length config.Kernel config.Stride config.Padding
        |> Result.map (fun axis -> axis.Output)

    /// y and what backward needs. Raises ArgumentException when the shapes do not fit.
    let forward
        (config: Config)
        (weight: Tensor<'T>)
        (bias: Tensor<'T>)
        (x: Tensor<'T>)
        : struct (Tensor<'T> * Cache<'T>) =
        let struct (y, cache) =
            Conv2d.forward (asImage config) (addRow weight) bias (addRow x)

        struct (dropRow y, { Image = cache })

    /// dx, the gradient for the signal: see Conv2d.inputGradient.
    let inputGradient (weight: Tensor<'T>) (cache: Cache<'T>) (dy: Tensor<'T>) : Tensor<'T> =
        dropRow (Conv2d.inputGradient (addRow weight) cache.Image (addRow dy))

    /// dweight: see Conv2d.weightGradient.
    let weightGradient (weight: Tensor<'T>) (cache: Cache<'T>) (dy: Tensor<'T>) : Tensor<'T> =
        dropRow (Conv2d.weightGradient (addRow weight) cache.Image (addRow dy))

    /// dbias: see Conv2d.biasGradient.
    let biasGradient (cache: Cache<'T>) (dy: Tensor<'T>) : Tensor<'T> =
        Conv2d.biasGradient cache.Image (addRow dy)

    /// All three gradients, given the gradient dy of the loss for y.
    let backward (weight: Tensor<'T>) (cache: Cache<'T>) (dy: Tensor<'T>) : Gradient<'T> =
        {
            Input = inputGradient weight cache dy
            Weight = weightGradient weight cache dy
            Bias = biasGradient cache dy
        }
