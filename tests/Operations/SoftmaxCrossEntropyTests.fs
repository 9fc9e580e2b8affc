module Cnn.Tests.Operations.SoftmaxCrossEntropyTests

open System
open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Tests
open Cnn.Tests.Support

let private labels (values: int list) = Tensor.ofSeq [ values.Length ] values

let private rows (values: float list list) =
    Tensor.ofSeq [ values.Length; values.Head.Length ] (List.concat values)

let private loss (values: int list) (logits: Tensor<float>) =
    SoftmaxCrossEntropy.forward (labels values) logits |> outputOf

let private lossTests =
    testList
        "loss"
        [
            test "is the sum of -log p over the examples" {
                let logits = normals 1 [ 5; 4 ]
                let truth = [ 3; 0; 1; 1; 2 ]

                let expected =
                    truth
                    |> List.mapi (fun n label -> Naive.crossEntropy (logits.ToArray()[4 * n .. 4 * n + 3]) label)

                expectClose 1e-14 "loss" [| List.sum expected |] [| loss truth logits |]
            }
            test "of even odds is log K" {
                expectClose 1e-15 "loss" [| log 10.0 |] [| loss [ 4 ] (Tensor.zeros [ 1; 10 ]) |]
            }
            test "logits of 1000 do not overflow" {
                let logits = rows [ [ 1000.0; 999.0 ]; [ -1000.0; -1000.0 ] ]
                expectClose 1e-12 "loss" [| log (1.0 + exp -1.0) + log 2.0 |] [| loss [ 0; 1 ] logits |]
                let single = cast<float32> logits
                let struct (value, _) = SoftmaxCrossEntropy.forward (labels [ 0; 1 ]) single
                expectClose 1e-12 "loss of float32 logits" [| log (1.0 + exp -1.0) + log 2.0 |] [| value |]
            }
            test "of a probability too small for a float is not capped" {
                expectClose 1e-15 "loss" [| 5000.0 |] [| loss [ 0 ] (rows [ [ 0.0; 5000.0 ] ]) |]
            }
            test "does not change when a constant is added to all logits" {
                let logits = rows [ [ 1.0; -2.0; 0.5 ] ]

                expectClose
                    1e-13
                    "loss"
                    [| loss [ 2 ] logits |]
                    [| loss [ 2 ] (Tensor.map (fun z -> z + 100.0) logits) |]
            }
            test "a NaN among the logits makes it NaN, wherever it stands" {
                for place in 0..2 do
                    let logits = Tensor.init [ 1; 3 ] (fun i -> if i = place then nan else 1.0)
                    Expect.isTrue (Double.IsNaN(loss [ 1 ] logits)) $"NaN at {place}"
            }
        ]

let private probabilities =
    testList
        "probabilities"
        [
            test "add up to 1, and are exp(z) over their sum" {
                let logits = normals 2 [ 3; 6 ]
                let p = SoftmaxCrossEntropy.probabilities logits

                for n in 0..2 do
                    let row = logits.ToArray()[6 * n .. 6 * n + 5] |> Array.map exp

                    expectClose
                        1e-14
                        "row"
                        (Array.map (fun e -> e / Array.sum row) row)
                        (p.ToArray()[6 * n .. 6 * n + 5])
            }
        ]

let private gradient =
    testList
        "gradient"
        [
            test "is p - oneHot, of the sum over the batch" {
                let logits = normals 3 [ 4; 5 ]
                let truth = labels [ 0; 4; 2; 2 ]
                let p = SoftmaxCrossEntropy.probabilities logits
                let cache = SoftmaxCrossEntropy.forward truth logits |> cacheOf

                let expected =
                    Array.init 20 (fun i -> p[i] - (if i % 5 = truth[i / 5] then 1.0 else 0.0))

                expectClose 1e-15 "gradient" expected ((SoftmaxCrossEntropy.backward cache 1.0).Logits.ToArray())
            }
            test "each row adds up to 0" {
                let logits = normals 4 [ 6; 10 ]
                let cache = SoftmaxCrossEntropy.forward (labels [ 0..5 ]) logits |> cacheOf
                let dz = (SoftmaxCrossEntropy.backward cache 1.0).Logits.ToArray()

                for n in 0..5 do
                    Expect.isLessThan (abs (Array.sum dz[10 * n .. 10 * n + 9])) 1e-15 $"row {n}"
            }
            test "is scaled by what follows the loss" {
                let cache =
                    SoftmaxCrossEntropy.forward (labels [ 1 ]) (rows [ [ 0.0; 0.0 ] ]) |> cacheOf

                (SoftmaxCrossEntropy.backward cache -4.0).Logits
                |> expectSame "gradient" (rows [ [ -2.0; 2.0 ] ])
            }
        ]

let private refusals =
    testList
        "refuses"
        [
            for label in [ -1; 3; Int32.MaxValue; Int32.MinValue ] do
                test $"label {label} of 3 classes" {
                    expectRefusal $"label {label} of example 1 is not one of the 3 classes" (fun () ->
                        SoftmaxCrossEntropy.forward (labels [ 0; label ]) (Tensor.zeros<float> [ 2; 3 ]))
                }
            test "another number of labels" {
                expectRefusal "do not fit labels" (fun () ->
                    SoftmaxCrossEntropy.forward (labels [ 0 ]) (Tensor.zeros<float> [ 2; 3 ]))
            }
        ]

let private classification =
    testList
        "classification"
        [
            test "the largest logit decides, the first of equals" {
                let logits =
                    rows
                        [
                            [ 1.0; 3.0; 2.0 ]
                            [ 5.0; 5.0; 5.0 ]
                            [ -3.0; -2.0; -1.0 ]
                            [ 0.0; 2.0; 2.0 ]
                        ]

                Expect.equal ((Classification.predictions logits).ToArray()) [| 1; 0; 2; 1 |] "predictions"
                Expect.equal (Classification.correct logits (labels [ 1; 1; 2; 2 ])) 2 "correct"
            }
        ]

let tests =
    testList "softmax cross-entropy" [ lossTests; probabilities; gradient; refusals; classification ]
