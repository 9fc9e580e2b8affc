namespace Cnn

open System
open System.Collections.Generic
open System.Runtime.InteropServices
open System.Threading
open Cnn.Tensors
open Cnn.Training
open Cnn.Storage

/// A training run at one moment. It never changes: each step gives the next moment, and the old one stays valid.
[<Sealed>]
type Trainer private (state: TrainingState<float32>, model: Model) =
    // as one object, which packs its numbers once, however often it is asked for
    let averaged =
        match state.Average, state.AverageState with
        | Some average, Some layers -> model.With(average, layers)
        | _ -> model

    static let at (state: TrainingState<float32>) (model: Model) =
        Trainer(state, model.With(state.Parameters, state.State))

    /// The decay is that of the settings for every optimiser, for weights alone: what AdamW has of its own by default would be added.
    static let withOptions (optimizer: Optimizer) (settings: TrainerSettings) : struct (Optimizer * LearningOptions) =
        let orNone (value: float) =
            if value > 0.0 then Some value else None

        let options =
            {
                WeightDecay = settings.WeightDecay
                LabelSmoothing = settings.LabelSmoothing
                ClipNorm = orNone settings.ClipNorm
                AverageDecay = orNone settings.AverageDecay
            }

        match optimizer with
        | AdamW config -> struct (AdamW { config with WeightDecay = 0.0 }, options)
        | other -> struct (other, options)

    static let variation (seed: Seed) (epoch: int) (index: int) : Random =
        seed
        |> Seed.stream Stream.Augmentation
        |> Seed.split epoch
        |> Seed.split index
        |> Seed.generator

    /// The names of the optimisers.
    static member Optimizers: IReadOnlyList<string> =
        Optimizer.named |> List.map fst |> Array.ofList :> _

    /// Before the first step. Raises CnnException for an unknown optimiser.
    static member Start(model: Model, optimizer: string, seed: int) : Trainer =
        Trainer.Start(model, TrainerSettings optimizer, seed)

    /// Before the first step. Raises CnnException for an unknown optimiser.
    static member Start(model: Model, settings: TrainerSettings, seed: int) : Trainer =
        match Optimizer.named |> List.tryFind (fun (name, _) -> name = settings.Optimizer) with
        | None ->
            let names = String.Join(", ", Trainer.Optimizers)
            raise (CnnException $"'{settings.Optimizer}' is not an optimizer; there are {names}")
        | Some(_, chosen) ->
            let trained = model.Trained
            let struct (optimizer, options) = withOptions chosen settings

            let state =
                TrainingState.ofParameters optimizer (Seed.ofInt seed) trained.Network trained.Parameters trained.State
                |> TrainingState.withOptions options

            Trainer(state, model)

    member internal _.State: TrainingState<float32> = state

    /// The model as it is now.
    member _.Model = model

    /// The model whose numbers are the moving averages over the steps so far; the model as it is where the settings ask for none.
    member _.AveragedModel = averaged

    /// The bytes of a checkpoint: all that the next step depends on, with a digest. `run` is a text that says which run it is of, such as a
    /// digest of its settings. Raises CnnException for a state of more than 2 GB.
    member _.Encode(run: string) : byte[] =
        match CheckpointFile.encode run model.Trained state with
        | Ok bytes -> bytes
        | Error reason -> raise (CnnException reason)

    /// The moment of this run that the bytes of a checkpoint hold; any moment of the run will do to ask for it, such as its start. Raises
    /// CnnException, with the rest of a sentence that starts with the file's name, for bytes that are damaged, and for those of
    /// another run: other settings, another network or seed, or another text `run`.
    member _.Restore(file: ReadOnlyMemory<byte>, run: string) : Trainer =
        match CheckpointFile.restore run model.Trained state file with
        | Ok moment -> at moment model
        | Error reason -> raise (CnnException reason)

    /// Whole passes over the training images.
    member _.Epoch = state.Epoch

    /// Images of the epoch under way that were seen.
    member _.EpochExamples = state.Progress.Examples

    /// Their mean loss, each taken when it was seen; NaN before the first.
    member _.EpochLoss = state.Progress.Loss / float state.Progress.Examples

    /// Those of them that were recognised when they were seen.
    member _.EpochCorrect = state.Progress.Correct

    /// Mini-batches since the start.
    member _.Steps = state.Step

    /// The best accuracy on held-out images so far; null before there was one.
    member _.BestAccuracy =
        state.Best |> Option.map (fun best -> best.Accuracy) |> Option.toNullable

    /// The epoch that reached it, from 1; null before there was one.
    member _.BestEpoch =
        state.Best |> Option.map (fun best -> best.Epoch) |> Option.toNullable

    /// The order in which this epoch sees its images: a permutation that seed and epoch determine.
    member _.Order(count: int) : ReadOnlyMemory<int> =
        ReadOnlyMemory((TrainingState.order state.Seed state.Epoch count).ToArray())

    /// A generator for the augmentation of one image, determined by seed, epoch and the image's index.
    member _.AugmentationGenerator(index: int) : Random = variation state.Seed state.Epoch index

    /// The same for any epoch (from 0) of a run that starts at this seed, without the run.
    static member AugmentationGenerator(seed: int, epoch: int, index: int) : Random =
        variation (Seed.ofInt seed) epoch index

    /// One mini-batch, on at most `threads` threads; how many does not change the result. Raises CnnException for images or labels
    /// that do not fit the model, and for fewer images than Model.LeastBatch.
    member _.Step
        (
            pixels: ReadOnlyMemory<byte>,
            labels: ReadOnlyMemory<byte>,
            learningRate: float,
            [<Optional; DefaultParameterValue(1)>] threads: int
        ) : TrainerStep =
        if labels.Length = 0 then
            raise (CnnException "a mini-batch needs at least one image")

        if labels.Length < model.LeastBatch then
            raise (
                CnnException
                    $"batch normalisation cannot normalise a single value: the model needs mini-batches of at least {model.LeastBatch} images"
            )

        let struct (next, report) =
            TrainingState.advance threads learningRate (model.Input pixels) (model.Labels labels) ValueNone state

        TrainerStep(at next model, report)

    /// Where the step from here, with this mini-batch, to `next` left the finite numbers, for a sentence. It is computed anew, slowly, one
    /// operation after the other.
    member _.FirstFault(pixels: ReadOnlyMemory<byte>, labels: ReadOnlyMemory<byte>, next: TrainerStep) : string =
        let ofLayer (index: int) =
            $"layer {index} ({model.Layers[index].Text})"

        match Divergence.firstFault (model.Numbers pixels) (model.Labels labels) state next.Trainer.State with
        | OutputOf layer -> $"the output of {ofLayer layer} is the first that is not finite"
        | OfLoss -> "the loss is not finite, though all layers are"
        | GradientOf layer -> $"the gradient of {ofLayer layer} is the first that is not finite"
        | UpdateOf layer -> $"the step makes the weights of {ofLayer layer}, or their averages, infinite"
        | NotFound -> "a sum of gradients is not finite"

    /// After the last mini-batch of an epoch; with the accuracy on held-out images if there are some.
    member _.EndEpoch([<Optional>] accuracy: Nullable<float>) : Trainer =
        at (TrainingState.endEpoch (Option.ofNullable accuracy) state) model

    /// The steps that are left of this epoch, each computed when it is asked for: one for each mini-batch of `batchSize` of the images,
    /// in the order of Order, the last one smaller where they do not come out even. Whoever stops looking stops training, and any
    /// step's Trainer can go on from there. After the last one it is time for EndEpoch. `learningRate` is told the number of steps
    /// before. Raises CnnException unless there are as many labels as images, and all mini-batches fit the model.
    member trainer.EpochSteps
        (
            pixels: ReadOnlyMemory<byte>,
            labels: ReadOnlyMemory<byte>,
            batchSize: int,
            learningRate: Func<int64, float>,
            [<Optional; DefaultParameterValue(1)>] threads: int
        ) : IEnumerable<TrainerStep> =
        let count = labels.Length
        let size = Shape.size model.Trained.Network.Input

        if int64 count * int64 size <> int64 pixels.Length then
            raise (
                CnnException
                    $"{pixels.Length} bytes and {count} labels do not fit: each image has {size} bytes and one label"
            )

        if batchSize < 1 then
            raise (CnnException $"a mini-batch of {batchSize} images is not possible; it needs at least one")

        match count % batchSize with
        | last when last > 0 && last < model.LeastBatch ->
            raise (
                CnnException
                    $"the last mini-batch of an epoch would have {last} images, and batch normalisation needs at least {model.LeastBatch}; choose another size"
            )
        | _ -> ()

        let order = trainer.Order count

        trainer
        |> Seq.unfold (fun moment ->
            match min batchSize (count - moment.EpochExamples) with
            | length when length <= 0 -> None
            | length ->
                let batch = order.Slice(moment.EpochExamples, length).ToArray()
                let images = Array.zeroCreate<byte>(length * size)

                batch
                |> Array.iteri (fun i index -> pixels.Slice(index * size, size).CopyTo(Memory(images, i * size, size)))

                let classes = batch |> Array.map (fun index -> labels.Span[index])
                let rate = learningRate.Invoke moment.Steps

                let step = moment.Step(ReadOnlyMemory images, ReadOnlyMemory classes, rate, threads)

                Some(step, step.Trainer))

    /// The same with one learning rate.
    member trainer.EpochSteps
        (
            pixels: ReadOnlyMemory<byte>,
            labels: ReadOnlyMemory<byte>,
            batchSize: int,
            learningRate: float,
            [<Optional; DefaultParameterValue(1)>] threads: int
        ) : IEnumerable<TrainerStep> =
        trainer.EpochSteps(pixels, labels, batchSize, Func<int64, float>(fun _ -> learningRate), threads)

    /// The run after so many more epochs, the one under way counted: EpochSteps and EndEpoch in turn. `progress` is told every step.
    /// Raises OperationCanceledException once the token says so, CnnException where a step is not finite, and as EpochSteps.
    member trainer.Train
        (
            pixels: ReadOnlyMemory<byte>,
            labels: ReadOnlyMemory<byte>,
            epochs: int,
            batchSize: int,
            learningRate: Func<int64, float>,
            [<Optional; DefaultParameterValue(1)>] threads: int,
            [<Optional; DefaultParameterValue(null: IProgress<TrainerStep>)>] progress: IProgress<TrainerStep>,
            [<Optional>] stop: CancellationToken
        ) : Trainer =
        let take (_: Trainer) (step: TrainerStep) =
            if not step.IsFinite then
                let next = step.Trainer

                raise (
                    CnnException
                        $"training diverged in epoch {next.Epoch + 1}, at step {next.Steps} of the run; a lower learning rate may help"
                )

            if not (isNull progress) then
                progress.Report step

            stop.ThrowIfCancellationRequested()
            step.Trainer

        (trainer, Seq.init (max 0 epochs) id)
        ||> Seq.fold (fun moment _ ->
            stop.ThrowIfCancellationRequested()
            let steps = moment.EpochSteps(pixels, labels, batchSize, learningRate, threads)
            (Seq.fold take moment steps).EndEpoch())

    /// The same with one learning rate.
    member trainer.Train
        (
            pixels: ReadOnlyMemory<byte>,
            labels: ReadOnlyMemory<byte>,
            epochs: int,
            batchSize: int,
            learningRate: float,
            [<Optional; DefaultParameterValue(1)>] threads: int,
            [<Optional; DefaultParameterValue(null: IProgress<TrainerStep>)>] progress: IProgress<TrainerStep>,
            [<Optional>] stop: CancellationToken
        ) : Trainer =
        let rate = Func<int64, float>(fun _ -> learningRate)
        trainer.Train(pixels, labels, epochs, batchSize, rate, threads, progress, stop)

/// The next moment of a run, and what the mini-batch gave before the step was taken.
and [<Sealed>] TrainerStep internal (trainer: Trainer, report: StepReport) =
    /// The run after the step.
    member _.Trainer: Trainer = trainer

    /// Mean cross-entropy of the mini-batch, in nats; with label smoothing where the settings ask for it.
    member _.Loss = report.Loss

    /// Images of the mini-batch that were recognised, before the step.
    member _.Correct = report.Correct

    /// Images of the mini-batch.
    member _.Examples = report.Examples

    /// Whether the loss, and all that the step gave, is finite. Once it is not, nothing good will come of the run.
    member _.IsFinite = report.IsFinite
