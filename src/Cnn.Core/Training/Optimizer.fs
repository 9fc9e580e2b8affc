namespace Cnn.Training

open System
open System.Buffers
open System.Numerics
open System.Runtime.CompilerServices
open System.Threading.Tasks
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Networks

/// How gradients become steps. Weight decay is the lambda of lambda/2 |p|² (for AdamW: of its decoupled form).
/// Definitions are those of torch.optim, written with g for the gradient, p for the parameters, r for the learning rate.
/// (torch.optim keeps r outside of v; Sutskever et al. 2013 have it inside.)
type Optimizer =
    /// p <- p - r g                                                  (Robbins and Monro 1951)
    | Sgd of weightDecay: float
    /// v <- momentum v + g;  p <- p - r v                            (Polyak 1964, in torch.optim's form)
    | Momentum of momentum: float * weightDecay: float
    /// v <- momentum v + g;  p <- p - r (g + momentum v)             (Nesterov 1983, in torch.optim's form)
    | Nesterov of momentum: float * weightDecay: float
    /// m <- beta1 m + (1 - beta1) g;  v <- beta2 v + (1 - beta2) g²
    /// p <- p - r (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
    ///                                                               (Kingma and Ba 2015, algorithm 1)
    | Adam of AdamConfig
    /// The same after p <- p - r lambda p, the decay kept out of m and v   (Loshchilov and Hutter 2019, algorithm 2)
    | AdamW of AdamConfig

and AdamConfig =
    {
        Beta1: float
        Beta2: float
        Epsilon: float
        WeightDecay: float
    }

/// What an optimiser remembers between steps: how many there were, and running averages in the form of the parameters
/// (First: v of momentum or m of Adam; Second: v of Adam; Empty where it needs none).
type OptimizerState<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    {
        Steps: int64
        First: Parameters<'T>
        Second: Parameters<'T>
    }

/// Some numbers of a network, and where their successors go: what one step needs to know of them.
[<Struct; IsByRefLike>]
type internal UpdatedNumbers<'T> =
    [<DefaultValue(false)>]
    val mutable Gradient: Span<'T>

    [<DefaultValue(false)>]
    val mutable Parameter: ReadOnlySpan<'T>

    [<DefaultValue(false)>]
    val mutable First: ReadOnlySpan<'T>

    [<DefaultValue(false)>]
    val mutable Second: ReadOnlySpan<'T>

    [<DefaultValue(false)>]
    val mutable NewParameter: Span<'T>

    [<DefaultValue(false)>]
    val mutable NewFirst: Span<'T>

    [<DefaultValue(false)>]
    val mutable NewSecond: Span<'T>

module Optimizer =

    /// The names under which an optimiser is asked for, with the defaults of torch.optim (momentum 0.9).
    let named: (string * Optimizer) list =
        let adam decay =
            {
                Beta1 = 0.9
                Beta2 = 0.999
                Epsilon = 1e-8
                WeightDecay = decay
            }

        [
            "sgd", Sgd 0.0
            "momentum", Momentum(0.9, 0.0)
            "nesterov", Nesterov(0.9, 0.0)
            "adam", Adam(adam 0.0)
            "adamw", AdamW(adam 0.01)
        ]

    /// The state before the first step.
    let start (optimizer: Optimizer) (parameters: Parameters<'T>) : OptimizerState<'T> =
        let zeros = Parameters.zerosLike parameters

        match optimizer with
        | Sgd _ ->
            {
                Steps = 0L
                First = Empty
                Second = Empty
            }
        | Momentum _
        | Nesterov _ ->
            {
                Steps = 0L
                First = zeros
                Second = Empty
            }
        | Adam _
        | AdamW _ ->
            {
                Steps = 0L
                First = zeros
                Second = zeros
            }

    /// How many running averages an optimiser keeps.
    let private averages (optimizer: Optimizer) : int =
        match optimizer with
        | Sgd _ -> 0
        | Momentum _
        | Nesterov _ -> 1
        | Adam _
        | AdamW _ -> 2

    let private blend<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (alpha: float) (beta: float) =
        Blend<'T>('T.CreateTruncating alpha, 'T.CreateTruncating beta)

    /// g + lambda p, in place
    let private decay<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (lambda: float)
        (g: Span<'T>)
        (p: ReadOnlySpan<'T>)
        =
        if lambda <> 0.0 then
            Kernel<'T>.Best.Map2(blend 1.0 lambda, Span.op_Implicit g, p, g)

    /// One step on some of the numbers, all spans standing for the same places. The gradient g is used up.
    let private updateNumbers<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (optimizer: Optimizer)
        (rate: float)
        (steps: int64)
        (numbers: UpdatedNumbers<'T>)
        =
        let kernel = Kernel<'T>.Best
        let g: Span<'T> = numbers.Gradient
        let gradient: ReadOnlySpan<'T> = Span.op_Implicit g
        let p = numbers.Parameter

        match optimizer with
        | Sgd lambda ->
            decay lambda g p
            kernel.Map2(blend 1.0 -rate, p, gradient, numbers.NewParameter)
        | Momentum(momentum, lambda)
        | Nesterov(momentum, lambda) ->
            decay lambda g p
            let velocity: ReadOnlySpan<'T> = Span.op_Implicit numbers.NewFirst
            kernel.Map2(blend momentum 1.0, numbers.First, gradient, numbers.NewFirst)

            if optimizer.IsNesterov then
                kernel.Map2(blend momentum 1.0, velocity, gradient, g)
                kernel.Map2(blend 1.0 -rate, p, gradient, numbers.NewParameter)
            else
                kernel.Map2(blend 1.0 -rate, p, velocity, numbers.NewParameter)
        | Adam config
        | AdamW config ->
            let shrink =
                if optimizer.IsAdam then
                    decay config.WeightDecay g p
                    1.0
                else
                    1.0 - rate * config.WeightDecay

            kernel.Map2(blend config.Beta1 (1.0 - config.Beta1), numbers.First, gradient, numbers.NewFirst)

            kernel.Map2(
                BlendSquare<'T>('T.CreateTruncating config.Beta2, 'T.CreateTruncating(1.0 - config.Beta2)),
                numbers.Second,
                gradient,
                numbers.NewSecond
            )

            let step =
                AdamStep<'T>(
                    'T.CreateTruncating shrink,
                    'T.CreateTruncating(-rate / (1.0 - config.Beta1 ** float steps)),
                    'T.CreateTruncating(1.0 / (1.0 - config.Beta2 ** float steps)),
                    'T.CreateTruncating config.Epsilon
                )

            kernel.Map3(
                step,
                p,
                Span.op_Implicit numbers.NewFirst,
                Span.op_Implicit numbers.NewSecond,
                numbers.NewParameter
            )

    /// The sum of the shards' gradients in a fixed order, neighbours first, then neighbours of those, times a factor. `sums` holds
    /// a row of scratch for each pair.
    let private sum<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (shards: Tensor<'T>[])
        (first: int)
        (count: int)
        (factor: float)
        (sums: Span<'T>)
        : unit =
        let kernel = Kernel<'T>.Best
        let mutable rows = (shards.Length + 1) / 2

        for i in 0 .. rows - 1 do
            let row = sums.Slice(i * count, count)
            let left = shards[2 * i].Span.Slice(first, count)

            if 2 * i + 1 < shards.Length then
                kernel.Map2(Add<'T>(), left, shards[2 * i + 1].Span.Slice(first, count), row)
            else
                left.CopyTo row

        while rows > 1 do
            let pairs = rows / 2

            for i in 0 .. pairs - 1 do
                let left = sums.Slice(2 * i * count, count)
                let right = sums.Slice((2 * i + 1) * count, count)
                kernel.Map2(Add<'T>(), Span.op_Implicit left, Span.op_Implicit right, sums.Slice(i * count, count))

            if rows % 2 = 1 then
                sums.Slice((rows - 1) * count, count).CopyTo(sums.Slice(pairs * count, count))

            rows <- (rows + 1) / 2

        if factor <> 1.0 then
            let row = sums.Slice(0, count)
            kernel.Map(Scale<'T>('T.CreateTruncating factor), Span.op_Implicit row, row)

    /// Numbers that go through all of a step before the next ones: they stay in the L1 cache on the way.
    [<Literal>]
    let private Chunk = 1024

    /// Numbers that are worth a task of their own.
    [<Literal>]
    let private TaskSize = 32768

    /// One step: new parameters and new state, from the gradient of each shard of a mini-batch and the factor that makes their sum
    /// a mean. The same bits on any number of threads.
    let internal updateFromShards
        (threads: int)
        (optimizer: Optimizer)
        (learningRate: float)
        (factor: float)
        (shards: Parameters<'T>[])
        (state: OptimizerState<'T>)
        (parameters: Parameters<'T>)
        : struct (Parameters<'T> * OptimizerState<'T>) =
        let kept = averages optimizer
        let current = Parameters.tensors parameters |> Array.ofList
        let gradients = shards |> Array.map (Parameters.tensors >> Array.ofList)
        let first = Parameters.tensors state.First |> Array.ofList
        let second = Parameters.tensors state.Second |> Array.ofList

        let expect (tensors: Tensor<'T>[]) =
            if
                tensors.Length <> current.Length
                || Array.exists2 (fun (t: Tensor<'T>) (p: Tensor<'T>) -> t.Shape <> p.Shape) tensors current
            then
                invalidArg (nameof parameters) "gradients, state and parameters belong to different networks"

        Array.iter expect gradients

        if kept > 0 then
            expect first

        if kept > 1 then
            expect second

        let fresh () : 'T[][] =
            current |> Array.map (fun t -> GC.AllocateUninitializedArray t.Count)

        let newParameters = fresh ()
        let newFirst = if kept > 0 then fresh () else [||]
        let newSecond = if kept > 1 then fresh () else [||]
        let steps = state.Steps + 1L

        let work (struct (t: int, from: int, beyond: int)) =
            let own = gradients |> Array.map (fun tensors -> tensors[t])
            let scratch = ArrayPool<'T>.Shared.Rent((own.Length + 1) / 2 * Chunk)
            let mutable start = from

            while start < beyond do
                let count = min Chunk (beyond - start)
                sum own start count factor (Span scratch)

                let mutable numbers = UpdatedNumbers<'T>()
                numbers.Gradient <- Span(scratch, 0, count)
                numbers.Parameter <- current[t].Span.Slice(start, count)
                numbers.NewParameter <- Span(newParameters[t], start, count)

                if kept > 0 then
                    numbers.First <- first[t].Span.Slice(start, count)
                    numbers.NewFirst <- Span(newFirst[t], start, count)

                if kept > 1 then
                    numbers.Second <- second[t].Span.Slice(start, count)
                    numbers.NewSecond <- Span(newSecond[t], start, count)

                updateNumbers optimizer learningRate steps numbers
                start <- start + count

            ArrayPool<'T>.Shared.Return scratch

        let parts =
            [|
                for t in 0 .. current.Length - 1 do
                    for from in 0..TaskSize .. current[t].Count - 1 ->
                        struct (t, from, min current[t].Count (from + TaskSize))
            |]

        if threads = 1 || parts.Length <= current.Length then
            Array.iter work parts
        else
            let options = ParallelOptions(MaxDegreeOfParallelism = threads)
            Parallel.For(0, parts.Length, options, (fun i -> work parts[i])) |> ignore

        let rebuild (values: 'T[][]) =
            if values.Length = 0 then
                Empty
            else
                Parameters.rebuild (Seq.map2 (fun (t: Tensor<'T>) v -> Tensor(t.Shape, v)) current values) parameters

        struct (rebuild newParameters,
                {
                    Steps = steps
                    First = rebuild newFirst
                    Second = rebuild newSecond
                })

    /// One step: new parameters and new state, from the mean gradient of a mini-batch.
    let update
        (optimizer: Optimizer)
        (learningRate: float)
        (gradients: Parameters<'T>)
        (state: OptimizerState<'T>)
        (parameters: Parameters<'T>)
        : struct (Parameters<'T> * OptimizerState<'T>) =
        updateFromShards 1 optimizer learningRate 1.0 [| gradients |] state parameters
