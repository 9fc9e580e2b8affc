namespace Cnn.Fusion

#nowarn "9"

open System
open System.Numerics
open Cnn.Kernels

/// Maps that hold a whole batch, of which each shard has its part; none where every shard has a map of its own.
type internal BatchMaps<'T when 'T: unmanaged> =
    {
        /// What stage i reads.
        Inputs: FeatureMap<'T> voption[]
        /// The same in the order of a dense layer's weights.
        Flats: FeatureMap<'T> voption[]
        /// The gradient of what stage i gives.
        Gradients: FeatureMap<'T> voption[]
    }

    static member None(stages: int) : BatchMaps<'T> =
        {
            Inputs = Array.create (stages + 1) ValueNone
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
        whole.Inputs
        |> Array.mapi (fun i map ->
            map
            |> ValueOption.defaultWith (fun () -> prepared.TakeInput(memory, i, capacity)))

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
            maps[i] <- part whole.Inputs[i] start count allMaps[i]

        for i in 0 .. stages.Length - 1 do
            match allFlats[i] with
            | ValueSome map -> flats[i] <- ValueSome(part whole.Flats[i] start count map)
            | ValueNone -> ()

            if gradients.Length > 0 then
                gradients[i] <- part whole.Gradients[i] start count allGradients[i]

    /// What stage i reads, in the order of a dense layer's weights.
    member _.DenseInput(i: int) =
        ValueOption.defaultValue maps[i] flats[i]

    /// Stage i forward; gives what it remembers, which is in the workspace.
    member _.Forward(i: int, workspace: Workspace) : StageCache<'T> =
        StagePass.forward workspace stages[i] prepared.ForTraining (prepared.Stage i) maps[i] flats[i] maps[i + 1]

    /// Stage i backward, given what it remembers and the gradient of what it gave.
    member _.Backward
        (i: int, workspace: Workspace, cache: StageCache<'T>, dweight: nativeptr<'T>, dbias: nativeptr<'T>)
        =
        let dx = if i > 0 then ValueSome gradients[i - 1] else ValueNone
        let x, y, dy = maps[i], maps[i + 1], gradients[i]
        StagePass.backward workspace stages[i] (prepared.Stage i) cache x y dy dx dweight dbias

    /// All stages forward, from these examples on.
    member memory.ForwardAll(examples: Examples<'T>, start: int, count: int) =
        memory.Enter(start, count)
        Examples.load start maps[0] examples

        for i in 0 .. stages.Length - 1 do
            caches[i] <- memory.Forward(i, scratch)

    interface IDisposable with
        member _.Dispose() =
            (memory :> IDisposable).Dispose()
            (scratch :> IDisposable).Dispose()
