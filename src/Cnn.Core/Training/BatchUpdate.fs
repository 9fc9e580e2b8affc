namespace Cnn.Training

#nowarn "9"

open System
open System.Numerics
open Cnn.Kernels
open Cnn.Networks
open Cnn.Fusion
open Microsoft.FSharp.NativeInterop

/// What becomes of a piece of a summed gradient: tensor, first number, how many, and where they are.
type internal GradientUse<'T when 'T: unmanaged> = delegate of int * int * int * nativeptr<'T> -> unit

/// Optimizer.updateWith, taken right behind the pass over a batch: gradients are added up, or multiplied out, a few numbers at a time,
/// and used while they are in the L1 cache. So the gradient of a batch never exists as a whole, unless it has to be clipped: its norm
/// must then be known before the first number is used.
///
/// Tasks and their order depend on the network alone; each number is summed in a fixed order. Any number of threads gives the same bits.
[<Sealed>]
type internal BatchUpdate<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (
        optimizer: Optimizer,
        options: LearningOptions,
        learningRate: float,
        pass: BatchPass<'T>,
        learned: Learned<'T>,
        spent: Learned<'T> voption
    ) =
    // numbers that go through all of a step before the next ones
    static let chunk = 1024

    let batch = pass.Shards
    let memory = pass.Memory

    let mean = 1.0 / float batch.Examples

    /// The step, for the sum of the gradients times a factor.
    let start (factor: float) : Successor<'T> =
        let steps = learned.OptimizerState.Steps + 1L

        let averagePart =
            match options.AverageDecay with
            | Some decay -> MovingAverage.part decay steps
            | None -> 'T.Zero

        Successor<'T>(
            Optimizer.rules optimizer learningRate options.WeightDecay factor steps,
            averagePart,
            learned,
            spent
        )

    // with clipping, not before the norm is known
    let mutable successor =
        if options.ClipNorm.IsNone then
            start mean
        else
            Unchecked.defaultof<_>

    /// Adds up the gradients of the shards.
    let added (part: GradientPart) (shards: nativeptr<'T>[]) (use': GradientUse<'T>) =
        use scratch = Workspace.Rent()
        let rows = scratch.Take<'T>((batch.Count + 1) / 2 * chunk)

        for i in part.First .. chunk .. part.Beyond - 1 do
            let count = min chunk (part.Beyond - i)
            use'.Invoke(part.Tensor, i, count, TensorGradient.sum shards batch.Count i count rows)

    /// Multiplies out some groups of rows of a dense gradient.
    let multiplied
        (part: GradientPart)
        (dense: FusedDense)
        (prepared: PreparedDense<'T>)
        (x: FeatureMap<'T>)
        (dy: FeatureMap<'T>)
        (starts: nativeptr<nativeint>)
        (use': GradientUse<'T>)
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
                use'.Invoke(part.Tensor, start, count, gradient +! (run * count))

    /// Hands a part of the gradient on, piece by piece.
    let visit (part: GradientPart) (use': GradientUse<'T>) =
        match memory.Gradients[part.Tensor] with
        | TensorGradient.Shards shards -> added part shards use'
        | TensorGradient.Factors(dense, prepared, x, dy, starts) -> multiplied part dense prepared x dy starts use'

    let parts = memory.Parts

    /// The step in one go.
    let straight () : Phases.Phase[] =
        let apply =
            GradientUse<'T>(fun t first count g -> successor.Apply(t, first, count, g))

        [| Phases.phase parts.Length (fun i -> visit parts[i] apply) |]

    // the gradient as a whole, where it is needed
    let room = if options.ClipNorm.IsSome then Workspace.Rent() else null

    /// The gradient first, then its norm, then the step.
    let clipped (most: float) : Phases.Phase[] =
        let sizes =
            Parameters.tensors learned.Parameters
            |> Array.ofList
            |> Array.map (fun tensor -> tensor.Count)

        let whole = sizes |> Array.map (fun count -> room.Take<'T> count)

        let keep =
            GradientUse<'T>(fun t first count g ->
                Span<'T>(NativePtr.toVoidPtr g, count).CopyTo(Span<'T>(NativePtr.toVoidPtr (whole[t] +! first), count)))

        // as Parameters.norm cuts and adds them
        let cut =
            [|
                for t in 0 .. sizes.Length - 1 do
                    for first in 0 .. Parameters.NormPart .. sizes[t] - 1 do
                        {
                            Tensor = t
                            First = first
                            Beyond = min sizes[t] (first + Parameters.NormPart)
                        }
            |]

        let squares: float[] = Array.zeroCreate cut.Length

        let square (i: int) =
            let part = cut[i]
            let source = NativePtr.toVoidPtr (whole[part.Tensor] +! part.First)
            squares[i] <- Elementwise.sumOfSquares (ReadOnlySpan<'T>(source, part.Beyond - part.First))

        let decide _ =
            let mutable sum = 0.0

            for square in squares do
                sum <- sum + square

            successor <- start (mean * Optimizer.clipFactor most (mean * sqrt sum))

        let apply (i: int) =
            let part = cut[i]

            for first in part.First .. chunk .. part.Beyond - 1 do
                let count = min chunk (part.Beyond - first)
                successor.Apply(part.Tensor, first, count, whole[part.Tensor] +! first)

        [|
            Phases.phase parts.Length (fun i -> visit parts[i] keep)
            Phases.phase cut.Length square
            Phases.phase 1 decide
            Phases.phase cut.Length apply
        |]

    /// What is to be done when all shards have run.
    member _.Phases: Phases.Phase[] =
        match options.ClipNorm with
        | Some most -> clipped most
        | None -> straight ()

    /// What there is after the step, once the work is done.
    member _.Result = successor.Result

    /// Whether all of that is finite.
    member _.IsFinite = successor.IsFinite

    interface IDisposable with
        member _.Dispose() =
            if not (isNull room) then
                (room :> IDisposable).Dispose()
