namespace Cnn.Kernels

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Microsoft.FSharp.NativeInterop
// sizes that no memory has raise OverflowException, instead of writing past a smaller one
open Checked

/// A convolution with the ReLU and the pooling that follow it, as one operation on feature maps.
type FusedConvolution =
    {
        InChannels: int
        Filters: int
        Window: Window
        Relu: bool
        /// Over the output of the convolution; a window of one cell where there is no pooling.
        Pool: Window
    }

    /// Numbers under the kernel at one place.
    member c.PatchSize = c.InChannels * c.Window.KernelSize

    /// The border that the padding needs.
    member c.Border = (c.Window.Rows.Padding, c.Window.Columns.Padding)

/// What runs over the output channels and over the input channels; how far the cells of either map lie apart.
[<Struct>]
type internal ConvolutionLanes<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    {
        Out: Processor<'T>
        OutStep: int
        In: Processor<'T>
        InStep: int
        /// Whether the gradients skip what is 0: worth it behind pooling, where 3 entries of 4 are for certain.
        Sparse: bool
    }

/// The weights as the kernels want them, and tables of where to look. Made once for all examples of a batch.
type internal PreparedConvolution<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    {
        Lanes: ConvolutionLanes<'T>
        /// [ KH KW C; OutStep ]
        Weight: nativeptr<'T>
        /// [ OutStep ]
        Bias: nativeptr<'T>
        /// For each row of Weight, where it looks in the input.
        Patch: nativeptr<nativeint>
        /// The same weights transformed, where that takes fewer multiplications.
        Winograd: WinogradKernels<'T> voption
        /// [ O; KH; KW InStep ], for sparse gradients; else null.
        Filters: nativeptr<'T>
        /// For the dense gradient of the input; else empty.
        Phases: ConvolutionPhase<'T>[]
        /// The weights of the only phase transformed, where that takes fewer multiplications.
        InputWinograd: WinogradKernels<'T> voption
        /// For each place of the window, where it starts in the input: for the dense gradient of the weights.
        Places: nativeptr<nativeint>
        /// [ max(OutStep, InStep) ]
        Zeros: nativeptr<'T>
    }

/// The cells of the input that lie at one distance from the steps of the stride. All of them meet the same cells of the kernel,
/// and so their gradient is a convolution without stride.
and internal ConvolutionPhase<'T when 'T: unmanaged> =
    {
        Row: int
        Column: int
        /// Kernel cells met, times filters.
        Depth: int
        /// [ Depth; InStep ]
        Weight: nativeptr<'T>
        /// For each row of Weight, where it looks in the gradient of the output.
        Offsets: nativeptr<nativeint>
        /// And where it stands in the layer's own weights, for the first channel.
        Sources: nativeptr<int>
    }

module internal FusedConvolution =

    /// How the channels are laid out, given how those of the input already are.
    let lanes<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (inStep: int) (conv: FusedConvolution) =
        let out = Kernel<'T>.For conv.Filters
        let input = Kernel<'T>.Dividing inStep

        {
            Out = out
            OutStep = out.RoundUp conv.Filters
            In = input
            InStep = inStep
            Sparse = conv.Pool.KernelSize >= 4 && (input.Lanes > 1 || Processor.WidestBits = 0)
        }

    /// Where output cells have to be padded with zeros, so that every phase can look as far as it needs.
    let gradientBorder (conv: FusedConvolution) =
        let border (axis: Axis) =
            let before = (axis.Kernel - 1 - axis.Padding + axis.Stride - 1) / axis.Stride
            let after = (axis.Input - 1 + axis.Padding) / axis.Stride - (axis.Output - 1)
            max 0 (max before after)

        (border conv.Window.Rows, border conv.Window.Columns)

    /// Where there is no stride, the gradient of the input is a convolution of that of the output, with the kernel turned half
    /// round and what is left of it as padding.
    let gradientWindow (conv: FusedConvolution) : Window voption =
        let axis (a: Axis) : Axis =
            {
                Input = a.Output
                Kernel = a.Kernel
                Stride = 1
                Padding = a.Kernel - 1 - a.Padding
                Output = a.Input
            }

        if conv.Window.Rows.Stride = 1 && conv.Window.Columns.Stride = 1 then
            ValueSome
                {
                    Rows = axis conv.Window.Rows
                    Columns = axis conv.Window.Columns
                }
        else
            ValueNone

    /// How many numbers hold the winners of one example.
    let winnersSize (conv: FusedConvolution) (lanes: ConvolutionLanes<'T>) =
        conv.Pool.OutputSize * (lanes.OutStep / lanes.Out.Lanes) * conv.Pool.KernelSize
