namespace Cnn.Training

#nowarn "9"

open System.Numerics
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Networks

/// Steps of an optimiser, as pure functions.
[<CompilationRepresentation(CompilationRepresentationFlags.ModuleSuffix)>]
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

    /// The rule of step number `steps` (from 1), for gradients that are to be multiplied by `factor` first, with a decoupled decay on
    /// top of that of the optimiser.
    let private rule<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (optimizer: Optimizer)
        (learningRate: float)
        (weightDecay: float)
        (factor: float)
        (steps: int64)
        : UpdateRule<'T> =
        let number (value: float) : 'T = 'T.CreateTruncating value

        let mean (decay: float) =
            Decayed<'T>(number factor, number decay)

        let step = number -learningRate
        let least = Tiny.least<'T>()

        // + 0, not - 0, where there is no decay
        let pull (decay: float) = number (0.0 - learningRate * decay)

        let adam (config: AdamConfig) (decay: float) (decoupled: float) : UpdateRule<'T> =
            UpdateRule<'T, _>(
                AdamUpdate<'T>(
                    mean decay,
                    pull decoupled,
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

        let descent (momentum: float) (decay: float) (direct: float) (ahead: float) : UpdateRule<'T> =
            UpdateRule<'T, _>(
                MomentumUpdate<'T>(
                    mean decay,
                    step,
                    number weightDecay,
                    number momentum,
                    number direct,
                    number ahead,
                    least
                )
            )

        match optimizer with
        | Sgd decay -> UpdateRule<'T, _>(SgdUpdate<'T>(mean decay, step, number weightDecay))
        | Momentum(momentum, decay) -> descent momentum decay 0.0 1.0
        | Nesterov(momentum, decay) -> descent momentum decay 1.0 momentum
        | Adam config -> adam config config.WeightDecay weightDecay
        | AdamW config -> adam config 0.0 (config.WeightDecay + weightDecay)

    /// The rules of step number `steps` (from 1), for gradients that are to be multiplied by `factor` first.
    let internal rules<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (optimizer: Optimizer)
        (learningRate: float)
        (weightDecay: float)
        (factor: float)
        (steps: int64)
        : StepRules<'T> =
        {
            Weights = rule optimizer learningRate weightDecay factor steps
            Others = rule optimizer learningRate 0.0 factor steps
        }

    /// What a gradient of this norm has to be multiplied by so that its norm is at most `most`. A NaN stays to be seen.
    let internal clipFactor (most: float) (norm: float) : float =
        if norm > most then most / norm else 1.0

    /// Gradient clipping (Pascanu et al. 2013, algorithm 1): g min(1, most / |g|), with the Euclidean norm of all numbers together. The
    /// direction stays, and a gradient that is short enough is given back as it is.
    let clip (most: float) (gradients: Parameters<'T>) : Parameters<'T> =
        match clipFactor most (Parameters.norm gradients) with
        | 1.0 -> gradients
        | factor -> Parameters.scale factor gradients

    /// `update`, with the options that concern it: the gradient clipped first, and the decay of weights.
    let updateWith
        (options: LearningOptions)
        (optimizer: Optimizer)
        (learningRate: float)
        (gradients: Parameters<'T>)
        (state: OptimizerState<'T>)
        (parameters: Parameters<'T>)
        : struct (Parameters<'T> * OptimizerState<'T>) =
        let rules =
            rules<'T> optimizer learningRate options.WeightDecay 1.0 (state.Steps + 1L)

        let own = Parameters.tensors gradients

        if
            List.map (fun (t: Tensor<'T>) -> t.Shape) own
            <> List.map (fun (t: Tensor<'T>) -> t.Shape) (Parameters.tensors parameters)
        then
            invalidArg (nameof gradients) "gradients and parameters belong to different networks"

        let learned =
            {
                Parameters = parameters
                OptimizerState = state
                Average = None
            }

        let successor = Successor<'T>(rules, 'T.Zero, learned, ValueNone)

        let own =
            match options.ClipNorm with
            | Some most -> Parameters.tensors (clip most gradients)
            | None -> own

        own
        |> List.iteri (fun t gradient ->
            use pointer = fixed gradient.Span
            successor.Apply(t, 0, gradient.Count, pointer))

        let next = successor.Result
        struct (next.Parameters, next.OptimizerState)

    /// One step: new parameters and new state, from the mean gradient of a mini-batch.
    let update
        (optimizer: Optimizer)
        (learningRate: float)
        (gradients: Parameters<'T>)
        (state: OptimizerState<'T>)
        (parameters: Parameters<'T>)
        : struct (Parameters<'T> * OptimizerState<'T>) =
        updateWith LearningOptions.none optimizer learningRate gradients state parameters
