namespace Cnn.Training

open System.Numerics
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
