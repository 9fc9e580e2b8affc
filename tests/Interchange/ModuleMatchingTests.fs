/// Which module of PyTorch becomes which layer.
module Cnn.Tests.Interchange.ModuleMatchingTests

open System
open Expecto
open Cnn.Tensors
open Cnn.Networks
open Cnn.Storage
open Cnn.Interchange
open Cnn.Tests.Support
open Cnn.Tests.Interchange.StateDictCases
open Cnn.Tests.Interchange.StateDictReading

let tests =
    testList
        "Interchange.ModuleMatching"
        [
            test "modules of LeNet in their usual names find their layers by shape" {
                let lenet =
                    network [ 1; 28; 28 ] (Architecture.presets 10 |> List.find (fun (n, _) -> n = "lenet") |> snd)

                let one name (weight: int list) =
                    [
                        $"{name}.weight", weight, zeros (Shape.size weight)
                        $"{name}.bias", [ weight.Head ], zeros weight.Head
                    ]

                let entries =
                    one "fc3" [ 10; 84 ]
                    @ one "conv2" [ 16; 6; 5; 5 ]
                    @ one "fc1" [ 120; 400 ]
                    @ one "fc2" [ 84; 120 ]
                    @ one "conv1" [ 6; 1; 5; 5 ]

                let read = decode [] lenet (file "F32" entries) |> orFail

                Expect.equal
                    (placed read)
                    [ "conv1", "0"; "conv2", "3"; "fc1", "7"; "fc2", "9"; "fc3", "11" ]
                    "which module is which layer"

                Expect.allEqual (how read) MatchedBy.Form "why"

                // without its padding the first layer would leave fewer inputs for the third
                let bare =
                    network
                        [ 1; 28; 28 ]
                        "conv 6 5, relu, pool 2, conv 16 5, relu, pool 2, flatten, dense 120, relu, dense 84, relu, dense 10"

                decode [] bare (file "F32" entries)
                |> expectRefused
                    "its module 'fc1' is a Linear with a weight of 120x400, but layer 7, dense 120, asks for a Linear with a weight of 120x256"
            }

            test "of equal shapes the natural order decides, or else the map" {
                let twins = network [ 2 ] "dense 2, relu, dense 2, relu, dense 2"

                let one name value =
                    [
                        $"{name}.weight", [ 2; 2 ], [ value; 0.0; 0.0; 0.0 ]
                        $"{name}.bias", [ 2 ], zeros 2
                    ]

                let bytes = file "F32" (one "fc10" 10.0 @ one "fc2" 2.0 @ one "fc1" 1.0)
                let read = decode [] twins bytes |> orFail
                Expect.equal (placed read) [ "fc1", "0"; "fc2", "2"; "fc10", "4" ] "natural order"
                Expect.allEqual (how read) MatchedBy.Order "why"

                match read.Parameters with
                | Block [ Affine a; _; Affine b; _; Affine c ] ->
                    Expect.equal [ a.Weight[0]; b.Weight[0]; c.Weight[0] ] [ 1.0f; 2.0f; 10.0f ] "numbers"
                | other -> failtest $"unexpected form {other}"

                let read = decode [ "fc10", "0" ] twins bytes |> orFail
                Expect.equal (placed read) [ "fc10", "0"; "fc1", "2"; "fc2", "4" ] "the map first"

                decode [ "fc10", "0"; "fc2", "0" ] twins bytes
                |> expectRefused "two of its modules are mapped to layer '0'"

                decode [ "fc2", "0"; "fc2", "2" ] twins bytes
                |> expectRefused "its module 'fc2' is mapped twice"

                decode [ "fc3", "0" ] twins bytes
                |> expectRefused "it has no module 'fc3'; its modules are 'fc1', 'fc2', 'fc10'"

                decode [ "fc2", "1" ] twins bytes
                |> expectRefused "no layer '1' that learns; those are 0, 2, 4"
            }

            test "names as in nn.Sequential are taken as they are, against the order of their shapes" {
                let twins = network [ 2 ] "dense 2, relu, dense 2"

                let entries =
                    [ "2.weight", [ 2; 2 ], [ 5.0; 6.0; 7.0; 8.0 ]; "2.bias", [ 2 ], zeros 2 ]
                    @ [ "0.weight", [ 2; 2 ], [ 1.0; 2.0; 3.0; 4.0 ]; "0.bias", [ 2 ], zeros 2 ]

                let read = decode [] twins (file "F32" entries) |> orFail
                Expect.allEqual (how read) MatchedBy.Name "why"

                match read.Parameters with
                | Block [ Affine a; _; Affine b ] ->
                    // [ out; in ] there, [ in; out ] here
                    Expect.equal (a.Weight.ToArray()) [| 1.0f; 3.0f; 2.0f; 4.0f |] "first"
                    Expect.equal (b.Weight.ToArray()) [| 5.0f; 7.0f; 6.0f; 8.0f |] "second"
                | other -> failtest $"unexpected form {other}"
            }

            test "bias=False and affine=False leave zeros and ones" {
                let entries =
                    small
                    |> List.filter (fun (name, _, _) ->
                        not (List.contains name [ "conv1.bias"; "bn1.weight"; "bn1.bias"; "bn1.num_batches_tracked" ]))

                let read = decode [] smallNetwork (file "F32" entries) |> orFail

                match read.Parameters with
                | Block(Affine conv :: Affine norm :: _) ->
                    Expect.equal (conv.Bias.ToArray()) [| 0.0f; 0.0f |] "bias"

                    Expect.equal
                        (norm.Weight.ToArray(), norm.Bias.ToArray())
                        ([| 1.0f; 1.0f |], [| 0.0f; 0.0f |])
                        "norm"
                | other -> failtest $"unexpected form {other}"
            }

            test "what does not fit is named, with what would" {
                let expect (name: string) (entry: Entry option) (part: string) =
                    decode [] smallNetwork (file "F32" (changed name entry)) |> expectRefused part

                expect "conv1.weight" None "its module 'conv1' has no weight"
                expect "bn1.running_var" None "has a running_mean, but no running_var"
                expect "bn1.running_mean" None "has a running_var, but no running_mean"

                expect
                    "conv1.bias"
                    (Some("conv1.bias", [ 3 ], zeros 3))
                    "its tensor 'conv1.bias' is 3, but should be 2, as the weight is 2x1x2x2"

                expect
                    "fc.weight"
                    (Some("fc.weight", [ 24; 4 ], zeros 96))
                    "its tensor 'fc.bias' is 4, but should be 24"

                expect
                    "fc.bias"
                    (Some("extra.weight", [ 7; 7 ], zeros 49))
                    "no layer is left for its module 'extra', a Linear with a weight of 7x7"

                expect
                    "fc.bias"
                    (Some("fc.weight_g", [ 4 ], zeros 4))
                    "its tensor 'fc.weight_g' is none of a Linear, Conv1d, Conv2d or BatchNorm"

                expect "bn1.weight" (Some("bn1.weight", [ 2; 1 ], zeros 2)) "a BatchNorm has one of one axis"

                expect
                    "conv1.weight"
                    (Some("conv1.weight", [ 2; 1; 1; 2; 2 ], zeros 8))
                    "a weight of 2x1x1x2x2, which no Linear"

                expect "conv1.weight" (Some("conv1.weight", [], zeros 1)) "a weight of 1, which no Linear"

                let without prefix =
                    small
                    |> List.filter (fun (name, _, _) -> not (name.StartsWith(prefix, StringComparison.Ordinal)))

                decode [] smallNetwork (file "F32" (without "fc"))
                |> expectRefused "it has no module for layer 5, dense 4, which asks for a Linear with a weight of 4x24"

                decode
                    []
                    smallNetwork
                    (file "F32" (without "bn1" @ [ "norm.weight", [ 2 ], zeros 2; "norm.bias", [ 2 ], zeros 2 ]))
                |> expectRefused "without running_mean and running_var"

                decode [ "fc", "0" ] smallNetwork (file "F32" small)
                |> expectRefused
                    "its module 'fc' is a Linear with a weight of 4x24, but layer 0, conv 2 2, asks for a Conv2d"
            }
        ]
