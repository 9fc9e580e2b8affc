namespace Cnn

open System
open Cnn.Training

/// The steps of a Trainer, but for their memory: each writes its result over the state before last, where a Trainer takes fresh
/// arrays. It is there to measure what fresh results cost. It has states that change, and therefore shows none of them: only what
/// a step reports. For one thread at a time.
[<Sealed>]
type RecyclingRun private (model: Model, start: TrainingState<float32>) =
    let mutable state = start
    // what the next step may write over
    let mutable spent: TrainingState<float32> voption = ValueNone

    /// Before the first step. Raises CnnException for an unknown optimiser.
    static member Start(model: Model, optimizer: string, seed: int) : RecyclingRun =
        RecyclingRun.Start(model, TrainerSettings optimizer, seed)

    /// Before the first step. Raises CnnException for an unknown optimiser.
    static member Start(model: Model, settings: TrainerSettings, seed: int) : RecyclingRun =
        RecyclingRun(model, Trainer.Start(model, settings, seed).State)

    /// One mini-batch, as in Trainer.Step; gives its mean cross-entropy in nats.
    member _.Step
        (pixels: ReadOnlyMemory<byte>, labels: ReadOnlyMemory<byte>, learningRate: float, threads: int)
        : float =
        let struct (next, report) =
            TrainingState.advance threads learningRate (model.Input pixels) (model.Labels labels) spent state

        // the first state has the numbers of the model, which are not ours
        spent <-
            if state.Step > start.Step then
                ValueSome state
            else
                ValueNone

        state <- next
        report.Loss
