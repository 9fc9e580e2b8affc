namespace Cnn.Training

#nowarn "9"

open System.Numerics
open Cnn.Kernels
open Cnn.Networks
open Cnn.Fusion
open Microsoft.FSharp.NativeInterop

/// Optimizer.update, taken right behind the pass over a batch: gradients are added up, or multiplied out, a few numbers at a time,
/// and used while they are in the L1 cache. So the gradient of a batch never exists as a whole.
///
/// Tasks and their order depend on the network alone; each number is summed in a fixed order. Any number of threads gives the same bits.
[<Sealed>]
type internal BatchUpdate<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (
        optimizer: Optimizer,
        learningRate: float,
        pass: BatchPass<'T>,
        state: OptimizerState<'T>,
        parameters: Parameters<'T>,
        spent: struct (Parameters<'T> * OptimizerState<'T>) voption
    ) =
    // numbers that go through all of a step before the next ones
    static let chunk = 1024

    let batch = pass.Shards
    let memory = pass.Memory

    let rule =
        Optimizer.rule<'T> optimizer learningRate (1.0 / float batch.Examples) (state.Steps + 1L)

    let successor = Successor<'T>(rule, state, parameters, spent)

    /// Adds up the gradients of the shards.
    let added (part: GradientPart) (shards: nativeptr<'T>[]) =
        use scratch = Workspace.Rent()
        let rows = scratch.Take<'T>((batch.Count + 1) / 2 * chunk)

        for i in part.First .. chunk .. part.Beyond - 1 do
            let count = min chunk (part.Beyond - i)
            successor.Apply(part.Tensor, i, count, TensorGradient.sum shards batch.Count i count rows)

    /// Multiplies out some groups of rows of a dense gradient.
    let multiplied
        (part: GradientPart)
        (dense: FusedDense)
        (prepared: PreparedDense<'T>)
        (x: FeatureMap<'T>)
        (dy: FeatureMap<'T>)
        (starts: nativeptr<nativeint>)
        =
        use scratch = Workspace.Rent()

        let x, dy =
            FeatureMap.slice 0 batch.Examples x, FeatureMap.slice 0 batch.Examples dy

        let gradient = scratch.Take<'T>(DenseWeightGradient.room prepared x.Examples)

        for group in part.First .. part.Beyond - 1 do
            let rows = DenseWeightGradient.rows dense prepared group
            DenseWeightGradient.multiply dense prepared x dy starts rows gradient
            let count = rows.Rows * dense.Outputs

            for run in 0 .. rows.Runs - 1 do
                let start = (rows.First + run * rows.RunStep) * dense.Outputs
                successor.Apply(part.Tensor, start, count, gradient +! (run * count))

    /// How many parts there are, which may be done at once when all shards have run.
    member _.Count = memory.Parts.Length

    /// One of them.
    member _.Run(i: int) : unit =
        let part = memory.Parts[i]

        match memory.Gradients[part.Tensor] with
        | TensorGradient.Shards shards -> added part shards
        | TensorGradient.Factors(dense, prepared, x, dy, starts) -> multiplied part dense prepared x dy starts

    /// Parameters and state after the step, once the work is done.
    member _.Result = successor.Result
