namespace Cnn.Fusion

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Operations
open Cnn.Networks
open Microsoft.FSharp.NativeInterop

/// What a shard gives besides its gradients.
[<Struct>]
type internal ShardResult<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    {
        Loss: float
        Correct: int
        /// What each stage saw.
        Observed: Observed<'T>[]
    }

/// A step of training on its way through a plan. Shards run apart from each other, on any threads, once the packing is done;
/// dispose of the pass when the gradients have been used.
[<Sealed>]
type internal BatchPass<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (
        plan: Plan,
        parameters: Parameters<'T>,
        seed: Seed,
        examples: Examples<'T>,
        labels: Tensor<int>,
        shards: Shards,
        smoothing: float
    ) =
    do SoftmaxCrossEntropy.expectSmoothing smoothing

    let home = PlanMemory<'T>.Of plan

    // what is refused must not take the memory along
    let memory =
        let size = Shape.size plan.Network.Input
        let count = Examples.count plan.Network.Input size examples

        if count <> shards.Examples || labels.Count <> count then
            invalidArg (nameof labels) $"{count} examples have {labels.Count} labels; each needs one"

        if count > 0 && shards.Examples / shards.Count < plan.LeastExamples then
            invalidArg
                (nameof examples)
                $"batch normalisation cannot normalise a single value a channel: the network needs mini-batches of at least {plan.LeastExamples} examples"

        home.RentBatch(plan, shards)

    let prepared = memory.Prepared

    let parts =
        try
            prepared.Parts(parameters, ValueNone)
        with _ ->
            home.Return memory
            reraise ()

    let last = prepared.Stages.Length - 1
    let results: ShardResult<'T>[] = Array.zeroCreate shards.Count

    /// The loss of a shard that has run forward, and its gradient.
    let judge (start: int) (logits: FeatureMap<'T>) (dlogits: FeatureMap<'T>) : struct (float * int) =
        let labels = labels.Span
        let mutable loss = 0.0
        let mutable correct = 0

        for n in 0 .. logits.Examples - 1 do
            let row = ReadOnlySpan<'T>(NativePtr.toVoidPtr (logits.Inner n), logits.Channels)
            let gradient = Span<'T>(NativePtr.toVoidPtr (dlogits.Inner n), dlogits.Step)
            let label = labels[start + n]

            SoftmaxCrossEntropy.expectClass row.Length (start + n) label

            loss <-
                loss
                + SoftmaxCrossEntropy.row smoothing label row (gradient.Slice(0, row.Length))

            // lanes without a class
            gradient.Slice(row.Length).Clear()

            if Classification.best row = label then
                correct <- correct + 1

        struct (loss, correct)

    let toTensor (numbers: nativeptr<float>) (count: int) : Tensor<'T> =
        Tensor.init [ count ] (fun c -> 'T.CreateTruncating(NativePtr.get numbers c))

    /// What a stage that has run forward saw of its shard.
    let observed (i: int) (cache: StageCache<'T>) : Observed<'T> =
        match cache with
        | StageCache.Normalized shard ->
            let channels = prepared.Stages[i].Input.Head

            Moments
                {
                    Count = shard.Count
                    Mean = toTensor shard.Mean channels
                    Variance = toTensor shard.Variance channels
                }
        | _ -> Nothing

    let normalizations =
        prepared.Stages
        |> Array.indexed
        |> Array.filter (fun (_, stage) -> stage.Operation.IsNormalization)
        |> Array.map fst

    member _.Memory = memory
    member _.Shards = shards

    /// Pieces of what has to be done before the first shard.
    member _.PackingCount = prepared.PackingCount

    /// One of them.
    member _.Pack(piece: int) : unit = prepared.Pack parts piece

    /// One shard forward and backward.
    member _.Run(shard: int) : unit =
        let own = memory.RentShard()

        try
            let start = shards.Start shard
            own.ForwardAll(examples, ValueSome seed, start, shards.Length shard)
            let struct (loss, correct) = judge start own.Maps[last + 1] own.Gradients[last]

            results[shard] <-
                {
                    Loss = loss
                    Correct = correct
                    Observed = normalizations |> Array.map (fun i -> observed i own.Caches[i])
                }

            for i in last .. -1 .. 0 do
                own.Backward(i, own.Scratch, own.Caches[i], memory.Target(i, 0, shard), memory.Target(i, 1, shard))
        finally
            memory.Return own

    /// What each shard gave, once all have run.
    member _.Results = results

    /// What all of them saw, put together in their order.
    member _.Observed: Observed<'T> =
        if normalizations.Length = 0 then
            Nothing
        else
            let whole =
                results
                |> Array.map (fun result -> result.Observed)
                |> Array.reduce (Array.map2 (+))

            let table =
                Seq.zip (normalizations |> Seq.map (fun i -> prepared.Stages[i].Learning.Value)) whole
                |> Map.ofSeq

            Plan.observed (fun path -> table[path]) plan.Network

    interface IDisposable with
        member _.Dispose() = home.Return memory
