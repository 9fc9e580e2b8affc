/// The test values of the guide, part 4, and what its later parts say of shapes and of the loss.
module Cnn.Tests.GuideBackwardTests

open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Cnn.Tests.GuideTests
open Cnn.Tests.Support

/// sum of dy * conv2d(x) by central differences, entry by entry of `moved`.
let private numericGradient (loss: Tensor<float> -> float) (moved: Tensor<float>) =
    // the guide's advice to shrink this when a check fails makes it worse: rounding grows as 1/h
    let h = 1e-5

    let shifted i by =
        Tensor.init moved.Shape (fun k -> if k = i then moved[k] + by else moved[k])

    Array.init moved.Count (fun i -> (loss (shifted i h) - loss (shifted i -h)) / (2.0 * h))

let private part4 =
    let x, weight = normals 4 [ 1; 1; 5; 5 ], normals 5 [ 1; 1; 3; 3 ]

    let against stride padding (dy: Tensor<float>) =
        let loss (weight: Tensor<float>) (x: Tensor<float>) =
            dot dy (conv2d stride padding weight x |> outputOf)

        let gradient = Conv2d.backward weight (conv2d stride padding weight x |> cacheOf) dy

        let close what numeric (analytic: Tensor<float>) =
            expectClose 1e-8 what numeric (analytic.ToArray())

        close "kernel" (numericGradient (fun w -> loss w x) weight) gradient.Weight
        close "input" (numericGradient (loss weight) x) gradient.Input
        close "bias" [| Array.sum (dy.ToArray()) |] gradient.Bias

    testList
        "part 4, backpropagation"
        [
            test "gradient of conv2d, all ones from above" {
                against (1, 1) (0, 0) (Tensor.init [ 1; 1; 3; 3 ] (fun _ -> 1.0))
            }
            test "gradient of conv2d, random numbers from above (corrected: ones hide a flipped kernel)" {
                against (1, 1) (0, 0) (normals 6 [ 1; 1; 3; 3 ])
            }
            test "gradient of conv2d, stride and padding (corrected: the guide checks neither)" {
                against (2, 2) (1, 1) (normals 7 [ 1; 1; 3; 3 ])
            }
            test "input gradient of conv2d by hand (corrected: the guide scatters the flipped kernel)" {
                let kernel = image [ [ 1.0; 2.0 ]; [ 3.0; 4.0 ] ]
                let x = Tensor.zeros [ 1; 1; 3; 3 ]
                let dy = image [ [ 1.0; 0.0 ]; [ 0.0; 10.0 ] ]
                // output (0, 0) read the top-left cells, output (1, 1) the bottom-right ones, both with the kernel as it stands
                let expected = image [ [ 1.0; 2.0; 0.0 ]; [ 3.0; 14.0; 20.0 ]; [ 0.0; 30.0; 40.0 ] ]
                let gradient = Conv2d.backward kernel (conv2d (1, 1) (0, 0) kernel x |> cacheOf) dy
                gradient.Input |> expectSame "input gradient" expected
            }
            test "max-pool sends the gradient to the winners" {
                let cache = MaxPool2d.forward (PoolConfig.square 2) (counting 4 4) |> cacheOf
                let gradient = MaxPool2d.backward cache (image [ [ 1.0; 1.0 ]; [ 1.0; 1.0 ] ])

                gradient.Input
                |> expectSame
                    "input gradient"
                    (image
                        [
                            [ 0.0; 0.0; 0.0; 0.0 ]
                            [ 0.0; 1.0; 0.0; 1.0 ]
                            [ 0.0; 0.0; 0.0; 0.0 ]
                            [ 0.0; 1.0; 0.0; 1.0 ]
                        ])
            }
            test "average-pool backward (corrected: missing in the guide)" {
                let cache = AvgPool2d.forward (PoolConfig.square 2) (counting 2 4) |> cacheOf
                let gradient = AvgPool2d.backward cache (image [ [ 4.0; 8.0 ] ])

                gradient.Input
                |> expectSame "input gradient" (image [ [ 1.0; 1.0; 2.0; 2.0 ]; [ 1.0; 1.0; 2.0; 2.0 ] ])
            }
        ]

let private drawn =
    "conv 16 3, relu, pool 2, conv 32 3, relu, pool 2, flatten, dense 1568->128, relu, dense 10"

let private shapes =
    testList
        "parts 5, 6 and 8, shapes and loss"
        [
            test "part 5: every shape of the small network" {
                let small = network [ 1; 28; 28 ] "conv 8 3, relu, pool 2, flatten, dense 1352->10"
                Expect.equal small.Outputs [ [ 8; 26; 26 ]; [ 8; 26; 26 ]; [ 8; 13; 13 ]; [ 1352 ]; [ 10 ] ] "shapes"

                Expect.equal
                    (Architecture.presets 10 |> List.head)
                    ("simple", "conv 8 3, relu, pool 2, flatten, dense 10")
                    "preset"
            }
            test "part 8 as drawn is refused, with the reason (corrected: 1568 inputs need padding 1)" {
                let refused = Architecture.parse drawn |> Result.bind (Network.create [ 1; 28; 28 ])

                Expect.equal
                    (refused |> Result.map ignore)
                    (Error "layer 7, dense: expects 1568 inputs, but flatten gives 800; did you mean padding 1?")
                    "the message"
            }
            test "part 8 with padding 1 has its 1568 inputs and 206,922 parameters" {
                let deep = network [ 1; 28; 28 ] (drawn.Replace(" 3,", " 3 pad 1,"))
                Expect.equal deep.Inputs[7] [ 1568 ] "inputs of the dense layer"
                let parameters: Parameters<float32> = Network.initialize He (Seed.ofInt 1) deep
                Expect.equal (Parameters.count parameters) 206922 "parameters"
            }
            test "part 6: the loss of a hopeless example is not capped (corrected: -log(p + 1e-8) stops at 18.4)" {
                let logits = Tensor.ofSeq [ 1; 2 ] [ 0.0; 50.0 ]
                let struct (loss, _) = SoftmaxCrossEntropy.forward (Tensor.ofSeq [ 1 ] [ 0 ]) logits
                Expect.floatClose Accuracy.veryHigh loss 50.0 "loss"
            }
        ]

let tests = testList "guide, backward" [ part4; shapes ]
