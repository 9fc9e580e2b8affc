namespace Cnn.Kernels

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Microsoft.FSharp.NativeInterop

/// The gradients of a fused convolution as matrix products, from the output gradient spread over the whole output.
module internal DenseGradients =

    /// dweight[k; o] += sum over places of x[place + k] dy[place; o]
    let private addWeightGradient
        (conv: FusedConvolution)
        (prepared: PreparedConvolution<'T>)
        (image: nativeptr<'T>)
        (x: FeatureMap<'T>)
        (dy: nativeptr<'T>)
        (dweight: nativeptr<'T>)
        =
        let lanes = prepared.Lanes
        let window = conv.Window
        // where the channels lie without gaps, a whole row of the kernel is one run of numbers
        let cellsInRun =
            if lanes.InStep = conv.InChannels then
                window.Columns.Kernel
            else
                1

        for i in 0 .. window.Rows.Kernel - 1 do
            for run in 0 .. window.Columns.Kernel / cellsInRun - 1 do
                let j = run * cellsInRun

                let target =
                    dweight +! ((i * window.Columns.Kernel + j) * conv.InChannels * lanes.OutStep)

                let product =
                    {
                        Lines = 1
                        Rows = cellsInRun * conv.InChannels
                        Columns = lanes.OutStep
                        Depth = window.OutputSize
                        A = image +! (i * x.RowPitch + j * x.Step)
                        ALine = 0
                        AStep = 1
                        Offsets = prepared.Places
                        B = dy
                        BLine = 0
                        BStep = lanes.OutStep
                        Start = target
                        StartLine = 0
                        StartStep = lanes.OutStep
                        C = target
                        CLine = 0
                        CStep = lanes.OutStep
                    }

                lanes.Out.Multiply &product

    /// dx of one example from dy with its border: without stride a convolution of its own, else phase by phase.
    let private inputGradient
        (conv: FusedConvolution)
        (prepared: PreparedConvolution<'T>)
        (dy: FeatureMap<'T>)
        (dx: FeatureMap<'T>)
        (n: int)
        (scratch: nativeptr<'T>)
        =
        let lanes = prepared.Lanes
        let rows, columns = conv.Window.Rows, conv.Window.Columns
        let target = dx.Inner n

        // the patch of the first cell
        let corner (window: Window) =
            dy.Inner 0
            +! (-window.Rows.Padding * dy.RowPitch - window.Columns.Padding * dy.Step)

        match FusedConvolution.gradientWindow conv, prepared.InputWinograd with
        | ValueSome window, ValueSome kernels ->
            WinogradConvolution.rows
                kernels
                rows.Input
                columns.Input
                (corner window)
                dy.RowPitch
                prepared.Zeros
                target
                dx.RowPitch
                dx.Step
                scratch
        | ValueSome window, ValueNone when StencilConvolution.applies window lanes.In conv.InChannels ->
            StencilConvolution.rows
                window
                conv.Filters
                lanes.In
                lanes.InStep
                prepared.Phases[0].Weight
                true
                prepared.Zeros
                rows.Input
                (corner window)
                dy.RowPitch
                dy.Step
                target
                dx.RowPitch
        | _ ->
            for phase in prepared.Phases do
                let width = (columns.Input - phase.Column + columns.Stride - 1) / columns.Stride
                let height = (rows.Input - phase.Row + rows.Stride - 1) / rows.Stride

                let product =
                    {
                        Lines = max 0 height
                        Rows = max 0 width
                        Columns = lanes.InStep
                        Depth = phase.Depth
                        A = dy.Inner 0
                        ALine = dy.RowPitch
                        AStep = dy.Step
                        Offsets = phase.Offsets
                        B = phase.Weight
                        BLine = 0
                        BStep = lanes.InStep
                        Start = prepared.Zeros
                        StartLine = 0
                        StartStep = 0
                        C = target +! (phase.Row * dx.RowPitch + phase.Column * dx.Step)
                        CLine = rows.Stride * dx.RowPitch
                        CStep = columns.Stride * dx.Step
                    }

                lanes.In.Multiply &product

    /// Whether the gradient of the weights can do without the output gradient spread out: see ChannelWeights.
    let isOfOneChannel (conv: FusedConvolution) (lanes: ConvolutionLanes<'T>) =
        lanes.InStep = 1
        && conv.Window.Rows.Stride = 1
        && conv.Window.Columns.Stride = 1
        && PooledRows.isSquare conv.Pool
        // where windows overlap, spreading is less work
        && conv.Pool.Rows.Stride > 1
        && conv.Pool.Columns.Stride > 1

    let private addChannelWeights
        (conv: FusedConvolution)
        (lanes: ConvolutionLanes<'T>)
        (gradient: FeatureMap<'T>)
        (winners: nativeptr<uint32>)
        (x: FeatureMap<'T>)
        (n: int)
        (dweight: nativeptr<'T>)
        (dbias: nativeptr<'T>)
        =
        let weights =
            {
                Pool = conv.Pool
                Gradient = gradient.Inner n
                GradientPitch = gradient.RowPitch
                Lanes = lanes.OutStep
                Winners = winners
                Image = x.Image n
                Pitch = x.RowPitch
                Rows = conv.Window.Rows.Kernel
                Columns = conv.Window.Columns.Kernel
                Weight = dweight
                Bias = dbias
            }

        lanes.Out.AddToChannelWeights &weights

    /// Both gradients from the output gradient, spread over the output of the convolution.
    let private spread
        (workspace: Workspace)
        (conv: FusedConvolution)
        (prepared: PreparedConvolution<'T>)
        (gradient: FeatureMap<'T>)
        (winners: nativeptr<uint32>)
        (x: FeatureMap<'T>)
        (dx: FeatureMap<'T> voption)
        (dweight: nativeptr<'T>)
        (dbias: nativeptr<'T>)
        =
        let lanes = prepared.Lanes
        let rows, columns = conv.Window.Rows.Output, conv.Window.Columns.Output
        let dy = workspace.Take<'T>(Checked.(*) (rows * columns) lanes.OutStep)

        let bordered =
            match dx with
            | ValueSome _ ->
                ValueSome(
                    FeatureMap.take<'T>
                        workspace
                        1
                        conv.Filters
                        lanes.OutStep
                        (rows, columns)
                        (FusedConvolution.gradientBorder conv)
                )
            | ValueNone -> ValueNone

        let scratch =
            match prepared.InputWinograd with
            | ValueSome kernels ->
                workspace.Take<'T>(WinogradConvolution.scratch kernels conv.Window.Rows.Input conv.Window.Columns.Input)
            | ValueNone -> NativePtr.nullPtr

        let winnersSize = FusedConvolution.winnersSize conv lanes

        for n in 0 .. x.Examples - 1 do
            lanes.Out.Unpool(
                conv.Pool,
                gradient.Inner n,
                gradient.RowPitch,
                winners +! (n * winnersSize),
                lanes.OutStep,
                dy,
                dbias
            )

            addWeightGradient conv prepared (x.Image n) x dy dweight

            match dx, bordered with
            | ValueSome dx, ValueSome bordered ->
                for row in 0 .. rows - 1 do
                    let line = columns * lanes.OutStep

                    Span<'T>(NativePtr.toVoidPtr (dy +! (row * line)), line)
                        .CopyTo(Span<'T>(NativePtr.toVoidPtr (bordered.Inner 0 +! (row * bordered.RowPitch)), line))

                inputGradient conv prepared bordered dx n scratch
            | _ -> ()

    /// Both gradients of a shard, the weights' summed up in dweight [ KH KW C; OutStep ].
    let backward
        (workspace: Workspace)
        (conv: FusedConvolution)
        (prepared: PreparedConvolution<'T>)
        (gradient: FeatureMap<'T>)
        (winners: nativeptr<uint32>)
        (x: FeatureMap<'T>)
        (dx: FeatureMap<'T> voption)
        (dweight: nativeptr<'T>)
        (dbias: nativeptr<'T>)
        =
        let lanes = prepared.Lanes

        if dx.IsNone && isOfOneChannel conv lanes then
            let winnersSize = FusedConvolution.winnersSize conv lanes

            for n in 0 .. x.Examples - 1 do
                addChannelWeights conv lanes gradient (winners +! (n * winnersSize)) x n dweight dbias
        else
            spread workspace conv prepared gradient winners x dx dweight dbias
