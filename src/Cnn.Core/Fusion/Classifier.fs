namespace Cnn.Fusion

open System
open System.Numerics
open Cnn.Kernels
open Cnn.Networks

/// A plan made ready to classify, with memory that shards use again. Safe to share between threads once its parameters are packed.
[<Sealed; AllowNullLiteral>]
type internal Classifier<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>(plan: Plan) =
    // numbers of maps that stay in the L2 cache beside the weights
    static let inCache = 1 <<< 17

    // and examples, at most
    static let mostExamples = 32

    let prepared = new PreparedPlan<'T>(plan, false)
    let none = BatchMaps<'T>.None prepared.Stages.Length
    let idle = Idle<ShardMemory<'T>>()

    let longest =
        let numbers =
            plan.Stages |> List.sumBy (fun stage -> Cnn.Tensors.Shape.size stage.Input)

        max 1 (min mostExamples (inCache / numbers))

    member _.Prepared = prepared

    /// Examples in a shard, at most: enough for tiles, few enough for the L2 cache.
    member _.Longest = longest

    /// Classifies `count` examples, into `logits` [ count; classes ].
    member _.Run(examples: Examples<'T>, start: int, count: int, logits: Span<'T>) : unit =
        let memory =
            match idle.TryTake() with
            | null -> new ShardMemory<'T>(prepared, none, max longest count)
            | memory -> memory

        memory.ForwardAll(examples, start, count)
        FeatureMap.store memory.Maps[prepared.Stages.Length] logits

        if memory.Capacity = longest then
            idle.Add memory
        else
            (memory :> IDisposable).Dispose()
