namespace Cnn.Fusion

#nowarn "9"

open System
open System.Buffers
open System.Numerics
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Networks
open Microsoft.FSharp.NativeInterop

module internal TensorGradient =

    /// The sum of some numbers over the shards, in a fixed order: neighbours first, then neighbours of those. `rows` has room for
    /// `count` numbers of each pair of shards, and holds the sum in its first ones.
    let sum<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (shards: nativeptr<'T>[])
        (first: int)
        (count: int)
        (rows: nativeptr<'T>)
        =
        let kernel = Kernel<'T>.Best
        let part (i: int) = shards[i] +! first
        let row (i: int) = rows +! (i * count)

        let add (x: nativeptr<'T>) (y: nativeptr<'T>) (target: nativeptr<'T>) =
            kernel.Map2(
                Add<'T>(),
                ReadOnlySpan(NativePtr.toVoidPtr x, count),
                ReadOnlySpan(NativePtr.toVoidPtr y, count),
                Span(NativePtr.toVoidPtr target, count)
            )

        let copy (x: nativeptr<'T>) (target: nativeptr<'T>) =
            Span<'T>(NativePtr.toVoidPtr x, count).CopyTo(Span<'T>(NativePtr.toVoidPtr target, count))

        let mutable left = (shards.Length + 1) / 2

        for i in 0 .. left - 1 do
            if 2 * i + 1 < shards.Length then
                add (part (2 * i)) (part (2 * i + 1)) (row i)
            else
                copy (part (2 * i)) (row i)

        while left > 1 do
            for i in 0 .. left / 2 - 1 do
                add (row (2 * i)) (row (2 * i + 1)) (row i)

            if left % 2 = 1 then
                copy (row (left - 1)) (row (left / 2))

            left <- (left + 1) / 2

    /// The gradient as a tensor of this shape.
    let toTensor (shape: Shape) (gradient: TensorGradient<'T>) : Tensor<'T> =
        use memory = Workspace.Rent()
        let count = Shape.size shape
        let values: 'T[] = Array.zeroCreate count

        match gradient with
        | TensorGradient.Shards shards ->
            let rows = memory.Take<'T>((shards.Length + 1) / 2 * count)
            sum shards 0 count rows

            Span<'T>(NativePtr.toVoidPtr rows, count).CopyTo(Span values)
        | TensorGradient.Factors(dense, prepared, x, dy) ->
            let starts = DenseWeightGradient.starts memory prepared x.Examples
            let gradient = memory.Take<'T>(DenseWeightGradient.room prepared x.Examples)

            for group in 0 .. DenseWeightGradient.groups dense prepared - 1 do
                let rows = DenseWeightGradient.rows dense prepared group
                DenseWeightGradient.multiply dense prepared x dy starts rows gradient
                let count = rows.Rows * dense.Outputs

                for run in 0 .. rows.Runs - 1 do
                    Span<'T>(NativePtr.toVoidPtr (gradient +! (run * count)), count)
                        .CopyTo(Span(values, (rows.First + run * rows.RunStep) * dense.Outputs, count))

        Tensor(shape, values)

/// The fused equal of Network: the same numbers within rounding, many times faster.
module FusedNetwork =

    let private packed (pass: BatchPass<'T>) =
        for pack in pass.Packing do
            pack ()

    /// Network.logits, within rounding.
    let logits (plan: Plan) (parameters: Parameters<'T>) (x: Tensor<'T>) : Tensor<'T> =
        use pass = new BatchPass<'T>(plan, parameters, x, [| 0, x.Shape.Head |], false)
        packed pass
        pass.Logits 0

    /// The gradients of a pass all of whose shards have run.
    let internal gradients (parameters: Parameters<'T>) (pass: BatchPass<'T>) : Parameters<'T> =
        let tensors =
            Seq.map2
                (fun (tensor: Tensor<'T>) gradient -> TensorGradient.toTensor tensor.Shape gradient)
                (Parameters.tensors parameters)
                pass.Gradients

        Parameters.rebuild tensors parameters

    /// Network.lossAndGradients, within rounding.
    let lossAndGradients (plan: Plan) (parameters: Parameters<'T>) (x: Tensor<'T>) (labels: Tensor<int>) : Step<'T> =
        use pass = new BatchPass<'T>(plan, parameters, x, [| 0, x.Shape.Head |], true)
        packed pass
        let result = pass.Run(0, labels)

        {
            Loss = result.Loss
            Correct = result.Correct
            Examples = pass.Examples
            Gradients = gradients parameters pass
        }
