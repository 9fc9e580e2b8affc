namespace Cnn.Fusion

#nowarn "9"

open System
open System.Numerics
open System.Runtime.CompilerServices
open Cnn.Kernels
open Microsoft.FSharp.NativeInterop

/// A batch that is cut into shards of equal size, but for one example.
[<Struct>]
type internal Shards =
    {
        Examples: int
        Count: int
    }

    member s.Start(i: int) =
        int (int64 s.Examples * int64 i / int64 s.Count)

    member s.Length(i: int) = s.Start(i + 1) - s.Start i

    /// Examples of a shard, at most.
    member s.Longest = (s.Examples + s.Count - 1) / s.Count

/// The gradient of one tensor of the parameters, summed over a batch, as it is known before it is needed.
[<RequireQualifiedAccess>]
type internal TensorGradient<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    /// A gradient for each shard, to be added up.
    | Shards of nativeptr<'T>[]
    /// The weight of a dense layer: the product of its transposed inputs and its output gradients. Adding up such gradients is but
    /// to put their factors one below the other, so the batch is multiplied as a whole, and nothing is added up. `starts` is the
    /// table that the product wants.
    | Factors of FusedDense * PreparedDense<'T> * x: FeatureMap<'T> * dy: FeatureMap<'T> * starts: nativeptr<nativeint>

/// Some numbers of the gradient of one tensor, or groups of its rows where it has factors: from the first up to the one before `Beyond`.
[<Struct>]
type internal GradientPart =
    { Tensor: int; First: int; Beyond: int }

/// A plan ready for a step of training, and memory for all that the shards of a batch leave behind; it serves any batch that is not
/// larger than `capacity`, in shards of at most `longest` examples.
[<Sealed; AllowNullLiteral>]
type internal BatchMemory<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (plan: Plan, capacity: Shards, longest: int) =
    // numbers that are worth a task of their own
    static let partSize = 8192

    let memory = Workspace.Own()
    let prepared = new PreparedPlan<'T>(plan, true)
    let stages = prepared.Stages
    let shards = Idle<ShardMemory<'T>>()

    /// The factors of dense gradients, which outlive the shards: flat inputs and output gradients of the whole batch.
    let whole: BatchMaps<'T> =
        let maps = BatchMaps.None stages.Length

        stages
        |> Array.iteri (fun i stage ->
            match stage.Operation with
            | FusedDense dense ->
                if dense.Cells > 1 then
                    maps.Flats[i] <- ValueSome(FusedDense.takeFlat memory dense capacity.Examples)
                else
                    maps.Maps[stage.Source] <- ValueSome(prepared.TakeMap(memory, stage.Source, capacity.Examples))

                maps.Gradients[i] <-
                    ValueSome(
                        PreparedStage.takeOutput memory stage (prepared.Stage i) (struct (0, 0)) capacity.Examples
                    )
            | _ -> ())

        maps

    // of weight and bias of each stage
    let gradients: TensorGradient<'T>[][] =
        stages
        |> Array.mapi (fun i stage ->
            let perShard count =
                TensorGradient.Shards(Array.init capacity.Count (fun _ -> memory.Take<'T> count))

            match PreparedStage.learned stage, prepared.Stage i, whole.Gradients[i] with
            | ValueSome(struct (_, bias)), Prepared.Dense(dense, own), ValueSome dy ->
                let x =
                    if dense.Cells > 1 then
                        whole.Flats[i]
                    else
                        whole.Maps[stage.Source]

                [|
                    TensorGradient.Factors(
                        dense,
                        own,
                        x.Value,
                        dy,
                        DenseWeightGradient.starts memory own capacity.Examples
                    )
                    perShard bias
                |]
            | ValueSome(struct (weight, bias)), _, _ -> [| perShard weight; perShard bias |]
            | ValueNone, _, _ -> [||])

    let tensors = Array.concat gradients

    let sizes =
        stages
        |> Array.collect (fun stage ->
            match PreparedStage.learned stage with
            | ValueSome(struct (weight, bias)) -> [| weight; bias |]
            | ValueNone -> [||])

    let partsOf (t: int) (count: int) (most: int) : GradientPart[] =
        [|
            for first in 0..most .. count - 1 ->
                {
                    Tensor = t
                    First = first
                    Beyond = min count (first + most)
                }
        |]

    let parts: GradientPart[] =
        tensors
        |> Array.mapi (fun t gradient ->
            match gradient with
            | TensorGradient.Shards _ -> partsOf t sizes[t] partSize
            | TensorGradient.Factors(dense, own, _, _, _) ->
                let most = max 1 (partSize / DenseWeightGradient.Group / dense.Outputs)
                partsOf t (DenseWeightGradient.groups dense own) most)
        |> Array.concat

    member _.Prepared = prepared

    /// The largest batch, in examples and in shards, that there is room for.
    member _.Capacity = capacity

    /// And the examples of its longest shard.
    member _.Longest = longest

    /// For each tensor of the parameters, in their order.
    member _.Gradients = tensors

    /// Numbers of all of them.
    member val Numbers = Array.sum sizes

    /// The gradients cut into parts that may be used at once. The cut depends on the plan alone.
    member _.Parts = parts

    /// Whether there is room for a batch that is cut like this.
    member _.Holds(batch: Shards) =
        batch.Examples <= capacity.Examples
        && batch.Count <= capacity.Count
        && batch.Longest <= longest

    /// Where a shard leaves the gradient of a tensor of stage i, its weight (0) or its bias (1); null where it leaves factors.
    member _.Target(i: int, which: int, shard: int) : nativeptr<'T> =
        if gradients[i].Length = 0 then
            NativePtr.nullPtr
        else
            match gradients[i][which] with
            | TensorGradient.Shards all -> all[shard]
            | TensorGradient.Factors _ -> NativePtr.nullPtr

    member _.RentShard() : ShardMemory<'T> =
        match shards.TryTake() with
        | null -> new ShardMemory<'T>(prepared, whole, longest)
        | shard -> shard

    member _.Return(shard: ShardMemory<'T>) = shards.Add shard

    interface IDisposable with
        /// Frees the memory, and that of the shards that have been returned; it is also what keeps it alive until then.
        member _.Dispose() =
            shards.Drain(fun shard -> (shard :> IDisposable).Dispose())
            (memory :> IDisposable).Dispose()
            (prepared :> IDisposable).Dispose()

/// What passes over a plan leave for the next ones, for as long as somebody holds on to the plan. It holds nothing that shows in a
/// result.
[<Sealed>]
type internal PlanMemory<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> private () =
    static let all = ConditionalWeakTable<Plan, PlanMemory<'T>>()

    static let create =
        ConditionalWeakTable<Plan, PlanMemory<'T>>.CreateValueCallback(fun _ -> PlanMemory<'T>())

    let training = Idle<BatchMemory<'T>>()
    let inference = Idle<Classifier<'T>>()

    static member Of(plan: Plan) : PlanMemory<'T> = all.GetValue(plan, create)

    /// Memory for a batch, which is nobody else's until it is returned.
    member _.RentBatch(plan: Plan, batch: Shards) : BatchMemory<'T> =
        match training.TryTake() with
        | null -> new BatchMemory<'T>(plan, batch, batch.Longest)
        | memory when memory.Holds batch -> memory
        | small ->
            // room for what it held as well, or batches of two sizes would push each other out
            let capacity =
                {
                    Examples = max batch.Examples small.Capacity.Examples
                    Count = max batch.Count small.Capacity.Count
                }

            let longest = max batch.Longest small.Longest
            (small :> IDisposable).Dispose()
            new BatchMemory<'T>(plan, capacity, longest)

    member _.Return(memory: BatchMemory<'T>) = training.Add memory

    /// A plan whose parameters may be packed, which is nobody else's until it is returned.
    member _.RentClassifier(plan: Plan) : Classifier<'T> =
        match inference.TryTake() with
        | null -> new Classifier<'T>(plan)
        | classifier -> classifier

    member _.Return(classifier: Classifier<'T>) = inference.Add classifier
