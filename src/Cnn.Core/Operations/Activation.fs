namespace Cnn.Operations

open System.Numerics
open Cnn.Tensors

/// A function that is applied to each element of a tensor of any shape.
[<RequireQualifiedAccess>]
type Activation =
    /// y = x
    | Identity
    /// y = max(x, 0): the module Relu.
    | Relu
    /// y = x where x > 0, else slope x (Maas, Hannun and Ng 2013, "Rectifier nonlinearities improve neural network
    /// acoustic models"); the derivative at 0 is taken as the slope.
    | LeakyRelu of slope: float
    /// y = x sigmoid(x) (Elfwing, Uchibe and Doya 2018, "Sigmoid-weighted linear units for neural network function
    /// approximation in reinforcement learning"; Ramachandran, Zoph and Le 2017 call it Swish).
    | Silu
    /// y = x/2 (1 + tanh(sqrt(2/π) (x + 0.044715 x³))), which approximates x times the normal distribution function
    /// (Hendrycks and Gimpel 2016, "Gaussian error linear units").
    | Gelu
    /// y = tanh x, from -1 to 1 and odd. LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document
    /// recognition", scale it: 1.7159 tanh(2x/3).
    | Tanh

/// Activations, element by element. SiLU and GELU are one formula with two gates, because
/// (1 + tanh v) / 2 = sigmoid(2 v):
///
///   y  = x sigmoid(u(x))
///   y' = sigmoid(u) + x u'(x) sigmoid(u) (1 - sigmoid(u))
///
/// with u(x) = x for SiLU, and u(x) = 2 sqrt(2/π) (x + 0.044715 x³) for GELU. So y(x) - y(-x) = x for both.
///
/// The hyperbolic tangent is y = tanh x with y' = 1 - y². As a difference that has no digit left where y is nearly 1; by the
/// same identity it is 4 sigmoid(2x) (1 - sigmoid(2x)), which is right to a few units of rounding everywhere.
module Activation =

    /// What backward needs of a forward pass.
    type Cache<'T> =
        {
            Activation: Activation
            Input: Tensor<'T>
        }

    type Gradient<'T> = { Input: Tensor<'T> }

    /// 2 sqrt(2/π)
    [<Literal>]
    let GeluScale = 1.5957691216057308

    /// The weight of x³ in the gate of GELU.
    [<Literal>]
    let GeluCubic = 0.044715

    /// sigmoid(u) and its derivative sigmoid(u) (1 - sigmoid(u)), from exp(-|u|), which never overflows.
    let private sigmoid<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (u: 'T) : struct ('T * 'T) =
        let e = 'T.Exp(-('T.Abs u))
        let whole = 'T.One + e
        let high = 'T.One / whole
        let low = e / whole
        struct ((if 'T.IsNegative u then low else high), high * low)

    /// 2 sqrt(2/π) x (1 + 0.044715 x²)
    let private geluGate<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (x: 'T) : 'T =
        let scaled: 'T = 'T.CreateTruncating GeluScale * x
        scaled * 'T.FusedMultiplyAdd('T.CreateTruncating GeluCubic, x * x, 'T.One)

    /// 2 sqrt(2/π) (1 + 3 · 0.044715 x²)
    let private geluGateDerivative<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (x: 'T) : 'T =
        'T.CreateTruncating GeluScale
        * 'T.FusedMultiplyAdd('T.CreateTruncating(3.0 * GeluCubic), x * x, 'T.One)

    /// x sigmoid(u); where the gate is shut, 0 even for minus infinity.
    let private gated<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (x: 'T) (u: 'T) : 'T =
        let struct (gate, _) = sigmoid u
        if 'T.IsZero gate then 'T.Zero else x * gate

    /// The derivative of x sigmoid(u); where the gate stands still, that it moves with u' must not count, for x u' may
    /// be infinite there.
    let private gatedDerivative<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (x: 'T) (u: 'T) (du: 'T) : 'T =
        let struct (gate, slope) = sigmoid u

        if 'T.IsZero slope then
            gate
        else
            'T.FusedMultiplyAdd(x, du * slope, gate)

    /// The activation of one number. A NaN stays a NaN; nothing overflows, and infinities have their limits.
    let value<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (activation: Activation) (x: 'T) : 'T =
        match activation with
        | Activation.Identity -> x
        | Activation.Relu -> if 'T.op_LessThanOrEqual (x, 'T.Zero) then 'T.Zero else x
        | Activation.LeakyRelu slope ->
            if 'T.op_GreaterThan (x, 'T.Zero) then
                x
            else
                'T.CreateTruncating slope * x
        | Activation.Silu -> gated x x
        | Activation.Gelu -> gated x (geluGate x)
        | Activation.Tanh -> 'T.Tanh x

    /// The derivative of the activation at one number; at a kink the one from the left.
    let derivative<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (activation: Activation) (x: 'T) : 'T =
        match activation with
        | Activation.Identity -> 'T.One
        | Activation.Relu -> if 'T.op_GreaterThan (x, 'T.Zero) then 'T.One else 'T.Zero
        | Activation.LeakyRelu slope ->
            if 'T.op_GreaterThan (x, 'T.Zero) then
                'T.One
            else
                'T.CreateTruncating slope
        | Activation.Silu -> gatedDerivative x x 'T.One
        | Activation.Gelu -> gatedDerivative x (geluGate x) (geluGateDerivative x)
        | Activation.Tanh ->
            let struct (_, slope) = sigmoid (x + x)
            'T.CreateTruncating 4 * slope

    /// y and what backward needs, for x of any shape. Raises ArgumentException for a slope that is not a finite number.
    let forward<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (activation: Activation)
        (x: Tensor<'T>)
        : struct (Tensor<'T> * Cache<'T>) =
        let y =
            match activation with
            | Activation.Identity -> x
            | Activation.Relu ->
                let struct (y, _) = Relu.forward x
                y
            | Activation.LeakyRelu slope when not (System.Double.IsFinite slope) ->
                invalidArg (nameof activation) $"leaky relu: the slope is {slope}; it must be a finite number"
            | _ -> Tensor.map (value activation) x

        struct (y, { Activation = activation; Input = x })

    /// dx = dy y'(x)
    let backward<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
        (cache: Cache<'T>)
        (dy: Tensor<'T>)
        : Gradient<'T> =
        let x = cache.Input
        Expect.shape "activation gradient" x.Shape dy

        match cache.Activation with
        | Activation.Identity -> { Input = dy }
        | Activation.Relu ->
            {
                // y is positive exactly where x is
                Input = (Relu.backward { Output = x } dy).Input
            }
        | activation ->
            {
                Input = Tensor.init x.Shape (fun i -> dy[i] * derivative activation x[i])
            }
