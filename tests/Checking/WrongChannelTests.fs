/// Wrong backward passes, each the project's own with one mistake of a kind that people make: every one of them has to
/// be caught by the gradient check, in the operation and for the tensors where it is wrong, and nowhere else.
/// Here: activations with a gate, batch normalisation, dropout and global average-pooling.
module Cnn.Tests.Checking.WrongChannelTests

open Cnn.Tensors
open Cnn.Operations
open Cnn.Checking
open Cnn.Tests.Checking.Mistakes
open Expecto

let private sigmoid x = 1.0 / (1.0 + exp -x)

let private activations =
    /// The derivative, which is wrong where this gives one.
    let derivative (wrong: Activation -> (float -> float) option) =
        { real with
            Backwards.Activation =
                fun cache dy ->
                    match wrong cache.Activation with
                    | Some derivative ->
                        {
                            Input = Tensor.init dy.Shape (fun i -> dy[i] * derivative cache.Input[i])
                        }
                    | None -> Activation.backward cache dy
        }

    let silu wrong =
        derivative (function
            | Activation.Silu -> Some wrong
            | _ -> None)

    let gelu wrong =
        derivative (function
            | Activation.Gelu -> Some wrong
            | _ -> None)

    let leaky wrong =
        derivative (function
            | Activation.LeakyRelu slope -> Some(wrong slope)
            | _ -> None)

    let bounded wrong =
        derivative (function
            | Activation.Tanh -> Some wrong
            | _ -> None)

    let geluGate x =
        1.5957691216057308 * (x + 0.044715 * x * x * x)

    [
        silu sigmoid
        |> caught "the gate alone, as if it did not move" "silu" [ "input" ]
        silu (fun x -> x * sigmoid x * (1.0 - sigmoid x))
        |> caught "the movement of the gate alone" "silu" [ "input" ]
        silu (fun x -> Activation.derivative Activation.Silu (Activation.value Activation.Silu x))
        |> caught "the derivative at the output" "silu" [ "input" ]
        gelu (geluGate >> sigmoid)
        |> caught "the gate alone, as if it did not move" "gelu" [ "input" ]
        gelu (fun x ->
            let gate = sigmoid (geluGate x)
            gate + geluGate x * gate * (1.0 - gate))
        |> caught "the factor 3 of the cube forgotten" "gelu" [ "input" ]
        gelu (fun x ->
            let gate = sigmoid (1.702 * x)
            gate + 1.702 * x * gate * (1.0 - gate))
        |> caught "the derivative of the sigmoid form" "gelu" [ "input" ]
        bounded (fun x -> 1.0 - x * x)
        |> caught "the input in place of the output" "tanh" [ "input" ]
        bounded (fun x -> 1.0 - tanh x)
        |> caught "the square forgotten" "tanh" [ "input" ]
        bounded (fun x -> sigmoid (2.0 * x) * (1.0 - sigmoid (2.0 * x)))
        |> caught "the derivative of the sigmoid of 2x, without its factor 4" "tanh" [ "input" ]
        // as if the cache held outputs
        bounded (fun x -> Activation.derivative Activation.Tanh (tanh x))
        |> caught "the derivative at the output" "tanh" [ "input" ]
        leaky (fun _ x -> if x > 0.0 then 1.0 else 0.0)
        |> caught "the derivative of relu" "leaky-relu" [ "input" ]
        // right for every slope above 0; a slope below 0 shows it
        leaky (fun slope x ->
            if Activation.value (Activation.LeakyRelu slope) x > 0.0 then
                1.0
            else
                slope)
        |> caught "the sign of the output in place of the input's" "leaky-relu" [ "input" ]
    ]

let private batchNorm =
    let change edit =
        { real with
            Backwards.BatchNorm = fun cache dy -> edit cache dy (BatchNorm.backward cache dy)
        }

    /// The input gradient from scale, dy, x̂, and the channel's means of dy and dy x̂.
    let input (formula: float -> float -> float -> float -> float -> float) =
        change (fun cache dy g ->
            let channels, places = dy.Shape[1], Shape.size (List.skip 2 dy.Shape)
            let count = float (dy.Count / channels)

            { g with
                Input =
                    Tensor.init dy.Shape (fun i ->
                        let c = i / places % channels

                        formula
                            (cache.Weight[c] * cache.InverseDeviation[c])
                            dy[i]
                            cache.Normalized[i]
                            (g.Bias[c] / count)
                            (g.Weight[c] / count))
            })

    /// The values of each channel moved to the next.
    let rolled (x: Tensor<float>) =
        Tensor.init x.Shape (fun c -> x[(c + 1) % x.Count])

    [
        input (fun scale dy _ _ _ -> scale * dy)
        |> caught "the statistics taken for constants" "batch-norm" [ "input" ]
        input (fun scale dy normalized _ product -> scale * (dy - normalized * product))
        |> caught "without the mean term" "batch-norm" [ "input" ]
        input (fun scale dy _ mean _ -> scale * (dy - mean))
        |> caught "without the variance term" "batch-norm" [ "input" ]
        input (fun scale dy normalized mean product -> scale * (dy - mean + normalized * product))
        |> caught "the sign of the variance term turned" "batch-norm" [ "input" ]
        input (fun scale dy normalized mean product -> scale * (dy - mean - normalized * product * 1.001))
        |> caught "the variance term a thousandth too large" "batch-norm" [ "input" ]
        change (fun cache dy g ->
            let ones = cache.Weight |> Tensor.map (fun _ -> 1.0)

            { g with
                Input = BatchNorm.inputGradient { cache with Weight = ones } dy
            })
        |> caught "the weight forgotten in the input gradient" "batch-norm" [ "input" ]
        change (fun cache dy g ->
            { g with
                Input =
                    BatchNorm.inputGradient
                        { cache with
                            InverseDeviation = rolled cache.InverseDeviation
                        }
                        dy
            })
        |> caught "the deviation of the next channel" "batch-norm" [ "input" ]
        change (fun cache dy g ->
            // normalised once more, x̂ is what it would be without epsilon
            let one = cache.Weight |> Tensor.map (fun _ -> 1.0)
            let zero = zeros cache.Weight
            let struct (again, _, _) = BatchNorm.forward 0.0 one zero cache.Normalized

            { g with
                Weight = BatchNorm.weightGradient { cache with Normalized = again } dy
            })
        |> caught "epsilon forgotten in the weight gradient" "batch-norm" [ "weight" ]
        change (fun _ _ g ->
            { g with
                Weight = g.Bias
                Bias = g.Weight
            })
        |> caught "weight and bias changed round" "batch-norm" [ "weight"; "bias" ]
        change (fun cache dy g ->
            { g with
                Weight = BatchNorm.weightGradient cache (firstOnly dy)
                Bias = BatchNorm.biasGradient cache (firstOnly dy)
            })
        |> caught "the first example alone" "batch-norm" [ "weight"; "bias" ]
        change (fun cache _ g ->
            let count = float (cache.Normalized.Count / cache.Weight.Count)

            { g with
                Bias = scaled (1.0 / count) g.Bias
            })
        |> caught "the mean in place of the sum" "batch-norm" [ "bias" ]
    ]

let private dropout =
    let change edit = { real with Backwards.Dropout = edit }

    [
        change (fun _ dy -> { Input = dy })
        |> caught "the mask ignored" "dropout" [ "input" ]
        change (fun cache dy ->
            {
                Input = scaled (1.0 - cache.Rate) (Dropout.backward cache dy).Input
            })
        |> caught "the scale forgotten" "dropout" [ "input" ]
        change (fun cache dy ->
            Dropout.backward
                { cache with
                    Seed = Seed.split 0 cache.Seed
                }
                dy)
        |> caught "a mask of its own" "dropout" [ "input" ]
        change (fun cache dy -> Dropout.backward { cache with FirstExample = 0 } dy)
        |> caught "the shard's examples counted from 0" "dropout" [ "input" ]
    ]

let private globalAveragePool =
    let change edit =
        { real with
            Backwards.GlobalAveragePool =
                fun cache dy ->
                    {
                        Input = edit cache (GlobalAveragePool.backward cache dy).Input
                    }
        }

    let places (cache: GlobalAveragePool.Cache) =
        Shape.size (List.skip 2 cache.InputShape)

    [
        change (fun cache dx -> scaled (float (places cache)) dx)
        |> caught "the sum's gradient in place of the mean's" "global-average-pool" [ "input" ]
        change (fun cache dx ->
            Tensor.init dx.Shape (fun i ->
                if i % places cache = 0 then
                    float (places cache) * dx[i]
                else
                    0.0))
        |> caught "everything to the first place" "global-average-pool" [ "input" ]
        change (fun _ dx -> swapped dx)
        |> caught "examples and channels in the wrong order" "global-average-pool" [ "input" ]
    ]

let tests =
    testList "wrong backward of channels" (activations @ batchNorm @ dropout @ globalAveragePool)
