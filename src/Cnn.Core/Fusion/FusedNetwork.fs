namespace Cnn.Fusion

open System
open System.Numerics
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Operations
open Cnn.Networks

/// A plan with parameters, ready to run on any number of shards at once; dispose of it after the last.
[<Sealed>]
type internal PreparedNetwork<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (plan: Plan, forTraining: bool, parameters: Parameters<'T>) =
    let workspace = Workspace.Rent()
    let stages = Array.ofList plan.Stages

    let parts =
        match parameters with
        | Block parts when parts.Length = plan.Network.Layers.Length -> Array.ofList parts
        | _ -> invalidArg (nameof parameters) "the parameters are those of another network"

    let prepared =
        let struct (channels, _) = StagePass.extents plan.Network.Input

        stages
        |> Array.mapFold
            (fun inStep stage ->
                let own =
                    match stage.LearningLayer with
                    | Some layer -> parts[layer]
                    | None -> Empty

                let struct (result, outStep) =
                    StagePass.prepare workspace forTraining (stage.FirstLayer > 0) inStep stage own

                result, outStep)
            channels
        |> fst

    member _.Plan = plan
    member _.Stages = stages
    member _.Prepared = prepared

    interface IDisposable with
        member _.Dispose() = (workspace :> IDisposable).Dispose()

/// The fused equal of Network: the same numbers within rounding, many times faster.
module FusedNetwork =

    let private input (workspace: Workspace) (plan: Plan) (x: ReadOnlySpan<'T>) : FeatureMap<'T> =
        let struct (channels, struct (rows, columns)) = StagePass.extents plan.Network.Input
        let struct (borderRows, borderColumns) = StagePass.border plan.Stages.Head

        let map =
            FeatureMap.take<'T>
                workspace
                (x.Length / Shape.size plan.Network.Input)
                channels
                channels
                (rows, columns)
                (borderRows, borderColumns)

        FeatureMap.load x map
        map

    /// All stages in turn: the maps between them, the input first, and what each stage remembers.
    let private run
        (workspace: Workspace)
        (network: PreparedNetwork<'T>)
        (x: ReadOnlySpan<'T>)
        : struct (FeatureMap<'T>[] * StageCache<'T>[]) =
        let count = network.Stages.Length
        let maps = Array.zeroCreate (count + 1)
        let caches = Array.zeroCreate count
        maps[0] <- input workspace network.Plan x

        for i in 0 .. count - 1 do
            let border =
                if i + 1 < count then
                    StagePass.border network.Stages[i + 1]
                else
                    struct (0, 0)

            let struct (y, cache) =
                StagePass.forward workspace network.Stages[i] network.Prepared[i] border maps[i]

            maps[i + 1] <- y
            caches[i] <- cache

        struct (maps, caches)

    let private logitsOf (classes: int) (map: FeatureMap<'T>) : Tensor<'T> =
        let values = GC.AllocateUninitializedArray(map.Examples * classes)
        FeatureMap.store map (Span values)
        Tensor([ map.Examples; classes ], values)

    /// The logits of the examples from `start` on.
    let internal shardLogits (network: PreparedNetwork<'T>) (x: Tensor<'T>) (start: int) (count: int) : Tensor<'T> =
        use workspace = Workspace.Rent()
        let size = Shape.size x.Shape.Tail

        let struct (maps, _) =
            run workspace network (x.Span.Slice(start * size, count * size))

        logitsOf network.Plan.Network.Classes (Array.last maps)

    /// Loss and gradients, summed over the examples from `start` on.
    let internal shardGradients
        (network: PreparedNetwork<'T>)
        (x: Tensor<'T>)
        (labels: Tensor<int>)
        (start: int)
        (count: int)
        : Step<'T> =
        use workspace = Workspace.Rent()
        let size = Shape.size x.Shape.Tail

        let struct (maps, caches) =
            run workspace network (x.Span.Slice(start * size, count * size))

        let output = Array.last maps
        let logits = logitsOf network.Plan.Network.Classes output
        let own = Tensor.slice start count labels
        let struct (loss, cache) = SoftmaxCrossEntropy.forward own logits
        let gradients = Array.create network.Plan.Network.Layers.Length Empty
        let mutable dy = FeatureMap.like workspace output
        FeatureMap.load (SoftmaxCrossEntropy.backward cache 1.0).Logits.Span dy

        for i in network.Stages.Length - 1 .. -1 .. 0 do
            let stage = network.Stages[i]

            let struct (gradient, dx) =
                StagePass.backward workspace stage network.Prepared[i] caches[i] (i > 0) maps[i] maps[i + 1] dy

            match stage.LearningLayer with
            | Some layer -> gradients[layer] <- gradient
            | None -> ()

            match dx with
            | ValueSome map -> dy <- map
            | ValueNone -> ()

        {
            Loss = loss
            Correct = Classification.correct logits own
            Examples = count
            Gradients = Block(List.ofArray gradients)
        }

    let internal expectInput (plan: Plan) (x: Tensor<'T>) =
        Expect.shape "network input" (x.Shape.Head :: plan.Network.Input) x

    /// Network.logits, within rounding.
    let logits (plan: Plan) (parameters: Parameters<'T>) (x: Tensor<'T>) : Tensor<'T> =
        expectInput plan x
        use network = new PreparedNetwork<'T>(plan, false, parameters)
        shardLogits network x 0 x.Shape.Head

    /// Network.lossAndGradients, within rounding.
    let lossAndGradients (plan: Plan) (parameters: Parameters<'T>) (x: Tensor<'T>) (labels: Tensor<int>) : Step<'T> =
        expectInput plan x
        use network = new PreparedNetwork<'T>(plan, true, parameters)
        shardGradients network x labels 0 x.Shape.Head
