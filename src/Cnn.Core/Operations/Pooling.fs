namespace Cnn.Operations

open Cnn.Tensors
open Cnn.Kernels

/// How a pooling window moves; every pair is (rows, columns).
type PoolConfig =
    {
        Kernel: int * int
        Stride: int * int
        Padding: int * int
    }

module PoolConfig =

    /// A square window that moves by its own size, without padding: what "pool 2" means.
    let square (size: int) : PoolConfig =
        {
            Kernel = (size, size)
            Stride = (size, size)
            Padding = (0, 0)
        }

    /// The window over planes of x [ N; C; H; W ], or why there is none. The padding must be smaller than the
    /// kernel, or a window could lie in the padding alone.
    let window (config: PoolConfig) (input: Shape) : Result<Window, string> =
        match input with
        | [ _; _; rows; columns ] ->
            if
                fst config.Padding >= fst config.Kernel
                || snd config.Padding >= snd config.Kernel
            then
                Error $"the padding {config.Padding} must be smaller than the window {config.Kernel}"
            else
                Window.create (rows, columns) config.Kernel config.Stride config.Padding
        | other -> Error $"expects channels x rows x columns, but gets {Shape.format other}"

    let internal windowOrRaise (operation: string) (config: PoolConfig) (x: Tensor<'T>) =
        match window config x.Shape with
        | Ok window -> window
        | Error reason -> invalidArg (nameof x) $"{operation}: {reason}"

    let internal outputShape (window: Window) (input: Shape) : Shape =
        [ input[0]; input[1]; window.Rows.Output; window.Columns.Output ]

/// y[n; c; i; j] = the maximum of x under the window at (i, j). Padding never wins. Of equal maxima the first in
/// row-major order wins, and takes the whole gradient.
module MaxPool2d =

    /// What backward needs: for each output cell, which cell of its input plane won.
    type Cache =
        {
            Window: Window
            InputShape: Shape
            Winners: Tensor<int>
        }

    type Gradient<'T> = { Input: Tensor<'T> }

    /// y and what backward needs. Raises ArgumentException when the window does not fit x [ N; C; H; W ].
    let forward (config: PoolConfig) (x: Tensor<'T>) : struct (Tensor<'T> * Cache) =
        let window = PoolConfig.windowOrRaise "max-pool" config x
        let shape = PoolConfig.outputShape window x.Shape
        let y = Array.zeroCreate (Shape.size shape)
        let winners = Array.zeroCreate y.Length
        Pooling.maximum window (shape[0] * shape[1]) x.Values y winners

        struct (Tensor(shape, y),
                {
                    Window = window
                    InputShape = x.Shape
                    Winners = Tensor(shape, winners)
                })

    /// dx = each dy at the cell that won its window; cells that won several windows get the sum.
    let backward (cache: Cache) (dy: Tensor<'T>) : Gradient<'T> =
        Expect.shape "max-pool gradient" cache.Winners.Shape dy
        let dx = Array.zeroCreate (Shape.size cache.InputShape)
        Pooling.maximumGradient cache.Window (dy.Shape[0] * dy.Shape[1]) cache.Winners.Values dy.Values dx
        { Input = Tensor(cache.InputShape, dx) }

/// y[n; c; i; j] = the sum of x under the window at (i, j), divided by the window's full area: padding counts
/// as zeros (PyTorch's count_include_pad).
module AvgPool2d =

    /// What backward needs of a forward pass.
    type Cache = { Window: Window; InputShape: Shape }

    type Gradient<'T> = { Input: Tensor<'T> }

    /// y and what backward needs. Raises ArgumentException when the window does not fit x [ N; C; H; W ].
    let forward (config: PoolConfig) (x: Tensor<'T>) : struct (Tensor<'T> * Cache) =
        let window = PoolConfig.windowOrRaise "average-pool" config x
        let shape = PoolConfig.outputShape window x.Shape
        let y = Array.zeroCreate (Shape.size shape)
        Pooling.average window (shape[0] * shape[1]) x.Values y

        struct (Tensor(shape, y),
                {
                    Window = window
                    InputShape = x.Shape
                })

    /// dx = each dy, divided by the window's area, at every cell of its window.
    let backward (cache: Cache) (dy: Tensor<'T>) : Gradient<'T> =
        Expect.shape "average-pool gradient" (PoolConfig.outputShape cache.Window cache.InputShape) dy
        let dx = Array.zeroCreate (Shape.size cache.InputShape)
        Pooling.averageGradient cache.Window (dy.Shape[0] * dy.Shape[1]) dy.Values dx
        { Input = Tensor(cache.InputShape, dx) }
