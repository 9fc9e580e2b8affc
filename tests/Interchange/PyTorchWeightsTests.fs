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
open Cnn.Tests.Interchange.StateDictReading

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
        ]
