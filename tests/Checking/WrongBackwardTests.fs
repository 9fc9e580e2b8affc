/// Wrong backward passes, each the project's own with one mistake of a kind that people make: every one of them has to
/// be caught by the gradient check, in the operation and for the tensors where it is wrong, and nowhere else.
/// Here: the operations without a window.
module Cnn.Tests.Checking.WrongBackwardTests

open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Checking
open Cnn.Tests.Checking.Mistakes

let private elementwise =
    let relu backward =
        { real with
            Backwards.Relu = fun cache dy -> { Input = backward cache dy }
        }

    let flatten backward =
        { real with
            Backwards.Flatten = fun cache dy -> { Input = backward cache dy }
        }

    let rolled (x: Tensor<float>) =
        Tensor.init x.Shape (fun i -> x[(i + 1) % x.Count])

    let reversed (x: Tensor<float>) =
        Tensor.init x.Shape (fun i -> x[x.Count - 1 - i])

    [
        relu (fun _ dy -> dy) |> caught "the mask ignored" "relu" [ "input" ]
        relu (fun cache dy ->
            let right = (Relu.backward cache dy).Input
            Tensor.init dy.Shape (fun i -> dy[i] - right[i]))
        |> caught "the mask inverted" "relu" [ "input" ]
        relu (fun cache dy -> (Relu.backward { Output = rolled cache.Output } dy).Input)
        |> caught "the mask shifted by one" "relu" [ "input" ]
        relu (fun cache dy ->
            let right = (Relu.backward cache dy).Input
            Tensor.init dy.Shape (fun i -> 0.999 * right[i] + 0.001 * dy[i]))
        |> caught "a thousandth of the gradient leaks" "relu" [ "input" ]
        // the output gradient in place of the output as the gate
        relu (fun _ dy -> (Relu.backward { Output = dy } dy).Input)
        |> caught "the gradient masked by its own sign" "relu" [ "input" ]
        flatten (fun cache dy -> (Flatten.backward cache dy).Input |> reversed)
        |> caught "reversed" "flatten" [ "input" ]
        flatten (fun cache dy -> (Flatten.backward cache dy).Input |> swapped)
        |> caught "examples and channels in the wrong order" "flatten" [ "input" ]
    ]

let private dense =
    let change edit =
        { real with
            Backwards.Dense = fun weight cache dy -> edit weight cache dy (Dense.backward weight cache dy)
        }

    let batch (dy: Tensor<float>) = float dy.Shape.Head

    [
        change (fun _ _ dy g ->
            { g with
                Weight = scaled (1.0 / batch dy) g.Weight
                Bias = scaled (1.0 / batch dy) g.Bias
            })
        |> caught "the mean over the batch in place of the sum" "dense" [ "weight"; "bias" ]
        change (fun weight cache dy g ->
            { g with
                Input = Dense.inputGradient (swapped weight) cache dy
            })
        |> caught "the weight not transposed" "dense" [ "input" ]
        change (fun _ _ _ g -> { g with Weight = swapped g.Weight })
        |> caught "the weight gradient transposed" "dense" [ "weight" ]
        change (fun weight cache dy g ->
            { g with
                Input = Dense.inputGradient weight cache (scaled (1.0 / batch dy) dy)
            })
        |> caught "the input gradient divided by the batch" "dense" [ "input" ]
        change (fun _ _ dy g ->
            { g with
                Bias = Dense.biasGradient (firstOnly dy)
            })
        |> caught "the bias gradient of the first example alone" "dense" [ "bias" ]
    ]

let private loss =
    let change edit =
        { real with
            Backwards.SoftmaxCrossEntropy = fun cache dloss -> { Logits = edit cache dloss }
        }

    let right cache dloss =
        (SoftmaxCrossEntropy.backward cache dloss).Logits

    let classes (cache: SoftmaxCrossEntropy.Cache<float>) = cache.Probabilities.Shape[1]

    [
        change (fun cache dloss -> scaled dloss cache.Probabilities)
        |> caught "the label not subtracted" "softmax-ce" [ "logits" ]
        change (fun cache dloss -> right cache dloss |> scaled (1.0 / float cache.Labels.Count))
        |> caught "divided by the number of examples" "softmax-ce" [ "logits" ]
        change (fun cache dloss ->
            right
                { cache with
                    Labels = Tensor.map (fun k -> (k + 1) % classes cache) cache.Labels
                }
                dloss)
        |> caught "the label off by one" "softmax-ce" [ "logits" ]
        change (fun cache dloss -> right { cache with Smoothing = 0.0 } dloss)
        |> caught "the smoothing of the labels ignored" "softmax-ce" [ "logits" ]
        change (fun cache _ -> right cache 1.0)
        |> caught "what follows the loss ignored" "softmax-ce" [ "logits" ]
        change (fun cache dloss -> right cache -dloss)
        |> caught "the sign turned" "softmax-ce" [ "logits" ]
        // the guide's loss is -log(p + 1e-8); the gradient of that, at a looser 1e-3 so that these logits show it
        change (fun cache dloss ->
            let p, g = cache.Probabilities, right cache dloss

            let truth i =
                let n = i / classes cache in p[n * classes cache + cache.Labels[n]]

            Tensor.init g.Shape (fun i -> g[i] * truth i / (truth i + 1e-3)))
        |> caught "the gradient of a capped loss" "softmax-ce" [ "logits" ]
    ]

let tests =
    testList
        "wrong backward"
        (test "the right ones are refused nowhere" { Expect.isEmpty (refused real) "gradients refused" }
         :: elementwise
         @ dense
         @ loss)
