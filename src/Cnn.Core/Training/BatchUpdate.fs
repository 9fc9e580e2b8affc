namespace Cnn.Training

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
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
        parameters: Parameters<'T>
    ) =
    // numbers that are worth a task of their own, and those that go through all of a step before the next ones
    static let taskSize = 8192
    static let chunk = 1024

    let rule =
        Optimizer.rule<'T> optimizer learningRate (1.0 / float pass.Examples) (state.Steps + 1L)

    let successor = new Successor<'T>(rule, state, parameters)
    let shared = Workspace.Rent()

    /// Adds up the gradients of the shards.
    let added (t: int) (shards: nativeptr<'T>[]) (first: int) =
        use memory = Workspace.Rent()
        let rows = memory.Take<'T>((shards.Length + 1) / 2 * chunk)
        let beyond = min (successor.Size t) (first + taskSize)

        for i in first..chunk .. beyond - 1 do
            let count = min chunk (beyond - i)
            TensorGradient.sum shards i count rows
            successor.Apply(t, i, count, rows)

    /// Multiplies out some groups of rows of a dense gradient.
    let multiplied
        (t: int)
        (dense: FusedDense)
        (prepared: PreparedDense<'T>)
        (x: FeatureMap<'T>)
        (dy: FeatureMap<'T>)
        (starts: nativeptr<nativeint>)
        (first: int)
        (beyond: int)
        =
        use memory = Workspace.Rent()
        let gradient = memory.Take<'T>(DenseWeightGradient.room prepared x.Examples)

        for group in first .. beyond - 1 do
            let rows = DenseWeightGradient.rows dense prepared group
            DenseWeightGradient.multiply dense prepared x dy starts rows gradient
            let count = rows.Rows * dense.Outputs

            for run in 0 .. rows.Runs - 1 do
                let start = (rows.First + run * rows.RunStep) * dense.Outputs
                successor.Apply(t, start, count, gradient +! (run * count))

    let tasks: (unit -> unit)[] =
        pass.Gradients
        |> Array.mapi (fun t gradient ->
            match gradient with
            | TensorGradient.Shards shards ->
                [|
                    for first in 0..taskSize .. successor.Size t - 1 -> fun () -> added t shards first
                |]
            | TensorGradient.Factors(dense, prepared, x, dy) ->
                let starts = DenseWeightGradient.starts shared prepared x.Examples
                let groups = DenseWeightGradient.groups dense prepared
                let groupsInTask = max 1 (taskSize / (DenseWeightGradient.Group * dense.Outputs))

                [|
                    for first in 0..groupsInTask .. groups - 1 ->
                        fun () -> multiplied t dense prepared x dy starts first (min groups (first + groupsInTask))
                |])
        |> Array.concat

    /// The work, to be done behind that of the pass.
    member _.Phase: Phases.Phase = Phases.phase tasks.Length (fun i -> tasks[i]())

    /// Parameters and state after the step, once the work is done.
    member _.Result = successor.Result

    interface IDisposable with
        member _.Dispose() =
            (successor :> IDisposable).Dispose()
            (shared :> IDisposable).Dispose()
