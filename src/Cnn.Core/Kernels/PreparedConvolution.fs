namespace Cnn.Kernels

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Microsoft.FSharp.NativeInterop
// sizes that no memory has raise OverflowException, instead of writing past a smaller one
open Checked

/// Makes the tables, and copies and transforms the weights.
module internal PreparedConvolution =

    /// Each phase of an axis: the kernel cells that it meets, and how far from its own place the output cell of each lies.
    let private met (axis: Axis) (phase: int) =
        [
            for k in 0 .. axis.Kernel - 1 do
                let distance = phase + axis.Padding - k

                if distance % axis.Stride = 0 then
                    k, distance / axis.Stride
        ]

    let private phase
        (workspace: Workspace)
        (conv: FusedConvolution)
        (lanes: ConvolutionLanes<'T>)
        (row: int)
        (column: int)
        : ConvolutionPhase<'T> =
        let cells =
            [
                for i, down in met conv.Window.Rows row do
                    for j, right in met conv.Window.Columns column -> struct (i, j, down, right)
            ]

        let depth = cells.Length * conv.Filters
        let packed = workspace.TakeZeros<'T>(depth * lanes.InStep)
        let offsets = workspace.Take<nativeint> depth
        let sources = workspace.Take<int> depth

        let pitch =
            (conv.Window.Columns.Output + 2 * snd (FusedConvolution.gradientBorder conv))
            * lanes.OutStep

        let mutable k = 0

        for struct (i, j, down, right) in cells do
            for o in 0 .. conv.Filters - 1 do
                NativePtr.set offsets k (nativeint (down * pitch + right * lanes.OutStep + o) * nativeint sizeof<'T>)
                NativePtr.set sources k (o * conv.PatchSize + i * conv.Window.Columns.Kernel + j)
                k <- k + 1

        {
            Row = row
            Column = column
            Depth = depth
            Weight = packed
            Offsets = offsets
            Sources = sources
        }

    let private winograd
        (workspace: Workspace)
        (window: Window)
        (input: Processor<'T>)
        (inStep: int)
        (channels: int)
        (out: Processor<'T>)
        (outStep: int)
        (filters: int)
        =
        if WinogradConvolution.applies window channels filters then
            ValueSome(WinogradConvolution.prepare workspace input inStep channels out outStep)
        else
            ValueNone

    /// Tables, and memory for the weights, which have yet to be packed; `forTraining` also prepares the gradients, `withInput` that of
    /// the input.
    let prepare
        (workspace: Workspace)
        (conv: FusedConvolution)
        (lanes: ConvolutionLanes<'T>)
        (forTraining: bool)
        (withInput: bool)
        : PreparedConvolution<'T> =
        let window = conv.Window
        let kernelRows, kernelColumns = window.Rows.Kernel, window.Columns.Kernel
        let size = nativeint sizeof<'T>
        let inPitch = (window.Columns.Input + 2 * window.Columns.Padding) * lanes.InStep
        let packed = workspace.TakeZeros<'T>(conv.PatchSize * lanes.OutStep)
        let patch = workspace.Take<nativeint> conv.PatchSize
        let mutable k = 0

        for i in 0 .. kernelRows - 1 do
            for j in 0 .. kernelColumns - 1 do
                for c in 0 .. conv.InChannels - 1 do
                    NativePtr.set patch k (nativeint (i * inPitch + j * lanes.InStep + c) * size)
                    k <- k + 1

        let filters =
            if not (forTraining && lanes.Sparse && withInput) then
                NativePtr.nullPtr
            else
                workspace.TakeZeros<'T>(conv.Filters * window.KernelSize * lanes.InStep)

        let phases =
            if not (forTraining && withInput) || lanes.Sparse then
                [||]
            else
                [|
                    for row in 0 .. window.Rows.Stride - 1 do
                        for column in 0 .. window.Columns.Stride - 1 -> phase workspace conv lanes row column
                |]

        let places =
            if not forTraining || lanes.Sparse then
                NativePtr.nullPtr
            else
                let places = workspace.Take<nativeint> window.OutputSize

                for row in 0 .. window.Rows.Output - 1 do
                    for column in 0 .. window.Columns.Output - 1 do
                        let start =
                            row * window.Rows.Stride * inPitch
                            + column * window.Columns.Stride * lanes.InStep

                        NativePtr.set places (row * window.Columns.Output + column) (nativeint start * size)

                places

        {
            Lanes = lanes
            Weight = packed
            Bias = workspace.TakeZeros<'T> lanes.OutStep
            Patch = patch
            Winograd =
                winograd workspace window lanes.In lanes.InStep conv.InChannels lanes.Out lanes.OutStep conv.Filters
            Filters = filters
            Phases = phases
            InputWinograd =
                match FusedConvolution.gradientWindow conv with
                | ValueSome turned when phases.Length = 1 ->
                    winograd workspace turned lanes.Out lanes.OutStep conv.Filters lanes.In lanes.InStep conv.InChannels
                | _ -> ValueNone
            Places = places
            Zeros = workspace.TakeZeros<'T>(max lanes.OutStep lanes.InStep)
        }

    /// Copies weight [ O; C; KH; KW ] and bias [ O ] to where the kernels want them.
    let pack
        (conv: FusedConvolution)
        (prepared: PreparedConvolution<'T>)
        (weight: nativeptr<'T>)
        (bias: nativeptr<'T>)
        =
        let lanes = prepared.Lanes
        let size = conv.Window.KernelSize

        for o in 0 .. conv.Filters - 1 do
            NativePtr.set prepared.Bias o (NativePtr.get bias o)

            for c in 0 .. conv.InChannels - 1 do
                let source = weight +! ((o * conv.InChannels + c) * size)
                let target = prepared.Weight +! (c * lanes.OutStep + o)

                for t in 0 .. size - 1 do
                    NativePtr.set target (t * conv.InChannels * lanes.OutStep) (NativePtr.get source t)

                if not (NativePtr.isNullPtr prepared.Filters) then
                    let target = prepared.Filters +! (o * size * lanes.InStep + c)

                    for t in 0 .. size - 1 do
                        NativePtr.set target (t * lanes.InStep) (NativePtr.get source t)

        match prepared.Winograd with
        | ValueSome kernels -> WinogradConvolution.pack kernels prepared.Weight false
        | ValueNone -> ()

        for phase in prepared.Phases do
            for k in 0 .. phase.Depth - 1 do
                let source = weight +! NativePtr.get phase.Sources k
                let target = phase.Weight +! (k * lanes.InStep)

                for c in 0 .. conv.InChannels - 1 do
                    NativePtr.set target c (NativePtr.get source (c * size))

        match prepared.InputWinograd with
        | ValueSome kernels -> WinogradConvolution.pack kernels prepared.Phases[0].Weight true
        | ValueNone -> ()
