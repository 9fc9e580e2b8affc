namespace Cnn.Tensors

/// One axis of a sliding window: a kernel of `Kernel` cells moves in steps of `Stride` over `Input` cells
/// with `Padding` extra cells on both sides, and stops at `Output` places.
/// Output cell o looks at the input cells o * Stride - Padding + k for k in 0 .. Kernel - 1.
[<Struct>]
type Axis =
    {
        Input: int
        Kernel: int
        Stride: int
        Padding: int
        Output: int
    }

module Axis =

    /// Output = floor((Input + 2 Padding - Kernel) / Stride) + 1
    /// (Dumoulin and Visin 2016, "A guide to convolution arithmetic", relationship 6).
    /// An Error says in words why the window does not fit.
    let create (input: int) (kernel: int) (stride: int) (padding: int) : Result<Axis, string> =
        let padded = int64 input + 2L * int64 padding

        if kernel < 1 then
            Error $"the kernel is {kernel} wide; it must be at least 1"
        elif stride < 1 then
            Error $"the stride is {stride}; it must be at least 1"
        elif padding < 0 then
            Error $"the padding is {padding}; it must not be negative"
        elif input < 1 then
            Error $"the input is {input} wide; it must be at least 1"
        elif padded < int64 kernel then
            Error $"a kernel of {kernel} does not fit into {input} cells with padding {padding}"
        else
            let places = (padded - int64 kernel) / int64 stride + 1L

            if places > int64 System.Int32.MaxValue then
                Error $"padding {padding} gives more output cells than an array can hold"
            else
                Ok
                    {
                        Input = input
                        Kernel = kernel
                        Stride = stride
                        Padding = padding
                        Output = int places
                    }

    /// The axis that signals lack when they are treated as images of one row.
    let single: Axis =
        {
            Input = 1
            Kernel = 1
            Stride = 1
            Padding = 0
            Output = 1
        }

/// A sliding window over rows and columns.
[<Struct>]
type Window =
    {
        Rows: Axis
        Columns: Axis
    }

    /// Input cells of one channel.
    member window.InputSize = window.Rows.Input * window.Columns.Input

    /// Output cells of one channel.
    member window.OutputSize = window.Rows.Output * window.Columns.Output

    /// Cells under the kernel in one channel.
    member window.KernelSize = window.Rows.Kernel * window.Columns.Kernel

module Window =

    /// The window of a kernel over an image; every pair is (rows, columns).
    let create (rows: int, columns: int) (kernel: int * int) (stride: int * int) (padding: int * int) =
        match
            Axis.create rows (fst kernel) (fst stride) (fst padding),
            Axis.create columns (snd kernel) (snd stride) (snd padding)
        with
        | Ok r, Ok c -> Ok { Rows = r; Columns = c }
        | Error e, _ -> Error $"rows: {e}"
        | _, Error e -> Error $"columns: {e}"
