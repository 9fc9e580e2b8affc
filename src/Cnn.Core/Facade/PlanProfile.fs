namespace Cnn

#nowarn "9"

open System
open System.Collections.Generic
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Operations
open Cnn.Networks
open Cnn.Fusion
open Microsoft.FSharp.NativeInterop

/// What one stage of a plan is and costs. A stage is one operation that does the work of one layer or of several. Costs are
/// multiply-adds for one image: two floating-point operations each.
[<Sealed>]
type StageProfile internal (stage: Stage, examples: int, executedForward: int64, executedBackward: int64) =

    /// The layers of the stage in the text form, such as "conv 16 3 pad 1, relu, pool 2".
    member _.Name = Plan.describeStage stage

    /// Multiply-adds of the formulas, forward, for one image.
    member _.DenseForward = StageCost.forward stage

    /// Multiply-adds of the formulas, backward, for one image: those of all gradients that training needs.
    member _.DenseBackward = StageCost.backward stage

    /// Multiply-adds that are really done forward, the mean for one image.
    member _.ExecutedForward = float executedForward / float examples

    /// Multiply-adds that are really done backward, the mean for one image: sparse gradients skip what is 0 for certain.
    member _.ExecutedBackward = float executedBackward / float examples

/// The stages of a model on one batch of images, ready to be run one by one, as often as it takes to measure them. There is no
/// clock in here: who asks for a run takes its time. Of a training step this leaves out how weights are laid out for the kernels
/// before, and how gradients are summed and used after. For one thread at a time; dispose of it after the last run.
[<Sealed>]
type PlanProfile private (plan: Plan, parameters: Parameters<float32>, examples: Examples<float32>, labels: Tensor<int>)
    =
    // any will do: what dropout drops costs the same
    let seed = Seed.ofInt 0

    let workspace = Workspace.Own()
    let mutable isDisposed = false
    let prepared = new PreparedPlan<float32>(plan, true)
    let stages = prepared.Stages
    let count = labels.Count

    // every map is the shard's own, and the shard is the batch
    let shard = new ShardMemory<float32>(prepared, BatchMaps.None stages.Length, count)

    // of weight and bias
    let targets =
        stages
        |> Array.map (fun stage ->
            match PreparedStage.learned stage with
            | ValueSome(struct (weight, bias)) -> struct (workspace.Take<float32> weight, workspace.Take<float32> bias)
            | ValueNone -> struct (NativePtr.nullPtr, NativePtr.nullPtr))

    /// The weight gradient of a dense stage, which training multiplies out only when it is used.
    let denseWeightGradient (memory: Workspace) (i: int) (dense: FusedDense) (prepared: PreparedDense<float32>) =
        let x = shard.DenseInput i
        let starts = DenseWeightGradient.starts memory prepared x.Examples
        let gradient = memory.Take<float32>(DenseWeightGradient.room prepared x.Examples)

        for group in 0 .. DenseWeightGradient.groups dense prepared - 1 do
            let rows = DenseWeightGradient.rows dense prepared group
            DenseWeightGradient.multiply dense prepared x shard.Gradients[i] starts rows gradient

    // some stages change the gradient that they are given: each run starts from a copy, or many would shrink it to nothing
    let gradients: FeatureMap<float32>[] = Array.zeroCreate stages.Length

    let backward (memory: Workspace) (i: int) =
        let struct (weight, bias) = targets[i]
        let given = shard.Gradients[i]

        if NativePtr.isNullPtr gradients[i].Data then
            gradients[i] <- FeatureMap.like workspace given
            FeatureMap.copy given gradients[i]
        elif stages[i].Operation.IsNormalization then
            FeatureMap.copy gradients[i] given

        shard.Backward(i, memory, shard.Caches[i], weight, bias)

        match prepared.Stage i with
        | Prepared.Dense(dense, prepared) -> denseWeightGradient memory i dense prepared
        | _ -> ()

    // one whole pass, so that each stage has real numbers to run on, whichever is asked for first
    let logits =
        prepared.PackAll(parameters, ValueNone)
        shard.ForwardAll(examples, ValueSome seed, 0, count)
        let last = shard.Maps[stages.Length]
        let values = Array.zeroCreate (count * last.Channels)
        FeatureMap.store last (Span values)
        Tensor([ count; last.Channels ], values)

    do
        let struct (_, cache) = SoftmaxCrossEntropy.forward labels logits
        FeatureMap.load (SoftmaxCrossEntropy.backward cache 1.0).Logits.Span shard.Gradients[stages.Length - 1]

        for i in stages.Length - 1 .. -1 .. 0 do
            use memory = Workspace.Rent()
            backward memory i

    let profiles: IReadOnlyList<StageProfile> =
        stages
        |> Array.mapi (fun i stage ->
            StageProfile(
                stage,
                count,
                StageCost.executedForward count stage (prepared.Stage i),
                StageCost.executedBackward count stage (prepared.Stage i) shard.Caches[i]
            ))
        :> _

    let check (stage: int) =
        ObjectDisposedException.ThrowIf(isDisposed, typeof<PlanProfile>)

        if stage < 0 || stage >= stages.Length then
            raise (ArgumentOutOfRangeException(nameof stage, $"there are {stages.Length} stages, and no stage {stage}"))

    /// Takes the model as it is and runs the images through it once, forward and backward. Raises CnnException when there are
    /// not as many labels as images, or either does not fit the model.
    static member Create(model: Model, pixels: ReadOnlyMemory<byte>, labels: ReadOnlyMemory<byte>) : PlanProfile =
        let trained = model.Trained
        let examples = model.Input pixels
        let count = pixels.Length / Shape.size trained.Network.Input

        if count <> labels.Length then
            raise (CnnException $"{count} images have {labels.Length} labels; each needs one")

        new PlanProfile(Plan.ofNetwork trained.Network, trained.Parameters, examples, model.Labels labels)

    /// The raw scores that the forward pass gave: those of training, with the batch's own statistics.
    member internal _.Logits = logits

    /// Images in the batch.
    member _.Images = count

    /// In the order in which they run forward.
    member _.Stages = profiles

    /// Runs a stage, counted from 0, forward on the whole batch.
    member profile.RunForward(stage: int) : unit =
        check stage
        use memory = Workspace.Rent()

        shard.Forward(stage, ValueSome { Seed = seed; FirstExample = 0 }, memory)
        |> ignore
        // the memory that the kernels use lives as long as this
        GC.KeepAlive profile

    /// Runs a stage, counted from 0, backward on the whole batch: the gradients of its parameters, and that of its input unless
    /// the stage is the first.
    member profile.RunBackward(stage: int) : unit =
        check stage
        use memory = Workspace.Rent()
        backward memory stage
        GC.KeepAlive profile

    interface IDisposable with
        /// Gives the memory back.
        member _.Dispose() =
            if not isDisposed then
                isDisposed <- true
                (shard :> IDisposable).Dispose()
                (prepared :> IDisposable).Dispose()
                (workspace :> IDisposable).Dispose()
