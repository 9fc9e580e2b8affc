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
    member _.Name = Architecture.format stage.Layers

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
type PlanProfile private (plan: Plan, parameters: Parameters<float32>, x: Tensor<float32>, labels: Tensor<int>) =
    let workspace = Workspace.Rent()
    let mutable isDisposed = false
    let stages = Array.ofList plan.Stages
    let examples = x.Shape.Head

    let parts =
        match parameters with
        | Block parts -> Array.ofList parts
        | _ -> invalidArg (nameof parameters) "the parameters are those of another network"

    let own (stage: Stage) =
        match stage.LearningLayer with
        | Some layer -> parts[layer]
        | None -> Empty

    let struct (channels, struct (rows, columns)) = StagePass.extents plan.Network.Input

    let prepared =
        (channels, stages)
        ||> Array.mapFold (fun inStep stage ->
            let struct (result, outStep) =
                StagePass.prepare workspace true (stage.FirstLayer > 0) inStep stage (own stage)

            for pack in StagePass.packing result (own stage) do
                pack ()

            result, outStep)
        |> fst

    let border (i: int) =
        if i < stages.Length then
            StagePass.border stages[i]
        else
            struct (0, 0)

    // the input, then the output of each stage
    let maps: FeatureMap<float32>[] =
        Array.init (stages.Length + 1) (fun i ->
            let struct (borderRows, borderColumns) = border i

            if i = 0 then
                FeatureMap.take workspace examples channels channels (rows, columns) (borderRows, borderColumns)
            else
                StagePass.takeOutput
                    workspace
                    stages[i - 1]
                    prepared[i - 1]
                    (struct (borderRows, borderColumns))
                    examples)

    // where dense layers put their inputs in order
    let flats =
        stages
        |> Array.map (fun stage ->
            match stage.Operation with
            | FusedDense dense when dense.Cells > 1 -> ValueSome(FusedDense.takeFlat<float32> workspace dense examples)
            | _ -> ValueNone)

    // the gradient of the output of each stage
    let gradients = maps |> Array.tail |> Array.map (FeatureMap.like workspace)

    // of weight and bias
    let targets =
        stages
        |> Array.map (fun stage ->
            match own stage with
            | Affine p -> struct (workspace.Take<float32> p.Weight.Count, workspace.Take<float32> p.Bias.Count)
            | _ -> struct (NativePtr.nullPtr, NativePtr.nullPtr))

    let forward (memory: Workspace) (i: int) : StageCache<float32> =
        StagePass.forward memory stages[i] prepared[i] maps[i] flats[i] maps[i + 1]

    /// The weight gradient of a dense stage, which training multiplies out only when it is used.
    let denseWeightGradient (memory: Workspace) (i: int) (dense: FusedDense) (prepared: PreparedDense<float32>) =
        let x = ValueOption.defaultValue maps[i] flats[i]
        let starts = DenseWeightGradient.starts memory prepared x.Examples
        let gradient = memory.Take<float32>(DenseWeightGradient.room prepared x.Examples)

        for group in 0 .. DenseWeightGradient.groups dense prepared - 1 do
            let rows = DenseWeightGradient.rows dense prepared group
            DenseWeightGradient.multiply dense prepared x gradients[i] starts rows gradient

    let backward (memory: Workspace) (i: int) (cache: StageCache<float32>) =
        let struct (weight, bias) = targets[i]
        let dx = if i > 0 then ValueSome gradients[i - 1] else ValueNone
        StagePass.backward memory stages[i] prepared[i] cache maps[i] maps[i + 1] gradients[i] dx weight bias

        match prepared[i] with
        | Prepared.Dense(dense, prepared) -> denseWeightGradient memory i dense prepared
        | Prepared.Convolution _
        | Prepared.Unfused _ -> ()

    // one whole pass, so that each stage has real numbers to run on, whichever is asked for first
    let caches, logits =
        FeatureMap.load x.Span maps[0]
        let caches = Array.init stages.Length (forward workspace)
        let last = Array.last maps
        let values = Array.zeroCreate (examples * last.Channels)
        FeatureMap.store last (Span values)
        caches, Tensor([ examples; last.Channels ], values)

    do
        let struct (_, cache) = SoftmaxCrossEntropy.forward labels logits
        FeatureMap.load (SoftmaxCrossEntropy.backward cache 1.0).Logits.Span (Array.last gradients)

        for i in stages.Length - 1 .. -1 .. 0 do
            use memory = Workspace.Rent()
            backward memory i caches[i]

    let profiles: IReadOnlyList<StageProfile> =
        stages
        |> Array.mapi (fun i stage ->
            StageProfile(
                stage,
                examples,
                StageCost.executedForward examples stage,
                StageCost.executedBackward examples stage prepared[i] caches[i]
            ))
        :> _

    let check (stage: int) =
        ObjectDisposedException.ThrowIf(isDisposed, typeof<PlanProfile>)

        if stage < 0 || stage >= stages.Length then
            raise (ArgumentOutOfRangeException(nameof stage, $"there are {stages.Length} stages, and no stage {stage}"))

    /// Takes the model as it is and runs the images through it once, forward and backward. Raises CnnException when there are
    /// not as many labels as images, or either does not fit the model.
    static member Create(model: Model, pixels: ReadOnlyMemory<byte>, labels: ReadOnlyMemory<byte>) : PlanProfile =
        let x = model.Input pixels

        if x.Shape.Head <> labels.Length then
            raise (CnnException $"{x.Shape.Head} images have {labels.Length} labels; each needs one")

        let trained = model.Trained
        new PlanProfile(Plan.ofNetwork trained.Network, trained.Parameters, x, model.Labels labels)

    /// The raw scores that the forward pass gave, as those of the model.
    member internal _.Logits = logits

    /// Images in the batch.
    member _.Images = examples

    /// In the order in which they run forward.
    member _.Stages = profiles

    /// Runs a stage, counted from 0, forward on the whole batch.
    member _.RunForward(stage: int) : unit =
        check stage
        use memory = Workspace.Rent()
        forward memory stage |> ignore

    /// Runs a stage, counted from 0, backward on the whole batch: the gradients of its parameters, and that of its input unless
    /// the stage is the first.
    member _.RunBackward(stage: int) : unit =
        check stage
        use memory = Workspace.Rent()
        backward memory stage caches[stage]

    interface IDisposable with
        /// Gives the memory back.
        member _.Dispose() =
            if not isDisposed then
                isDisposed <- true
                (workspace :> IDisposable).Dispose()
