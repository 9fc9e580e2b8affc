namespace Cnn.Fusion

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Operations
open Cnn.Networks
open Microsoft.FSharp.NativeInterop

/// A stage as its kernels want it: tables, and memory for its parameters.
[<RequireQualifiedAccess>]
type internal Prepared<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    | Convolution of FusedConvolution * PreparedConvolution<'T>
    | Dense of FusedDense * PreparedDense<'T>
    /// Weight and bias in training; in inference, what the input is multiplied by and what is added.
    | Normalization of Activation * CellLanes<'T> * weight: nativeptr<'T> * bias: nativeptr<'T>
    | Pointwise of Activation * CellLanes<'T>
    | Dropping of rate: float * step: int
    | Pooling of Window * Processor<'T> * step: int
    | GlobalAverage of CellLanes<'T> * outputStep: int
    | Aside of outputStep: int
    | Join of CellLanes<'T>
    | Unfused of Layer * outputStep: int

/// Makes stages ready for their kernels: tables once, weights whenever they change.
module internal PreparedStage =

    /// Channels, and the rows and columns of each: a signal is an image of one row, a vector one of one cell, and what has more axes is
    /// an image of one row as well.
    let extents (shape: Shape) : struct (int * struct (int * int)) =
        match shape with
        | [ channels; rows; columns ] -> struct (channels, struct (rows, columns))
        | [ channels; length ] -> struct (channels, struct (1, length))
        | channels :: places -> struct (channels, struct (1, Shape.size places))
        | [] -> struct (1, struct (1, 1))

    /// The border that a stage wants around its input; none where any will do.
    let border (stage: Stage) : struct (int * int) voption =
        match stage.Operation with
        | FusedConvolution conv ->
            let rows, columns = conv.Border
            ValueSome(struct (rows, columns))
        | Aside
        | Join -> ValueNone
        | _ -> ValueSome(struct (0, 0))

    /// What a stage learns: how many numbers its weight and its bias have.
    let learned (stage: Stage) : struct (int * int) voption =
        match stage.Operation with
        | FusedConvolution conv -> ValueSome(struct (conv.Filters * conv.PatchSize, conv.Filters))
        | FusedDense dense -> ValueSome(struct (dense.Inputs * dense.Outputs, dense.Outputs))
        | Normalization _ -> ValueSome(struct (stage.Input.Head, stage.Input.Head))
        | _ -> ValueNone

    /// Prepares a stage whose input has `inStep` numbers a cell, but for its packing.
    let prepare (workspace: Workspace) (forTraining: bool) (inStep: int) (stage: Stage) : Prepared<'T> =
        let struct (channels, _) = extents stage.Input
        let struct (outChannels, _) = extents stage.Output
        let outStep = Kernel<'T>.For(outChannels).RoundUp outChannels

        match stage.Operation with
        | FusedConvolution conv ->
            let lanes = FusedConvolution.lanes<'T> inStep conv
            let withInput = not stage.ReadsInput
            Prepared.Convolution(conv, PreparedConvolution.prepare workspace conv lanes forTraining withInput)
        | FusedDense dense -> Prepared.Dense(dense, FusedDense.prepare workspace dense inStep)
        | Normalization activation ->
            let lanes = Pointwise.lanes<'T> channels inStep

            Prepared.Normalization(
                activation,
                lanes,
                workspace.TakeZeros<'T> lanes.Width,
                workspace.TakeZeros<'T> lanes.Width
            )
        | Operation.Pointwise activation -> Prepared.Pointwise(activation, Pointwise.lanes<'T> channels inStep)
        | Dropping rate -> Prepared.Dropping(rate, outStep)
        | Pooling window -> Prepared.Pooling(window, Kernel<'T>.Dividing inStep, inStep)
        | GlobalAverage -> Prepared.GlobalAverage(Pointwise.lanes<'T> channels inStep, outStep)
        | Aside -> Prepared.Aside outStep
        | Join -> Prepared.Join(Pointwise.lanes<'T> channels outStep)
        | Unfused layer -> Prepared.Unfused(layer, outStep)

    /// Numbers in a cell of what a stage gives.
    let outputStep (prepared: Prepared<'T>) : int =
        match prepared with
        | Prepared.Convolution(_, p) -> p.Lanes.OutStep
        | Prepared.Dense(_, p) -> p.OutPitch
        | Prepared.Normalization(_, lanes, _, _)
        | Prepared.Pointwise(_, lanes)
        | Prepared.Join lanes -> lanes.Width
        | Prepared.Dropping(_, step)
        | Prepared.Pooling(_, _, step)
        | Prepared.GlobalAverage(_, step)
        | Prepared.Aside step
        | Prepared.Unfused(_, step) -> step

    /// Parts of the packing of a stage, which may be done at once.
    let packingParts (prepared: Prepared<'T>) : int =
        match prepared with
        | Prepared.Convolution _
        | Prepared.Normalization _ -> 1
        | Prepared.Dense(dense, prepared) -> FusedDense.panels dense prepared
        | _ -> 0

    /// One part of the packing of a stage.
    let pack (prepared: Prepared<'T>) (parameters: Parameters<'T>) (part: int) : unit =
        match prepared, parameters with
        | Prepared.Convolution(conv, prepared), Affine p ->
            use weight = fixed p.Weight.Span
            use bias = fixed p.Bias.Span
            PreparedConvolution.pack conv prepared weight bias
        | Prepared.Dense(dense, prepared), Affine p ->
            use weight = fixed p.Weight.Span
            FusedDense.pack dense prepared weight part

            if part = 0 then
                use bias = fixed p.Bias.Span
                FusedDense.packBias dense prepared bias
        | Prepared.Normalization(_, _, weight, bias), Affine p ->
            // lanes without a channel stay 0
            p.Weight.Span.CopyTo(Span<'T>(NativePtr.toVoidPtr weight, p.Weight.Count))
            p.Bias.Span.CopyTo(Span<'T>(NativePtr.toVoidPtr bias, p.Bias.Count))
        | _ -> ()

    /// A map for the output of a stage, with the border that the next stage wants.
    let takeOutput
        (workspace: Workspace)
        (stage: Stage)
        (prepared: Prepared<'T>)
        (border: struct (int * int))
        (examples: int)
        : FeatureMap<'T> =
        let struct (channels, struct (rows, columns)) = extents stage.Output
        let struct (borderRows, borderColumns) = border

        FeatureMap.take<'T>
            workspace
            examples
            channels
            (outputStep prepared)
            (rows, columns)
            (borderRows, borderColumns)
