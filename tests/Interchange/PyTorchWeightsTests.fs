module Cnn.Tests.Interchange.PyTorchWeightsTests

open System
open Expecto
open FsCheck
open Cnn.Tensors
open Cnn.Networks
open Cnn.Storage
open Cnn.Interchange
open Cnn.Tests.Support
open Cnn.Tests.NetworkCases
open Cnn.Tests.Properties
open Cnn.Tests.Interchange.StateDictCases

let private decode (map: (string * string) list) (network: Network) (bytes: byte[]) =
    PyTorchWeights.decode map network (ReadOnlyMemory bytes)

let private orFail (result: Result<'T, string>) : 'T =
    match result with
    | Ok value -> value
    | Error reason -> failtest reason

let private expectRefused (part: string) (result: Result<'T, string>) =
    match result with
    | Ok _ -> failtest $"taken, but should be refused: {part}"
    | Error reason -> Expect.stringContains reason part "why it was refused"

/// Random numbers everywhere, also where a fresh network has zeros and ones.
let private filled (case: NetworkCase) : TrainedNetwork =
    let network = case.Network
    let random = Random case.Seed

    let draw (tensor: Tensor<float32>) =
        Tensor.init tensor.Shape (fun _ -> float32 (random.NextDouble()))

    {
        Network = network
        Parameters = Network.initialize He (Seed.ofInt case.Seed) network |> Parameters.map draw
        State = LayerState.map draw (Network.start network)
        Normalization = Normalization.unit
        ClassNames = ClassNames.numbers network.Classes
        Command = ""
    }

let private stateBits (state: LayerState<float32>) =
    LayerState.named state |> List.map (snd >> bits) |> Array.concat

let private expectSameNumbers (model: TrainedNetwork) (read: ImportedWeights) =
    Expect.sequenceEqual (parameterBits read.Parameters) (parameterBits model.Parameters) "parameters"
    Expect.sequenceEqual (stateBits read.State) (stateBits model.State) "state"

let private smallNetwork = network [ 1; 5; 5 ] SmallLayers

let private placed (read: ImportedWeights) =
    read.Modules |> List.map (fun pair -> pair.Module.Name, pair.Layer.Name)

let private how (read: ImportedWeights) =
    read.Modules |> List.map (fun pair -> pair.By)

/// With another entry under a name, or without.
let private changed (name: string) (entry: Entry option) =
    small
    |> List.collect (fun (own, shape, numbers) ->
        if own = name then
            Option.toList entry
        else
            [ own, shape, numbers ])

let private zeros (count: int) = List.replicate count 0.0

let tests =
    testList
        "Interchange.PyTorchWeights"
        [
            property "numbers of any network come back to the last bit" (fun (RichCase case) ->
                let model = filled case

                PyTorchWeights.encode [] model
                |> Result.bind (decode [] model.Network)
                |> orFail
                |> expectSameNumbers model)

            property "so they do under other names, which count in the order of the layers" (fun (RichCase case) ->
                let model = filled case
                let layers = LearningLayer.ofNetwork model.Network
                let names = layers |> List.mapi (fun i layer -> $"net.block{i + 8}", layer.Name)

                PyTorchWeights.encode names model
                |> Result.bind (decode [] model.Network)
                |> orFail
                |> expectSameNumbers model)

            test "a state_dict gives the logits of the formulas of torch.nn, in every dtype" {
                let random = Random 3
                let x = Array2D.init 5 5 (fun _ _ -> random.NextDouble())
                let expected = smallLogits small x

                for dtype in [ "F32"; "F64"; "F16"; "BF16" ] do
                    let read = decode [] smallNetwork (file dtype small) |> orFail
                    let input = Tensor.init [ 1; 1; 5; 5 ] (fun i -> float32 x[i / 5, i % 5])

                    let logits = Network.logits smallNetwork read.Parameters read.State input
                    expectClose 1e-5 dtype expected (numbers logits)

                    Expect.equal
                        (placed read)
                        [ "conv1", "0"; "bn1", "1"; "conv2", "3"; "fc", "5" ]
                        "which module is which layer"
            }

            test "numbers of every dtype are read as what they are" {
                let half =
                    fileOf
                        [
                            "F16", ("0.weight", [ 1; 2 ], [ 6.103515625e-05; -65504.0 ])
                            "F64", ("0.bias", [ 1 ], [ 0.1 ])
                        ]

                let read = decode [] (network [ 2 ] "dense 1") half |> orFail

                match read.Parameters with
                | Block [ Affine a ] ->
                    Expect.equal (a.Weight.ToArray()) [| 6.103515625e-05f; -65504.0f |] "F16"
                    Expect.equal (a.Bias.ToArray()) [| 0.1f |] "F64, rounded"
                | other -> failtest $"unexpected form {other}"
            }

            test "what PyTorch gets: names, shapes and layouts of its modules" {
                let read = decode [] smallNetwork (file "F32" small) |> orFail

                let model =
                    { filled
                          {
                              Input = [ 1; 5; 5 ]
                              Layers = smallNetwork.Layers
                              Batch = 1
                              Seed = 1
                          } with
                        Parameters = read.Parameters
                        State = read.State
                    }

                let names = [ "conv1", "0"; "bn1", "1"; "conv2", "3"; "fc", "5" ]

                let metadata, tensors =
                    PyTorchWeights.encode names model
                    |> Result.bind (fun bytes -> Safetensors.read NumberFormat.all (ReadOnlyMemory bytes))
                    |> orFail

                Expect.equal metadata["format"] "pt" "what it is for"

                let written =
                    tensors
                    |> List.map (fun t -> t.Name, t.Shape, t |> StoredTensor.numbers |> numbers |> List.ofArray)
                    |> List.sort

                let expected =
                    small
                    |> List.map (fun (name, shape, numbers) ->
                        // how many batches there were is not known here
                        name, shape, (if shape.IsEmpty then [ 0.0 ] else numbers))
                    |> List.sort

                Expect.equal written expected "tensors"

                for tensor in tensors do
                    Expect.equal
                        tensor.Format
                        (if tensor.Shape.IsEmpty then
                             NumberFormat.I64
                         else
                             NumberFormat.F32)
                        $"dtype of {tensor.Name}"

                // a view of whole numbers must begin at a multiple of their size
                Expect.isEmpty tensors.Head.Shape "the counter comes first"
            }

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

            test "numbers that cannot be are refused" {
                let expect (name: string) (values: float list) (part: string) =
                    let _, shape, _ = small |> List.find (fun (own, _, _) -> own = name)

                    decode [] smallNetwork (file "F64" (changed name (Some(name, shape, values))))
                    |> expectRefused part

                expect "conv1.bias" [ nan; 0.0 ] "not finite"
                expect "conv1.bias" [ 1e300; 0.0 ] "not finite"
                expect "bn1.running_var" [ -1.0; 1.0 ] "negative variance"
            }

            test "whole numbers are counters alone, and other dtypes are unknown" {
                let entry dtype =
                    fileOf [ dtype, ("0.weight", [ 1; 1 ], [ 1.0 ]); "F32", ("0.bias", [ 1 ], [ 0.0 ]) ]

                let one = network [ 1 ] "dense 1"
                decode [] one (entry "I64") |> expectRefused "holds whole numbers"

                decode [] one (entry "I32")
                |> expectRefused "not of dtype F16 or BF16 or F32 or F64 or I64"

                Expect.isOk (decode [] one (entry "F64")) "F64"
            }

            test "files of torch.save are refused with what to do" {
                for start in [ "PK\003\004"B; [| 0x80uy; 2uy; 0x8auy; 0x0auy |] ] do
                    decode [] smallNetwork (Array.append start (Array.create 60 0xffuy))
                    |> expectRefused "safetensors.torch.save_file"
            }

            test "every shorter file is refused, and no flipped byte makes the reader raise" {
                let bytes = file "F16" small

                for length in 0 .. bytes.Length - 1 do
                    Expect.isError (decode [] smallNetwork bytes[.. length - 1]) $"{length} bytes"

                let random = Random 5

                for i in 0 .. bytes.Length - 1 do
                    let broken = Array.copy bytes
                    broken[i] <- broken[i] ^^^ byte (random.Next(1, 256))
                    decode [] smallNetwork broken |> ignore
            }

            test "a hundred thousand modules and a name of a million digits are judged at once" {
                let started = Diagnostics.Stopwatch.StartNew()
                let many = List.init 100_000 (fun i -> $"m{i}.weight", [ 2; 2 ], zeros 4)

                decode [] (network [ 2 ] "dense 2, dense 2") (file "F32" many)
                |> expectRefused "no layer is left for its module 'm2'"

                let long = String('7', 1_000_000)

                decode
                    []
                    (network [ 2 ] "dense 2")
                    (file "F32" [ $"{long}.weight", [ 2; 2 ], zeros 4; $"{long}8.weight", [ 2; 2 ], zeros 4 ])
                |> expectRefused "no layer is left for its module '77777"

                Expect.isLessThan started.Elapsed (TimeSpan.FromSeconds 20.0) "time"
            }

            test "an export refuses names that are the same, and layers that are not there" {
                let model =
                    filled
                        {
                            Input = [ 1; 5; 5 ]
                            Layers = smallNetwork.Layers
                            Batch = 1
                            Seed = 1
                        }

                PyTorchWeights.encode [ "a", "0"; "a", "1" ] model
                |> expectRefused "the same name"

                PyTorchWeights.encode [ "3", "0" ] model |> expectRefused "the same name"
                PyTorchWeights.encode [ "a", "0"; "b", "0" ] model |> expectRefused "two names"

                PyTorchWeights.encode [ "a", "2" ] model
                |> expectRefused "no layer '2' that learns; those are 0, 1, 3, 5"
            }

            test "names are ordered as people count" {
                let ordered =
                    [
                        ""
                        "02"
                        "2"
                        "10"
                        "a"
                        "a2"
                        "a10"
                        "a10b9"
                        "a10b10"
                        "a.2.b"
                        "a.10"
                        "a.10.c"
                        "b"
                    ]

                for i, first in List.indexed ordered do
                    for j, second in List.indexed ordered do
                        Expect.equal
                            (sign (NaturalOrder.compare first second))
                            (compare i j)
                            $"'{first}' and '{second}'"
            }

            testProperty "that is an order" (fun (NonNull(a: string)) (NonNull(b: string)) (NonNull(c: string)) ->
                let order x y = sign (NaturalOrder.compare x y)
                Expect.equal (order a b) (-(order b a)) "turned round"

                if order a b <= 0 && order b c <= 0 then
                    Expect.isLessThanOrEqual (order a c) 0 "one after the other"

                Expect.equal (order a b = 0) (a = b) "the same")
        ]
