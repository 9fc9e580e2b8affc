namespace Cnn.Kernels

#nowarn "9"
#nowarn "3535"

/// A part of a convolution, over a line of cells:
///
///   y[l; j] = start + sum over i, k, c of x[l * XLine + i * XPitch + (j + k) * XStep + c] * w[i; k; c]
///
/// for `Taps` neighbouring cells k of each row i of the kernel. w[i; k; c] = Weight + i * WeightRow + k * WeightTap + c * WeightStep,
/// start and y are `Vectors` vectors of filters. Steps are in numbers.
[<Struct>]
type internal Stencil<'T when 'T: unmanaged> =
    {
        Lines: int
        Columns: int
        KernelRows: int
        /// 1, 2 or 3.
        Taps: int
        Channels: int
        Vectors: int
        X: nativeptr<'T>
        XLine: int
        XPitch: int
        XStep: int
        Weight: nativeptr<'T>
        WeightRow: int
        WeightTap: int
        WeightStep: int
        /// One row for all cells, with steps of 0, or y itself to add to it.
        Start: nativeptr<'T>
        StartLine: int
        StartStep: int
        Y: nativeptr<'T>
        YLine: int
        YStep: int
    }

/// A number that the JIT compiles into a loop: how many cells are summed in registers at once, or how many taps they have.
type internal ICount =
    static abstract Value: int

[<Struct>]
type internal Count1 =
    interface ICount with
        static member Value = 1

[<Struct>]
type internal Count2 =
    interface ICount with
        static member Value = 2

[<Struct>]
type internal Count3 =
    interface ICount with
        static member Value = 3

[<Struct>]
type internal Count4 =
    interface ICount with
        static member Value = 4

[<Struct>]
type internal Count5 =
    interface ICount with
        static member Value = 5

[<Struct>]
type internal Count6 =
    interface ICount with
        static member Value = 6

[<Struct>]
type internal Count7 =
    interface ICount with
        static member Value = 7

[<Struct>]
type internal Count8 =
    interface ICount with
        static member Value = 8

[<Struct>]
type internal Count9 =
    interface ICount with
        static member Value = 9

[<Struct>]
type internal Count10 =
    interface ICount with
        static member Value = 10

[<Struct>]
type internal Count11 =
    interface ICount with
        static member Value = 11

[<Struct>]
type internal Count12 =
    interface ICount with
        static member Value = 12

[<Struct>]
type internal Count13 =
    interface ICount with
        static member Value = 13

[<Struct>]
type internal Count14 =
    interface ICount with
        static member Value = 14
