namespace Cnn.Training

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Networks
open Microsoft.FSharp.NativeInterop

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

/// An optimiser at one step, with all that stays the same for every number.
[<AbstractClass>]
type internal UpdateRule<'T when 'T: unmanaged>() =
    abstract Averages: int
    abstract Apply: numbers: inref<Numbers<'T>> -> unit

[<Sealed>]
type internal UpdateRule<'T, 'F
    when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T> and 'F: struct and 'F :> IUpdate<'T>>(formulas: 'F) =
    inherit UpdateRule<'T>()
    override _.Averages = formulas.Averages

    override _.Apply numbers =
        Kernel<'T>.Best.Update(formulas, &numbers)

/// A step under way: parameters and averages as they are, and memory for those to come, which `Apply` fills part by part, from any
/// thread. The memory is fresh, unless the caller has a state that nobody will look at any more: it is then overwritten.
[<Sealed>]
type internal Successor<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (
        rule: UpdateRule<'T>,
        state: OptimizerState<'T>,
        parameters: Parameters<'T>,
        spent: struct (Parameters<'T> * OptimizerState<'T>) voption
    ) =
    let current = Parameters.tensors parameters |> Array.ofList

    let isAlike (a: Tensor<'T>) (p: Tensor<'T>) =
        obj.ReferenceEquals(a.Shape, p.Shape) || a.Shape = p.Shape

    let arrays (of': Parameters<'T>) : 'T[][] =
        let tensors = Parameters.tensors of' |> Array.ofList

        if tensors.Length <> current.Length || not (Array.forall2 isAlike tensors current) then
            invalidArg (nameof state) "the optimizer's state belongs to a different network"

        tensors |> Array.map (fun tensor -> tensor.Values)

    let room (of': struct (Parameters<'T> * OptimizerState<'T>) -> Parameters<'T>) : 'T[][] =
        match spent with
        | ValueSome before -> arrays (of' before)
        | ValueNone -> current |> Array.map (fun tensor -> GC.AllocateUninitializedArray tensor.Count)

    let before = arrays parameters
    let first = if rule.Averages > 0 then arrays state.First else null
    let second = if rule.Averages > 1 then arrays state.Second else null
    let newParameters = room (fun (struct (p, _)) -> p)

    let newFirst =
        if rule.Averages > 0 then
            room (fun (struct (_, s)) -> s.First)
        else
            null

    let newSecond =
        if rule.Averages > 1 then
            room (fun (struct (_, s)) -> s.Second)
        else
            null

    let own (all: 'T[][]) (t: int) : 'T[] = if isNull all then null else all[t]

    let place (array: nativeptr<'T>) (start: int) : nativeptr<'T> =
        if NativePtr.isNullPtr array then
            array
        else
            NativePtr.add array start

    let rebuild (values: 'T[][]) =
        if isNull values then
            Empty
        else
            Parameters.rebuild (Seq.map2 (fun (old: Tensor<'T>) v -> Tensor(old.Shape, v)) current values) parameters

    /// Takes the step for the `count` numbers of tensor t from `start` on, given their gradient.
    member _.Apply(t: int, start: int, count: int, gradient: nativeptr<'T>) =
        use parameter = fixed before[t]
        use firstAverage = fixed (own first t)
        use secondAverage = fixed (own second t)
        use newParameter = fixed newParameters[t]
        use newFirstAverage = fixed (own newFirst t)
        use newSecondAverage = fixed (own newSecond t)

        let numbers =
            {
                Count = count
                Gradient = gradient
                Parameter = place parameter start
                First = place firstAverage start
                Second = place secondAverage start
                NewParameter = place newParameter start
                NewFirst = place newFirstAverage start
                NewSecond = place newSecondAverage start
            }

        rule.Apply &numbers

    /// Parameters and state after the step, once every number has been through it.
    member _.Result: struct (Parameters<'T> * OptimizerState<'T>) =
        struct (rebuild newParameters,
                {
                    Steps = state.Steps + 1L
                    First = rebuild newFirst
                    Second = rebuild newSecond
                })

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

    /// The rule of step number `steps` (from 1), for gradients that are to be multiplied by `factor` first.
    let internal rule<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (optimizer: Optimizer)
        (learningRate: float)
        (factor: float)
        (steps: int64)
        : UpdateRule<'T> =
        let number (value: float) : 'T = 'T.CreateTruncating value

        let mean (decay: float) =
            Decayed<'T>(number factor, number decay)

        let step = number -learningRate
        let least = Tiny.least<'T>()

        let adam (config: AdamConfig) (decay: float) (shrink: float) : UpdateRule<'T> =
            UpdateRule<'T, _>(
                AdamUpdate<'T>(
                    mean decay,
                    number shrink,
                    number (-learningRate / (1.0 - config.Beta1 ** float steps)),
                    number (1.0 / (1.0 - config.Beta2 ** float steps)),
                    number config.Epsilon,
                    number config.Beta1,
                    number (1.0 - config.Beta1),
                    number config.Beta2,
                    number (1.0 - config.Beta2),
                    least
                )
            )

        match optimizer with
        | Sgd decay -> UpdateRule<'T, _>(SgdUpdate<'T>(mean decay, step))
        | Momentum(momentum, decay) ->
            UpdateRule<'T, _>(MomentumUpdate<'T>(mean decay, step, number momentum, number 0.0, number 1.0, least))
        | Nesterov(momentum, decay) ->
            UpdateRule<'T, _>(MomentumUpdate<'T>(mean decay, step, number momentum, number 1.0, number momentum, least))
        | Adam config -> adam config config.WeightDecay 1.0
        | AdamW config -> adam config 0.0 (1.0 - learningRate * config.WeightDecay)

    /// One step: new parameters and new state, from the mean gradient of a mini-batch.
    let update
        (optimizer: Optimizer)
        (learningRate: float)
        (gradients: Parameters<'T>)
        (state: OptimizerState<'T>)
        (parameters: Parameters<'T>)
        : struct (Parameters<'T> * OptimizerState<'T>) =
        let rule = rule<'T> optimizer learningRate 1.0 (state.Steps + 1L)
        let own = Parameters.tensors gradients

        if
            List.map (fun (t: Tensor<'T>) -> t.Shape) own
            <> List.map (fun (t: Tensor<'T>) -> t.Shape) (Parameters.tensors parameters)
        then
            invalidArg (nameof gradients) "gradients and parameters belong to different networks"

        let successor = Successor<'T>(rule, state, parameters, ValueNone)

        own
        |> List.iteri (fun t gradient ->
            use pointer = fixed gradient.Span
            successor.Apply(t, 0, gradient.Count, pointer))

        successor.Result
