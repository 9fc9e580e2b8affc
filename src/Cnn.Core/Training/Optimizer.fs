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

/// A step under way: parameters and averages as they are, and fresh memory for those to come, which `Apply` fills part by part,
/// from any thread. Dispose of it when all parts are done.
[<Sealed>]
type internal Successor<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (rule: UpdateRule<'T>, state: OptimizerState<'T>, parameters: Parameters<'T>) =
    let current = Parameters.tensors parameters |> Array.ofList
    let handles = Collections.Generic.List<Buffers.MemoryHandle>()

    let pin (values: 'T[]) : nativeptr<'T> =
        let handle = values.AsMemory().Pin()
        handles.Add handle
        NativePtr.ofVoidPtr handle.Pointer

    let fresh () : 'T[][] =
        current |> Array.map (fun tensor -> GC.AllocateUninitializedArray tensor.Count)

    let pinAverages (number: int) (averages: Parameters<'T>) : nativeptr<'T>[] =
        if number > rule.Averages then
            [||]
        else
            let tensors = Parameters.tensors averages |> Array.ofList

            if
                tensors.Length <> current.Length
                || Array.exists2 (fun (a: Tensor<'T>) (p: Tensor<'T>) -> a.Shape <> p.Shape) tensors current
            then
                invalidArg (nameof state) "the optimizer's state belongs to a different network"

            tensors |> Array.map (fun tensor -> pin tensor.Values)

    let first = pinAverages 1 state.First
    let second = pinAverages 2 state.Second
    let before = current |> Array.map (fun tensor -> pin tensor.Values)
    let newParameters = fresh ()
    let newFirst = if rule.Averages > 0 then fresh () else [||]
    let newSecond = if rule.Averages > 1 then fresh () else [||]
    let after = newParameters |> Array.map pin
    let firstAfter = newFirst |> Array.map pin
    let secondAfter = newSecond |> Array.map pin

    let place (pointers: nativeptr<'T>[]) (t: int) (start: int) : nativeptr<'T> =
        if pointers.Length = 0 then
            NativePtr.nullPtr
        else
            NativePtr.add pointers[t] start

    let rebuild (values: 'T[][]) =
        if values.Length = 0 then
            Empty
        else
            Parameters.rebuild (Seq.map2 (fun (old: Tensor<'T>) v -> Tensor(old.Shape, v)) current values) parameters

    /// Numbers of tensor t.
    member _.Size(t: int) = current[t].Count

    /// Numbers of all tensors.
    member _.Count = current |> Array.sumBy (fun tensor -> tensor.Count)

    /// Takes the step for the `count` numbers of tensor t from `start` on, given their gradient.
    member _.Apply(t: int, start: int, count: int, gradient: nativeptr<'T>) =
        let numbers =
            {
                Count = count
                Gradient = gradient
                Parameter = NativePtr.add before[t] start
                First = place first t start
                Second = place second t start
                NewParameter = NativePtr.add after[t] start
                NewFirst = place firstAfter t start
                NewSecond = place secondAfter t start
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

    interface IDisposable with
        member _.Dispose() =
            for handle in handles do
                handle.Dispose()

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

        use successor = new Successor<'T>(rule, state, parameters)

        own
        |> List.iteri (fun t gradient ->
            use pointer = fixed gradient.Span
            successor.Apply(t, 0, gradient.Count, pointer))

        successor.Result
