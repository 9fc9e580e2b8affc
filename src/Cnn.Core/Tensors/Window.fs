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

    /// The largest input, kernel, stride or padding: sums of them then never overflow.
    [<Literal>]
    let Most = 16_777_216

    /// Output = floor((Input + 2 Padding - Kernel) / Stride) + 1
    /// (Dumoulin and Visin 2016, "A guide to convolution arithmetic", relationship 6).
    /// An Error says in words why the window does not fit.
    let create (input: int) (kernel: int) (stride: int) (padding: int) : Result<Axis, string> =
        let padded = int64 input + 2L * int64 padding

        let tooLarge =
            [ "kernel", kernel; "stride", stride; "padding", padding; "input", input ]
            |> List.tryFind (fun (_, cells) -> cells > Most)

        if kernel < 1 then
            Error $"the kernel is {kernel} wide; it must be at least 1"
        elif stride < 1 then
            Error $"the stride is {stride}; it must be at least 1"
        elif padding < 0 then
            Error $"the padding is {padding}; it must not be negative"
        elif input < 1 then
            Error $"the input is {input} wide; it must be at least 1"
        elif tooLarge.IsSome then
            Error $"the {fst tooLarge.Value} is {snd tooLarge.Value}; it may be {Most} at most"
        elif padded < int64 kernel then
            Error $"a kernel of {kernel} does not fit into {input} cells with padding {padding}"
        else
            Ok
                {
                    Input = input
                    Kernel = kernel
                    Stride = stride
                    Padding = padding
                    Output = int ((padded - int64 kernel) / int64 stride + 1L)
                }

/// A sliding window over rows and columns.
[<Struct>]
type Window =
    {
        Rows: Axis
        Columns: Axis
    }

    /// Input cells of one channel.
    member window.InputSize = Checked.(*) window.Rows.Input window.Columns.Input

    /// Output cells of one channel.
    member window.OutputSize = Checked.(*) window.Rows.Output window.Columns.Output

    /// Cells under the kernel in one channel.
    member window.KernelSize = Checked.(*) window.Rows.Kernel window.Columns.Kernel

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
