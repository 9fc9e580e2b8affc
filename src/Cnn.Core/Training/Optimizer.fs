namespace Cnn.Training

open System.Numerics
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

    /// alpha x + beta y
    let private blend (alpha: float) (beta: float) (x: Parameters<'T>) (y: Parameters<'T>) : Parameters<'T> =
        Parameters.map2 (Vectorized.map2 (Blend<'T>('T.CreateTruncating alpha, 'T.CreateTruncating beta))) x y

    /// g + decay p
    let private decayed (decay: float) (parameters: Parameters<'T>) (gradients: Parameters<'T>) =
        if decay = 0.0 then
            gradients
        else
            blend 1.0 decay gradients parameters

    let private adam
        (config: AdamConfig)
        (rate: float)
        (shrink: float)
        (gradients: Parameters<'T>)
        (state: OptimizerState<'T>)
        (parameters: Parameters<'T>)
        =
        let steps = state.Steps + 1L
        let first = blend config.Beta1 (1.0 - config.Beta1) state.First gradients

        let square =
            Vectorized.map2 (BlendSquare<'T>('T.CreateTruncating config.Beta2, 'T.CreateTruncating(1.0 - config.Beta2)))

        let second = Parameters.map2 square state.Second gradients

        let step =
            AdamStep<'T>(
                'T.CreateTruncating shrink,
                'T.CreateTruncating(-rate / (1.0 - config.Beta1 ** float steps)),
                'T.CreateTruncating(1.0 / (1.0 - config.Beta2 ** float steps)),
                'T.CreateTruncating config.Epsilon
            )

        struct (Parameters.map3 (Vectorized.map3 step) parameters first second,
                {
                    Steps = steps
                    First = first
                    Second = second
                })

    /// One step: new parameters and new state, from the mean gradient of a mini-batch.
    let update
        (optimizer: Optimizer)
        (learningRate: float)
        (gradients: Parameters<'T>)
        (state: OptimizerState<'T>)
        (parameters: Parameters<'T>)
        : struct (Parameters<'T> * OptimizerState<'T>) =
        match optimizer with
        | Sgd decay ->
            let g = decayed decay parameters gradients
            struct (blend 1.0 -learningRate parameters g, { state with Steps = state.Steps + 1L })
        | Momentum(momentum, decay)
        | Nesterov(momentum, decay) ->
            let g = decayed decay parameters gradients
            let velocity = blend momentum 1.0 state.First g

            let direction =
                if optimizer.IsNesterov then
                    blend momentum 1.0 velocity g
                else
                    velocity

            struct (blend 1.0 -learningRate parameters direction,
                    { state with
                        Steps = state.Steps + 1L
                        First = velocity
                    })
        | Adam config -> adam config learningRate 1.0 (decayed config.WeightDecay parameters gradients) state parameters
        | AdamW config -> adam config learningRate (1.0 - learningRate * config.WeightDecay) gradients state parameters
