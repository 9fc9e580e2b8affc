namespace Cnn.Fusion

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Operations
open Cnn.Networks
open Microsoft.FSharp.NativeInterop

/// The gradient of one tensor of the parameters, summed over a batch, as it is known before it is needed.
[<RequireQualifiedAccess>]
type internal TensorGradient<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    /// A gradient for each shard, to be added up.
    | Shards of nativeptr<'T>[]
    /// The weight of a dense layer: the product of its transposed inputs and its output gradients. Adding up such gradients is but
    /// to put their factors one below the other, so the batch is multiplied as a whole, and nothing is added up.
    | Factors of FusedDense * PreparedDense<'T> * x: FeatureMap<'T> * dy: FeatureMap<'T>

/// What a shard gives besides its gradients.
[<Struct>]
type internal ShardResult = { Loss: float; Correct: int }

/// A plan at work on one batch: the parameters as the kernels want them, and memory for what all shards leave behind. Shards run
/// apart from each other, on any threads, once the packing is done; dispose of the pass after the last.
[<Sealed>]
type internal BatchPass<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (plan: Plan, parameters: Parameters<'T>, x: Tensor<'T>, shards: (int * int)[], forTraining: bool) =
    let workspace = Workspace.Rent()
    let stages = Array.ofList plan.Stages
    let examples = x.Shape.Head

    let parts =
        match parameters with
        | Block parts when parts.Length = plan.Network.Layers.Length ->
            Expect.shape "network input" (examples :: plan.Network.Input) x
            Array.ofList parts
        | _ -> invalidArg (nameof parameters) "the parameters are those of another network"

    let own (stage: Stage) =
        match stage.LearningLayer with
        | Some layer -> parts[layer]
        | None -> Empty

    let prepared =
        let struct (channels, _) = StagePass.extents plan.Network.Input

        stages
        |> Array.mapFold
            (fun inStep stage ->
                let struct (result, outStep) =
                    StagePass.prepare workspace forTraining (stage.FirstLayer > 0) inStep stage (own stage)

                result, outStep)
            channels
        |> fst

    let border (i: int) =
        if i < stages.Length then
            StagePass.border stages[i]
        else
            struct (0, 0)

    /// A map for the input of stage i.
    let takeInput (memory: Workspace) (i: int) (count: int) : FeatureMap<'T> =
        if i = 0 then
            let struct (channels, struct (rows, columns)) = StagePass.extents plan.Network.Input
            let struct (borderRows, borderColumns) = border 0
            FeatureMap.take<'T> memory count channels channels (rows, columns) (borderRows, borderColumns)
        else
            StagePass.takeOutput memory stages[i - 1] prepared[i - 1] (border i) count

    let isFlattening (i: int) =
        match stages[i].Operation with
        | FusedDense dense -> dense.Cells > 1
        | _ -> false

    // the factors of dense gradients, which outlive the shards: flat inputs and output gradients of the whole batch
    let factors: struct (FeatureMap<'T> * FeatureMap<'T>) voption[] =
        stages
        |> Array.mapi (fun i stage ->
            match stage.Operation with
            | FusedDense dense when forTraining ->
                let inputs =
                    if isFlattening i then
                        FusedDense.takeFlat workspace dense examples
                    else
                        takeInput workspace i examples

                ValueSome(struct (inputs, StagePass.takeOutput workspace stage prepared[i] (struct (0, 0)) examples))
            | _ -> ValueNone)

    /// Where a dense stage puts its inputs in order, if they are not.
    let flat (memory: Workspace) (i: int) (start: int) (count: int) : FeatureMap<'T> voption =
        match stages[i].Operation, factors[i] with
        | FusedDense _, ValueSome(struct (inputs, _)) when isFlattening i ->
            ValueSome(FeatureMap.slice start count inputs)
        | FusedDense dense, _ when isFlattening i -> ValueSome(FusedDense.takeFlat memory dense count)
        | _ -> ValueNone

    let gradients: TensorGradient<'T>[][] =
        if not forTraining then
            [||]
        else
            stages
            |> Array.mapi (fun i stage ->
                let perShard count =
                    TensorGradient.Shards(shards |> Array.map (fun _ -> workspace.Take<'T> count))

                match own stage, prepared[i], factors[i] with
                | Affine p, Prepared.Dense(dense, prepared), ValueSome(struct (x, dy)) ->
                    [| TensorGradient.Factors(dense, prepared, x, dy); perShard p.Bias.Count |]
                | Affine p, _, _ -> [| perShard p.Weight.Count; perShard p.Bias.Count |]
                | _ -> [||])

    let gradientOf (i: int) (which: int) (shard: int) : nativeptr<'T> =
        match Array.tryItem which gradients[i] with
        | Some(TensorGradient.Shards all) -> all[shard]
        | _ -> NativePtr.nullPtr

    /// All stages in turn: the maps between them, the input first, and what each stage remembers.
    let forward (memory: Workspace) (start: int) (count: int) : struct (FeatureMap<'T>[] * StageCache<'T>[]) =
        let maps = Array.zeroCreate (stages.Length + 1)
        let caches = Array.zeroCreate stages.Length

        for i in 0 .. stages.Length do
            maps[i] <-
                match Array.tryItem i factors with
                | Some(ValueSome(struct (inputs, _))) when not (isFlattening i) -> FeatureMap.slice start count inputs
                | _ -> takeInput memory i count

            if i = 0 then
                let size = Shape.size plan.Network.Input
                FeatureMap.load (x.Span.Slice(start * size, count * size)) maps[0]
            else
                let own = flat memory (i - 1) start count
                caches[i - 1] <- StagePass.forward memory stages[i - 1] prepared[i - 1] maps[i - 1] own maps[i]

        struct (maps, caches)

    let logitsOf (map: FeatureMap<'T>) : Tensor<'T> =
        let values = GC.AllocateUninitializedArray(map.Examples * map.Channels)
        FeatureMap.store map (Span values)
        Tensor([ map.Examples; map.Channels ], values)

    member _.Plan = plan
    member _.Stages = stages
    member _.Prepared = prepared
    member _.Examples = examples

    /// What has to be done before the first shard, in parts that may be done at once.
    member _.Packing: (unit -> unit)[] =
        Array.map2 (fun stage p -> StagePass.packing p (own stage)) stages prepared
        |> Array.concat

    /// For each tensor of the parameters, in their order; complete once every shard has run.
    member _.Gradients = Array.concat gradients

    /// The logits of one shard.
    member _.Logits(shard: int) : Tensor<'T> =
        use memory = Workspace.Rent()
        let start, count = shards[shard]
        let struct (maps, _) = forward memory start count
        logitsOf (Array.last maps)

    /// One shard forward and backward.
    member _.Run(shard: int, labels: Tensor<int>) : ShardResult =
        use memory = Workspace.Rent()
        let start, count = shards[shard]
        let struct (maps, caches) = forward memory start count
        let logits = logitsOf (Array.last maps)
        let labels = Tensor.slice start count labels
        let struct (loss, cache) = SoftmaxCrossEntropy.forward labels logits

        // the gradient of the output of stage i
        let gradient (i: int) =
            match factors[i] with
            | ValueSome(struct (_, dy)) -> FeatureMap.slice start count dy
            | ValueNone -> FeatureMap.like memory maps[i + 1]

        let mutable dy = gradient (stages.Length - 1)
        FeatureMap.load (SoftmaxCrossEntropy.backward cache 1.0).Logits.Span dy

        for i in stages.Length - 1 .. -1 .. 0 do
            let dx = if i > 0 then ValueSome(gradient (i - 1)) else ValueNone

            StagePass.backward
                memory
                stages[i]
                prepared[i]
                caches[i]
                maps[i]
                maps[i + 1]
                dy
                dx
                (gradientOf i 0 shard)
                (gradientOf i 1 shard)

            match dx with
            | ValueSome map -> dy <- map
            | ValueNone -> ()

        {
            Loss = loss
            Correct = Classification.correct logits labels
        }

    interface IDisposable with
        member _.Dispose() = (workspace :> IDisposable).Dispose()
