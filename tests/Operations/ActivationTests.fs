module Cnn.Tests.Operations.ActivationTests

open System
open System.Numerics
open Expecto
open MathNet.Numerics.Distributions
open Cnn.Tensors
open Cnn.Operations
open Cnn.Tests.WindowCases
open Cnn.Tests.Properties
open Cnn.Tests.Support

let private kinds =
    [
        Activation.Identity
        Activation.Relu
        Activation.LeakyRelu 0.01
        Activation.LeakyRelu 1.5
        Activation.LeakyRelu -0.25
        Activation.Silu
        Activation.Gelu
        Activation.Tanh
    ]

let private gated = [ Activation.Silu; Activation.Gelu ]

/// Numbers on a grid from -12 to 12, where gates go from shut to open; 0 and both its neighbours are among them.
let private grid = [ for i in -1200 .. 1200 -> float i / 100.0 ]

let private close tolerance what (expected: float) (actual: float) =
    // written so that a NaN does not pass
    if not (abs (actual - expected) <= tolerance * max 1.0 (abs expected)) then
        failtest $"{what} should be {expected:R}, but is {actual:R}"

/// The same formulas in their other forms.
let private written activation (x: float) =
    match activation with
    | Activation.Silu -> x / (1.0 + exp -x)
    | Activation.Gelu -> 0.5 * x * (1.0 + tanh (sqrt (2.0 / Math.PI) * (x + 0.044715 * x * x * x)))
    | Activation.Tanh -> sinh x / cosh x
    | Activation.Relu -> max x 0.0
    | Activation.LeakyRelu slope -> max x 0.0 + slope * min x 0.0
    | Activation.Identity -> x

let private values =
    testList
        "values"
        [
            for activation in kinds do
                test $"{activation} is what its paper writes" {
                    for x in grid do
                        Activation.value activation x |> close 1e-14 $"at {x}" (written activation x)
                }

                test $"{activation} has the derivative that differences show" {
                    for x in grid do
                        let h = 1e-5

                        // a kink lies at 0
                        if x <> 0.0 then
                            let numeric =
                                (Activation.value activation (x + h) - Activation.value activation (x - h))
                                / (2.0 * h)

                            Activation.derivative activation x |> close 1e-9 $"at {x}" numeric
                }

                test $"{activation} is the same function in single precision" {
                    for x in grid do
                        let single = float32 x

                        Activation.value activation single
                        |> float
                        |> close 1e-6 $"at {x}" (Activation.value activation (float single))

                        Activation.derivative activation single
                        |> float
                        |> close 2e-6 $"derivative at {x}" (Activation.derivative activation (float single))
                }
            for activation in gated do
                test $"{activation} of x less that of -x is x" {
                    for x in grid do
                        Activation.value activation x - Activation.value activation -x
                        |> close 1e-15 $"at {x}" x
                }
            test "by hand" {
                Activation.value Activation.Silu 1.0 |> close 1e-15 "silu 1" 0.7310585786300049
                Activation.value Activation.Gelu 1.0 |> close 1e-14 "gelu 1" 0.8411919906082768
                Activation.derivative Activation.Silu 0.0 |> close 0.0 "silu' 0" 0.5
                Activation.derivative Activation.Gelu 0.0 |> close 0.0 "gelu' 0" 0.5
                Activation.value Activation.Tanh 1.0 |> close 1e-15 "tanh 1" 0.7615941559557649

                Activation.derivative Activation.Tanh 1.0
                |> close 1e-15 "tanh' 1" 0.41997434161402614

                Activation.derivative Activation.Tanh 0.0 |> close 0.0 "tanh' 0" 1.0
                Activation.value (Activation.LeakyRelu 0.5) -3.0 |> close 0.0 "leaky" -1.5
            }
            test "tanh is odd, doubles its angle as it must, and is what opens the gate of silu" {
                for x in grid do
                    let y = Activation.value Activation.Tanh x
                    Expect.equal (Activation.value Activation.Tanh -x) -y $"at {-x}"

                    Activation.value Activation.Tanh (2.0 * x)
                    |> close 1e-15 $"at twice {x}" (2.0 * y / (1.0 + y * y))

                    // x sigmoid(x) = x/2 (1 + tanh(x/2))
                    Activation.value Activation.Silu (2.0 * x)
                    |> close 1e-14 $"silu at twice {x}" (x * (1.0 + y))
            }
            test "the derivative of tanh is 1 - y², and keeps its digits where that difference has none left" {
                for x in grid do
                    let y = Activation.value Activation.Tanh x
                    let slope = Activation.derivative Activation.Tanh x
                    slope |> close 1e-15 $"1 - y² at {x}" (1.0 - y * y)
                    slope * cosh x * cosh x |> close 4e-15 $"cosh² of it at {x}" 1.0
            }
            test "GELU is close to x times the normal distribution function" {
                for x in grid do
                    Activation.value Activation.Gelu x
                    |> close 5e-4 $"at {x}" (x * Normal.CDF(0.0, 1.0, x))
            }
            test "kinks have the derivative from the left" {
                for zero in [ 0.0; -0.0 ] do
                    Expect.equal (Activation.derivative Activation.Relu zero) 0.0 "relu"
                    Expect.equal (Activation.derivative (Activation.LeakyRelu 0.3) zero) 0.3 "leaky relu"
            }
        ]

let private limits<'T when 'T :> IBinaryFloatingPointIeee754<'T> and 'T :> IMinMaxValue<'T>> =
    let name = typeof<'T>.Name
    let number (x: 'T) : float = Double.CreateTruncating x

    testList
        name
        [
            for activation in gated do
                for x in [ 'T.PositiveInfinity; 'T.MaxValue ] do
                    test $"{activation} far out, at {x} and its negative" {
                        Expect.equal (number (Activation.value activation x)) (number x) "open: x itself"
                        Expect.equal (number (Activation.derivative activation x)) 1.0 "open: derivative"
                        Expect.equal (number (Activation.value activation -x)) 0.0 "shut"
                        Expect.equal (number (Activation.derivative activation -x)) 0.0 "shut: derivative"
                    }
            for x in [ 'T.PositiveInfinity; 'T.MaxValue ] do
                test $"tanh far out, at {x} and its negative" {
                    for sign, x in [ 1.0, x; -1.0, -x ] do
                        Expect.equal (number (Activation.value Activation.Tanh x)) sign "the end of its range"
                        Expect.equal (number (Activation.derivative Activation.Tanh x)) 0.0 "derivative"
                }
            test "tanh of a tiny number is that number" {
                for x in [ 'T.Epsilon; 'T.CreateTruncating 1e-30; 'T.CreateTruncating 1e-9 ] do
                    for x in [ x; -x ] do
                        Expect.equal (number (Activation.value Activation.Tanh x)) (number x) "value"
                        Expect.equal (number (Activation.derivative Activation.Tanh x)) 1.0 "derivative"
            }
            for activation in kinds do
                test $"a NaN goes through {activation}" {
                    Expect.isTrue ('T.IsNaN(Activation.value activation 'T.NaN)) "value"
                }
            for activation in Activation.Tanh :: gated do
                test $"and through the derivative of {activation}" {
                    Expect.isTrue ('T.IsNaN(Activation.derivative activation 'T.NaN)) "derivative"
                }
            for activation in gated do
                test $"{activation} is finite, and near 0 or x, at every scale" {
                    for exponent in -40 .. 38 do
                        let x: 'T = 'T.CreateTruncating(1.7 * 10.0 ** float exponent)

                        for x in [ x; -x ] do
                            let y, slope =
                                number (Activation.value activation x), number (Activation.derivative activation x)

                            Expect.isTrue (abs y <= abs (number x)) $"{y} at {x}"
                            // both have their least and largest slope near -0.13 and 1.13
                            Expect.isTrue (slope >= -0.15 && slope <= 1.15) $"derivative {slope} at {x}"
                }
        ]

let private tensors =
    testList
        "tensors"
        [
            property "forward and backward are value and derivative, element by element" (fun (case: ChannelCase) ->
                let x = normals case.Seed case.Shape |> Tensor.map (fun v -> 3.0 * v)
                let dy = normals (case.Seed + 1) case.Shape

                for activation in kinds do
                    let struct (y, cache) = Activation.forward activation x
                    y |> expectSame $"{activation}" (Tensor.map (Activation.value activation) x)

                    (Activation.backward cache dy).Input
                    |> expectSame
                        $"gradient of {activation}"
                        (Tensor.init x.Shape (fun i -> dy[i] * Activation.derivative activation x[i])))
            property "as ReLU it is the operation of that name, bit for bit" (fun (case: ChannelCase) ->
                let x, dy =
                    integers case.Seed case.Shape |> cast<float32>,
                    integers (case.Seed + 1) case.Shape |> cast<float32>

                let struct (y, cache) = Activation.forward Activation.Relu x
                let struct (expected, reluCache) = Relu.forward x
                Expect.equal (bits y) (bits expected) "output"

                Expect.equal
                    (bits (Activation.backward cache dy).Input)
                    (bits (Relu.backward reluCache dy).Input)
                    "gradient")
            property "leaky with slope 1 is the identity, with slope 0 ReLU" (fun (case: ChannelCase) ->
                let x, dy = normals case.Seed case.Shape, normals (case.Seed + 1) case.Shape

                for slope, activation in [ 1.0, Activation.Identity; 0.0, Activation.Relu ] do
                    let struct (y, cache) = Activation.forward (Activation.LeakyRelu slope) x
                    let struct (expected, expectedCache) = Activation.forward activation x
                    y |> expectSame "output" expected

                    (Activation.backward cache dy).Input
                    |> expectSame "gradient" (Activation.backward expectedCache dy).Input)
            test "a slope that is no number, and an output gradient of another shape, are refused" {
                for slope in [ nan; infinity ] do
                    expectRefusal "it must be a finite number" (fun () ->
                        Activation.forward (Activation.LeakyRelu slope) (vector [ 1.0 ]))

                let cache = Activation.forward Activation.Silu (vector [ 1.0; 2.0 ]) |> cacheOf

                expectRefusal "expects shape 2, but gets 3" (fun () ->
                    Activation.backward cache (vector [ 1.0; 2.0; 3.0 ]))
            }
        ]

let tests =
    testList "activations" [ values; limits<float>; limits<float32>; tensors ]
