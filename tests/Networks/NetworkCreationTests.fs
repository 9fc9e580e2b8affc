/// What cannot be built says why; what can be built knows its shapes.
module Cnn.Tests.Networks.NetworkCreationTests

open Expecto
open Cnn.Tensors
open Cnn.Networks
open Cnn.Tests.Support

let private impossible =
    [
        [ 1; 28; 28 ],
        "conv 8 3, dense 10",
        "layer 1, dense: expects a flat input, but conv gives 8x26x26; put flatten before it"
        [ 1; 28; 28 ], "flatten, conv 8 3", "layer 1, conv: expects channels x rows x columns, but flatten gives 784"
        [ 1; 4; 4 ],
        "conv 8 5, flatten, dense 10",
        "layer 0, conv: rows: a kernel of 5 does not fit into 4 cells with padding 0"
        [ 1; 4; 4 ],
        "pool 2 pad 2, flatten, dense 10",
        "layer 0, pool: the padding (2, 2) must be smaller than the window (2, 2)"
        [ 1; 4; 4 ],
        "conv 8 3",
        "the network ends in 8x2x2; a classifier must end in a flat layer, such as flatten and then dense 10"
        [ 1; 4; 4 ], "flatten, dense 17->10", "layer 1, dense: expects 17 inputs, but flatten gives 16"
        [ 3; 8 ],
        "conv 4 3, flatten, dense 2",
        "layer 0, conv: expects channels x rows x columns, but the input gives 3x8"
        [ 1; 4; 4 ],
        "conv1d 4 3, flatten, dense 2",
        "layer 0, conv1d: expects channels x length, but the input gives 1x4x4"
        [ 1; 4; 4 ], "flatten, dense 0", "layer 1, dense: 0 outputs; there must be at least 1"
        [ 1; 4; 4 ], "conv 0 3, flatten, dense 2", "layer 0, conv: 0 filters; there must be at least 1"
        [ 1; 4; 0 ], "flatten, dense 2", "an input of shape 1x4x0 is not possible"
        [ 1; 4; 4 ],
        "flatten, dense 2000000000",
        "layer 1, dense: a tensor of 16x2000000000 is more than an array can hold"
    ]

let private creation =
    let message input text =
        Architecture.parse text
        |> Result.bind (Network.create input)
        |> Result.map (fun n -> n.Outputs)

    testList
        "create"
        [
            for input, text, reason in impossible do
                test $"refuses {text} on {Shape.format input}" {
                    Expect.equal (message input text) (Error reason) "the reason"
                }
            test "refuses a network without layers" {
                Expect.equal
                    (Network.create [ 1 ] [] |> Result.map ignore)
                    (Error "the network has no layers")
                    "the reason"
            }
            test "a hint is given only where it helps" {
                // with padding 2 the 5x5 kernel keeps 28x28, and 8 * 28 * 28 = 6272
                Expect.equal
                    (message [ 1; 28; 28 ] "conv 8 5, flatten, dense 6272->10")
                    (Error "layer 2, dense: expects 6272 inputs, but flatten gives 4608; did you mean padding 2?")
                    "a hint"

                Expect.equal
                    (message [ 1; 28; 28 ] "conv 8 5, flatten, dense 6273->10")
                    (Error "layer 2, dense: expects 6273 inputs, but flatten gives 4608")
                    "no hint"
            }
            test "shapes of signals are followed too" {
                Expect.equal
                    (message [ 2; 12 ] "conv1d 4 3 pad 1, relu, conv1d 3 4 stride 2, flatten, dense 4")
                    (Ok [ [ 4; 12 ]; [ 4; 12 ]; [ 3; 5 ]; [ 15 ]; [ 4 ] ])
                    "shapes"
            }
            test "multiplications of one example" {
                let network = network [ 1; 28; 28 ] "conv 8 3, relu, pool 2, flatten, dense 10"

                let counts =
                    List.map3 Layer.multiplyAdds network.Layers network.Inputs network.Outputs

                Expect.equal counts [ 9L * 8L * 676L; 0L; 0L; 0L; 13520L ] "multiply-adds"
            }
        ]

let private assembly =
    let network = network [ 1; 4; 4 ] "conv 2 3, relu, flatten, dense 3"
    let parameters: Parameters<float> = Network.initialize He (Seed.ofInt 1) network

    testList
        "assemble"
        [
            test "parameters taken apart by name come together again" {
                let table = Map.ofList (Parameters.named parameters)

                let find name (shape: Shape) =
                    Expect.equal (Map.find name table).Shape shape $"the shape that {name} is asked for with"
                    Ok(Map.find name table)

                Expect.equal (Network.assemble find network) (Ok parameters) "parameters"
            }
            test "the first tensor that is not found ends it" {
                let find name shape =
                    if name = "3.bias" then
                        Error $"no {name}"
                    else
                        Ok(Tensor.zeros<float> shape)

                Expect.equal (Network.assemble find network) (Error "no 3.bias") "the reason"
            }
        ]

let tests = testList "network creation" [ creation; assembly ]
