namespace Cnn.Training

#nowarn "9"

open System
open System.Numerics
open System.Threading.Tasks
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Networks
open Cnn.Fusion
open Microsoft.FSharp.NativeInterop

/// Optimizer.update, taken right behind the pass over a batch: gradients are added up, or multiplied out, a few numbers at a time,
/// and used while they are in the L1 cache. So the gradient of a batch never exists as a whole.
///
/// Tasks and their order depend on the network alone; each number is summed in a fixed order. Any number of threads gives the same bits.
module internal BatchUpdate =

    /// Numbers that are worth a task of their own.
    [<Literal>]
    let private TaskSize = 8192

    /// Numbers that go through all of a step before the next ones.
    [<Literal>]
    let private Chunk = 1024

    /// One step of the optimiser, and what the pass gave.
    let update
        (threads: int)
        (optimizer: Optimizer)
        (learningRate: float)
        (pass: BatchPass<'T>)
        (state: OptimizerState<'T>)
        (parameters: Parameters<'T>)
        : struct (Parameters<'T> * OptimizerState<'T>) =
        let gradients = pass.Gradients

        let rule =
            Optimizer.rule<'T> optimizer learningRate (1.0 / float pass.Examples) (state.Steps + 1L)

        use successor = new Successor<'T>(rule, state, parameters)
        use shared = Workspace.Rent()

        let shards (t: int) (parts: nativeptr<'T>[]) =
            let size = successor.Size t

            [|
                for first in 0..TaskSize .. size - 1 ->
                    fun () ->
                        use memory = Workspace.Rent()
                        let rows = memory.Take<'T>((parts.Length + 1) / 2 * Chunk)
                        let beyond = min size (first + TaskSize)
                        let mutable i = first

                        while i < beyond do
                            let count = min Chunk (beyond - i)
                            TensorGradient.sum parts i count rows
                            successor.Apply(t, i, count, rows)
                            i <- i + count
            |]

        let factors (t: int) (dense: FusedDense) (prepared: PreparedDense<'T>) x dy =
            let examples = TensorGradient.examples shared x
            let rowsInTask = max 1 (TaskSize / dense.Outputs)

            [|
                for first in 0..rowsInTask .. dense.Inputs - 1 ->
                    fun () ->
                        use memory = Workspace.Rent()
                        let rows = memory.Take<'T>(TensorGradient.RowsInGroup * prepared.OutStep)
                        let beyond = min dense.Inputs (first + rowsInTask)
                        let mutable i = first

                        while i < beyond do
                            let count = min TensorGradient.RowsInGroup (beyond - i)
                            FusedDense.weightGradientRows prepared x dy examples i count rows

                            if prepared.OutStep = dense.Outputs then
                                successor.Apply(t, i * dense.Outputs, count * dense.Outputs, rows)
                            else
                                for r in 0 .. count - 1 do
                                    let row = rows +! (r * prepared.OutStep)
                                    successor.Apply(t, (i + r) * dense.Outputs, dense.Outputs, row)

                            i <- i + count
            |]

        let tasks =
            gradients
            |> Array.mapi (fun t gradient ->
                match gradient with
                | TensorGradient.Shards parts -> shards t parts
                | TensorGradient.Factors(dense, prepared, x, dy) -> factors t dense prepared x dy)
            |> Array.concat

        if threads = 1 || successor.Count < 2 * TaskSize then
            for task in tasks do
                task ()
        else
            let options = ParallelOptions(MaxDegreeOfParallelism = threads)
            Parallel.For(0, tasks.Length, options, (fun i -> tasks[i]())) |> ignore

        successor.Result
