namespace Cnn.Fusion

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Networks
open Microsoft.FSharp.NativeInterop

module internal TensorGradient =

    /// The sum of some numbers over the first `count` shards, in a fixed order: neighbours first, then neighbours of those. `rows`
    /// has room for `length` numbers of each pair of shards; the sum may be there, or where the only shard has it.
    let sum<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (shards: nativeptr<'T>[])
        (count: int)
        (first: int)
        (length: int)
        (rows: nativeptr<'T>)
        : nativeptr<'T> =
        let kernel = Kernel<'T>.Best
        let part (i: int) = shards[i] +! first
        let row (i: int) = rows +! (i * length)

        let add (x: nativeptr<'T>) (y: nativeptr<'T>) (target: nativeptr<'T>) =
            kernel.Map2(
                Add<'T>(),
                ReadOnlySpan(NativePtr.toVoidPtr x, length),
                ReadOnlySpan(NativePtr.toVoidPtr y, length),
                Span(NativePtr.toVoidPtr target, length)
            )

        let copy (x: nativeptr<'T>) (target: nativeptr<'T>) =
            Span<'T>(NativePtr.toVoidPtr x, length).CopyTo(Span<'T>(NativePtr.toVoidPtr target, length))

        if count = 1 then
            part 0
        else
            let mutable left = (count + 1) / 2

            for i in 0 .. left - 1 do
                if 2 * i + 1 < count then
                    add (part (2 * i)) (part (2 * i + 1)) (row i)
                else
                    copy (part (2 * i)) (row i)

            while left > 1 do
                for i in 0 .. left / 2 - 1 do
                    add (row (2 * i)) (row (2 * i + 1)) (row i)

                if left % 2 = 1 then
                    copy (row (left - 1)) (row (left / 2))

                left <- (left + 1) / 2

            rows

    /// The gradient of a batch as a tensor of this shape.
    let toTensor (batch: Shards) (shape: Shape) (gradient: TensorGradient<'T>) : Tensor<'T> =
        use memory = Workspace.Rent()
        let count = Shape.size shape
        let values: 'T[] = Array.zeroCreate count

        match gradient with
        | TensorGradient.Shards shards ->
            let rows = memory.Take<'T>((batch.Count + 1) / 2 * count)
            let total = sum shards batch.Count 0 count rows
            Span<'T>(NativePtr.toVoidPtr total, count).CopyTo(Span values)
        | TensorGradient.Factors(dense, prepared, x, dy, starts) ->
            let x, dy =
                FeatureMap.slice 0 batch.Examples x, FeatureMap.slice 0 batch.Examples dy

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

    /// Network.logits, within rounding.
    let logits (plan: Plan) (parameters: Parameters<'T>) (state: LayerState<'T>) (x: Tensor<'T>) : Tensor<'T> =
        let home = PlanMemory<'T>.Of plan
        let classifier = home.RentClassifier plan

        try
            let prepared = classifier.Prepared
            let examples = Examples.Numbers x
            let count = Examples.count plan.Network.Input prepared.InputSize examples
            prepared.PackAll(parameters, ValueSome state)
            let values = GC.AllocateUninitializedArray(count * plan.Network.Classes)
            classifier.Run(examples, 0, count, Span values)
            Tensor([ count; plan.Network.Classes ], values)
        finally
            home.Return classifier

    /// The gradients of a pass all of whose shards have run.
    let internal gradients (parameters: Parameters<'T>) (pass: BatchPass<'T>) : Parameters<'T> =
        let tensors =
            Seq.map2
                (fun (tensor: Tensor<'T>) gradient -> TensorGradient.toTensor pass.Shards tensor.Shape gradient)
                (Parameters.tensors parameters)
                pass.Memory.Gradients

        Parameters.rebuild tensors parameters

    /// Network.lossAndGradients, within rounding.
    let lossAndGradients
        (seed: Seed)
        (plan: Plan)
        (parameters: Parameters<'T>)
        (x: Tensor<'T>)
        (labels: Tensor<int>)
        : Step<'T> =
        let whole = { Examples = labels.Count; Count = 1 }

        use pass =
            new BatchPass<'T>(plan, parameters, seed, Examples.Numbers x, labels, whole)

        for piece in 0 .. pass.PackingCount - 1 do
            pass.Pack piece

        pass.Run 0
        let result = pass.Results[0]

        {
            Loss = result.Loss
            Correct = result.Correct
            Examples = labels.Count
            Gradients = gradients parameters pass
            Observed = pass.Observed
        }
