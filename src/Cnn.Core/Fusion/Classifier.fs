namespace Cnn.Fusion

open System
open System.Numerics
open Cnn.Kernels
open Cnn.Networks

/// A plan made ready to classify, with memory that shards use again. Safe to share between threads once its parameters are packed.
[<Sealed; AllowNullLiteral>]
type internal Classifier<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>(plan: Plan) =
    /// Examples in a shard, at most: enough to fill tiles and to read the weights seldom, few enough for the L2 cache.
    static let longest = 32

    let prepared = new PreparedPlan<'T>(plan, false)
    let none = BatchMaps<'T>.None prepared.Stages.Length
    let idle = Idle<ShardMemory<'T>>()

    member _.Prepared = prepared

    /// Examples in a shard, at most.
    static member Longest = longest

    /// Classifies `count` examples, into `logits` [ count; classes ].
    member _.Run(examples: Examples<'T>, start: int, count: int, logits: Span<'T>) : unit =
        let memory =
            match if count > longest then null else idle.TryTake() with
            | null -> new ShardMemory<'T>(prepared, none, max longest count)
            | memory -> memory

        memory.ForwardAll(examples, ValueNone, start, count)
        FeatureMap.store memory.Maps[prepared.LastMap] logits

        if memory.Capacity = longest then
            idle.Add memory
        else
            (memory :> IDisposable).Dispose()

    interface IDisposable with
        /// Frees the memory; only when no shard runs any more.
        member _.Dispose() =
            idle.Drain(fun memory -> (memory :> IDisposable).Dispose())
            (prepared :> IDisposable).Dispose()
