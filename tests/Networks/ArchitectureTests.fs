module Cnn.Tests.Networks.ArchitectureTests

open Expecto
open FsCheck
open Cnn.Networks
open Cnn.Operations
open Cnn.Tests.NetworkCases
open Cnn.Tests.WrittenCases
open Cnn.Tests.Properties

let private properties =
    testList
        "properties"
        [
            property "what is written is read again" (fun (WrittenLayers layers) ->
                Expect.equal (Architecture.parse (Architecture.format layers)) (Ok layers) (Architecture.format layers))
            property "no text makes it throw, and every Error says which layer" (fun (text: NonNull<string>) ->
                match Architecture.parse text.Get with
                | Ok layers -> Expect.isNonEmpty layers "layers"
                | Error reason -> Expect.stringStarts reason "layer " "the reason")
            property "nor does text that is nearly right, up to the network" (fun (NearlyArchitecture text) ->
                match Architecture.parse text with
                | Ok layers ->
                    // the shapes may be impossible, which has to be an Error too
                    match Network.create [ 1; 28; 28 ] layers with
                    | Ok network -> Expect.equal network.Layers layers "layers"
                    | Error reason -> Expect.isNonEmpty reason "the reason"
                | Error reason -> Expect.stringStarts reason "layer " "the reason")
        ]

let private conv filters kernel stride padding =
    Conv2d
        {
            Filters = filters
            Kernel = kernel
            Stride = stride
            Padding = padding
        }

let private pool kernel stride padding : PoolConfig =
    {
        Kernel = kernel
        Stride = stride
        Padding = padding
    }

let private accepted =
    [
        "conv 16 3", conv 16 (3, 3) (1, 1) (0, 0)
        "conv 16 3x5 stride 2 pad 1x0", conv 16 (3, 5) (2, 2) (1, 0)
        "conv 16 3 pad 1 stride 2x1", conv 16 (3, 3) (2, 1) (1, 1)
        "conv1d 4 5 stride 2 pad 2",
        Conv1d
            {
                Filters = 4
                Kernel = 5
                Stride = 2
                Padding = 2
            }
        "pool 2", MaxPool2d(pool (2, 2) (2, 2) (0, 0))
        "pool 2x3", MaxPool2d(pool (2, 3) (2, 3) (0, 0))
        "avgpool 3 stride 1 pad 1", AvgPool2d(pool (3, 3) (1, 1) (1, 1))
        " RELU ", Relu
        "tanh", Activation Activation.Tanh
        "\tflatten\n", Flatten
        "dense 10", Dense { Inputs = None; Outputs = 10 }
        "dense 1568->128", Dense { Inputs = Some 1568; Outputs = 128 }
    ]

let private refused =
    [
        "", "layer 0, '': there is nothing between two commas"
        "relu,,relu", "layer 1, '': there is nothing between two commas"
        "relu, softmax",
        "layer 1, 'softmax': 'softmax' is not a layer; the layers are conv, conv1d, pool, avgpool, gap, batchnorm, relu, leakyrelu, silu, gelu, tanh, identity, dropout, flatten, dense, residual(…)"
        "conv 16",
        "layer 0, 'conv 16': conv needs the number of filters and the size of the kernel, as in 'conv 16 3 pad 1'"
        "conv 16 3 pad", "layer 0, 'conv 16 3 pad': 'pad' was not expected; what may follow is 'stride S' and 'pad P'"
        "conv 16 3 pad 1 pad 1",
        "layer 0, 'conv 16 3 pad 1 pad 1': 'pad' was not expected; what may follow is 'stride S' and 'pad P'"
        "tanh 2", "layer 0, 'tanh 2': tanh takes nothing after its name"
        "conv -1 3", "layer 0, 'conv -1 3': '-1' is not a whole number"
        "conv 16 3x3x3", "layer 0, 'conv 16 3x3x3': '3x3x3' is not a size such as 3 or 3x5"
        "conv1d 16 3x3", "layer 0, 'conv1d 16 3x3': '3x3' is not a whole number"
        "pool", "layer 0, 'pool': pooling needs the size of its window, as in 'pool 2'"
        "dense", "layer 0, 'dense': dense needs the number of its outputs alone, as in 'dense 10' or 'dense 1568->10'"
        "dense 2147483648", "layer 0, 'dense 2147483648': '2147483648' is not a whole number"
        "dense 1->2->3", "layer 0, 'dense 1->2->3': '1->2->3' is not a size such as 10 or 1568->128"
    ]

let private examples =
    testList
        "by hand"
        [
            for text, layer in accepted do
                test $"reads '{text.Trim()}'" { Expect.equal (Architecture.parse text) (Ok [ layer ]) "layers" }
            for text, reason in refused do
                test $"refuses '{text}'" { Expect.equal (Architecture.parse text) (Error reason) "reason" }
            test "the presets are possible networks for the images they are named for" {
                let presets = Architecture.presets 10
                Expect.equal (List.map fst presets) [ "simple"; "deep"; "lenet" ] "names"

                for name, text in presets do
                    match Architecture.parse text |> Result.bind (Network.create [ 1; 28; 28 ]) with
                    | Ok network -> Expect.equal network.Classes 10 name
                    | Error reason -> failtest $"{name}: {reason}"

                Expect.equal
                    (Cnn.Tests.Support.network [ 1; 28; 28 ] (Architecture.presets 26 |> List.last |> snd)).Classes
                    26
                    "26 classes"
            }
        ]

let tests = testList "architecture" [ properties; examples ]
