namespace Cnn.Fusion

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Networks

/// Maps that hold a whole batch, of which each shard has its part; none where every shard has a map of its own.
type internal BatchMaps<'T when 'T: unmanaged> =
    {
        /// Map i: the input, and what stage i - 1 gives.
        Maps: FeatureMap<'T> voption[]
        /// What stage i reads in the order of a dense layer's weights.
        Flats: FeatureMap<'T> voption[]
        /// The gradient of what stage i gives.
        Gradients: FeatureMap<'T> voption[]
    }

    static member None(stages: int) : BatchMaps<'T> =
        {
            Maps = Array.create (stages + 1) ValueNone
            Flats = Array.create stages ValueNone
            Gradients = Array.create stages ValueNone
        }

/// The maps between the stages of a plan, for a shard of at most so many examples. They are used again and again: a border is
/// cleared once.
[<Sealed; AllowNullLiteral>]
type internal ShardMemory<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (prepared: PreparedPlan<'T>, whole: BatchMaps<'T>, capacity: int) =
    let memory = Workspace.Own()
    let scratch = Workspace.Own()
    let stages = prepared.Stages

    let allMaps =
        whole.Maps
        |> Array.mapi (fun i map -> map |> ValueOption.defaultWith (fun () -> prepared.TakeMap(memory, i, capacity)))

    let allFlats =
        stages
        |> Array.mapi (fun i stage ->
            match stage.Operation, whole.Flats[i] with
            | FusedDense dense, ValueNone when dense.Cells > 1 ->
                ValueSome(FusedDense.takeFlat<'T> memory dense capacity)
            | _, map -> map)

    let allGradients =
        if not prepared.ForTraining then
            [||]
        else
            whole.Gradients
            |> Array.mapi (fun i map ->
                map
                |> ValueOption.defaultWith (fun () ->
                    FeatureMap.like
                        memory
                        { allMaps[i + 1] with
                            Examples = capacity
                        }))

    // the parts of them that belong to the shard at hand
    let maps = Array.copy allMaps
    let flats = Array.copy allFlats
    let gradients = Array.copy allGradients
    let caches: StageCache<'T>[] = Array.create stages.Length StageCache.Nothing

    let part (whole: FeatureMap<'T> voption) (start: int) (count: int) (map: FeatureMap<'T>) =
        FeatureMap.slice (if whole.IsSome then start else 0) count map

    member _.Capacity = capacity

    /// The input first.
    member _.Maps = maps

    /// Of what stage i gives.
    member _.Gradients = gradients

    /// What kernels need on their way.
    member _.Scratch = scratch

    /// What the stages remember of all the way forward.
    member _.Caches = caches

    /// Turns to the `count` examples of a batch from `start` on.
    member _.Enter(start: int, count: int) =
        scratch.Reset()

        for i in 0 .. maps.Length - 1 do
            maps[i] <- part whole.Maps[i] start count allMaps[i]

        for i in 0 .. stages.Length - 1 do
            match allFlats[i] with
            | ValueSome map -> flats[i] <- ValueSome(part whole.Flats[i] start count map)
            | ValueNone -> ()

            if gradients.Length > 0 then
                gradients[i] <- part whole.Gradients[i] start count allGradients[i]

    /// What stage i reads, in the order of a dense layer's weights.
    member _.DenseInput(i: int) =
        ValueOption.defaultValue maps[stages[i].Source] flats[i]

    member private _.MapsOf(i: int) : StageMaps<'T> =
        let stage = stages[i]

        {
            X = maps[stage.Source]
            Other =
                if stage.Other >= 0 then
                    ValueSome maps[stage.Other]
                else
                    ValueNone
            Flat = flats[i]
            Y = maps[i + 1]
        }

    /// Stage i forward; gives what it remembers, which is in the workspace.
    member memory.Forward(i: int, randomness: Randomness voption, workspace: Workspace) : StageCache<'T> =
        StagePass.forward workspace stages[i] randomness (prepared.Stage i) (memory.MapsOf i)

    /// Stage i backward, given what it remembers and the gradient of what it gave.
    member memory.Backward
        (i: int, workspace: Workspace, cache: StageCache<'T>, dweight: nativeptr<'T>, dbias: nativeptr<'T>)
        =
        // that of the network's input is not asked for
        let gradientOf (map: int) =
            if map > 0 then ValueSome gradients[map - 1] else ValueNone

        let own: StageGradients<'T> =
            {
                X = gradientOf stages[i].Source
                Other = gradientOf stages[i].Other
                Y = gradients[i]
            }

        StagePass.backward workspace stages[i] (prepared.Stage i) cache (memory.MapsOf i) own dweight dbias

    /// All stages forward, from these examples on; in training with the randomness of the batch.
    member memory.ForwardAll(examples: Examples<'T>, seed: Seed voption, start: int, count: int) =
        memory.Enter(start, count)
        Examples.load start maps[0] examples

        let randomness =
            seed
            |> ValueOption.map (fun seed -> { Seed = seed; FirstExample = start }: Randomness)

        for i in 0 .. stages.Length - 1 do
            caches[i] <- memory.Forward(i, randomness, scratch)

    interface IDisposable with
        member _.Dispose() =
            (memory :> IDisposable).Dispose()
            (scratch :> IDisposable).Dispose()
