/// Training on several cores: the same bits on any number of them, and the gradient of the whole batch.
module Cnn.Tests.Training.DataParallelTests

open Expecto
open Cnn.Tensors
open Cnn.Networks
open Cnn.Fusion
open Cnn.Training
open Cnn.Tests.Support

let private network =
    network [ 1; 10; 10 ] "conv 5 3 pad 1, relu, pool 2, conv 6 3, relu, flatten, dense 12, relu, dense 4"

let private parameters: Parameters<float32> =
    Network.initialize He (Seed.ofInt 1) network

let private plan = Plan.ofNetwork network

let private batch examples =
    normals examples [ examples; 1; 10; 10 ] |> cast<float32>, Tensor.init [ examples ] (fun n -> n * 7 % 4)

/// Around the sizes at which the number of shards changes.
let private sizes = [ 1; 2; 15; 16; 31; 32; 33; 100; 127; 128; 129; 200 ]

let private shards =
    testList
        "shards"
        [
            test "cover every batch of 1 to 300 exactly, in order, in parts that differ by one at most" {
                for examples in 1..300 do
                    let parts = DataParallel.shards examples

                    let covered =
                        [
                            for start, count in parts do
                                yield! [ start .. start + count - 1 ]
                        ]

                    Expect.equal covered [ 0 .. examples - 1 ] $"{examples} examples"
                    let counts = List.map snd parts
                    Expect.isLessThanOrEqual (List.max counts - List.min counts) 1 $"parts of {examples}"
                    Expect.isGreaterThan (List.min counts) 0 $"no empty part of {examples}"
            }
            test "are as many as have 16 examples or more, up to 8" {
                for examples, count in [ 1, 1; 31, 1; 32, 2; 47, 2; 48, 3; 127, 7; 128, 8; 144, 8; 1000, 8 ] do
                    Expect.equal (DataParallel.shards examples).Length count $"{examples} examples"
            }
            test "a batch of many examples has several, or a second core would be idle" {
                for examples in [ 32; 64; 128; 256 ] do
                    Expect.isGreaterThanOrEqual (DataParallel.shards examples).Length 2 $"{examples} examples"
            }
        ]

let private gradients =
    testList
        "loss and gradients"
        [
            test "are the same bits on 1, 2, 3 and 8 threads" {
                for examples in sizes do
                    let x, labels = batch examples

                    let run threads =
                        DataParallel.lossAndGradients threads randomness.Seed plan parameters x labels

                    let alone = run 1

                    for threads in [ 2; 3; 8; 8 ] do
                        let step = run threads

                        Expect.equal
                            (parameterBits step.Gradients)
                            (parameterBits alone.Gradients)
                            $"{examples} examples, {threads} threads: gradients"

                        Expect.equal
                            (step.Loss, step.Correct, step.Examples)
                            (alone.Loss, alone.Correct, examples)
                            $"{examples} examples, {threads} threads"
            }
            test "are those of the batch in one piece, within rounding" {
                for examples in sizes do
                    let x, labels = batch examples
                    let whole = Network.lossAndGradients randomness network parameters x labels
                    let step = DataParallel.lossAndGradients 2 randomness.Seed plan parameters x labels
                    Expect.equal (step.Correct, step.Examples) (whole.Correct, whole.Examples) "counts"
                    expectClose 1e-6 "loss" [| whole.Loss |] [| step.Loss |]

                    for (name, expected), (_, actual) in
                        List.zip (Parameters.named whole.Gradients) (Parameters.named step.Gradients) do
                        expectClose 1e-5 $"{examples} examples, {name}" (numbers expected) (numbers actual)
            }
            test "a label that is no class is refused from any thread" {
                let x, _ = batch 64
                let labels = Tensor.init [ 64 ] (fun n -> if n = 50 then 4 else 0)

                for threads in [ 1; 2 ] do
                    Expect.throws
                        (fun () ->
                            DataParallel.lossAndGradients threads randomness.Seed plan parameters x labels
                            |> ignore)
                        $"{threads} threads"
            }
        ]

let private inference =
    testList
        "logits"
        [
            test "are those of the batch in one piece, whatever the threads" {
                for examples in sizes do
                    let x, _ = batch examples
                    let whole = FusedNetwork.logits plan parameters (Network.start plan.Network) x

                    for threads in [ 1; 2; 8 ] do
                        let logits = DataParallel.logits threads plan parameters (Network.start network) x

                        Expect.equal
                            (logits.Shape, bits logits)
                            (whole.Shape, bits whole)
                            $"{examples} examples, {threads} threads"
            }
        ]

let tests = testList "data parallelism" [ shards; gradients; inference ]
