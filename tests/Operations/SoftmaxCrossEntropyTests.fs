module Cnn.Tests.Operations.SoftmaxCrossEntropyTests

open System
open System.Numerics
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

let private smoothings = [ 0.0; 0.1; 0.5; 0.999 ]

let private smoothed (smoothing: float) (values: int list) (logits: Tensor<'T>) =
    SoftmaxCrossEntropy.forwardSmoothed smoothing (labels values) logits

/// Loss and gradient of 7 examples against the definition.
let private followsSmoothed<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (tolerance: float) =
    let single = normals 5 [ 7; 6 ] |> cast<'T>
    let row n = (numbers single)[6 * n .. 6 * n + 5]
    let truth = [ 3; 0; 5; 5; 2; 1; 4 ]

    for smoothing in smoothings do
        let struct (loss, cache) = smoothed smoothing truth single

        let expected =
            truth |> List.mapi (fun n -> Naive.smoothedCrossEntropy smoothing (row n))

        expectClose 1e-14 $"loss, smoothing {smoothing}" [| List.sum expected |] [| loss |]

        let expected =
            truth
            |> List.mapi (fun n label ->
                let e = row n |> Array.map exp

                Array.map2
                    (fun e t -> 3.0 * (e / Array.sum (Array.map exp (row n)) - t))
                    e
                    (Naive.smoothedTarget smoothing 6 label))
            |> Array.concat

        expectClose
            tolerance
            $"gradient, smoothing {smoothing}"
            expected
            (numbers (SoftmaxCrossEntropy.backward cache 3.0).Logits)

        // what the fused pass takes, an example at a time
        for n, label in List.indexed truth do
            let gradient: 'T[] = Array.zeroCreate 6

            let loss =
                SoftmaxCrossEntropy.row smoothing label (single.Span.Slice(6 * n, 6)) (Span gradient)

            expectClose 1e-14 $"loss of row {n}" [| Naive.smoothedCrossEntropy smoothing (row n) label |] [| loss |]

            expectClose
                tolerance
                $"gradient of row {n}"
                (expected[6 * n .. 6 * n + 5] |> Array.map (fun g -> g / 3.0))
                (numbers (Tensor.ofSeq [ 6 ] gradient))

let private smoothing =
    testList
        "label smoothing"
        [
            test "float64: follows its definition" { followsSmoothed<float> 1e-15 }
            test "float32: follows its definition" { followsSmoothed<float32> 2e-7 }
            test "its gradient is that of its loss, by central differences" {
                let logits = normals 6 [ 3; 4 ]
                let truth = [ 2; 0; 3 ]
                let step = 1e-5

                for smoothing in smoothings do
                    let loss i by =
                        logits.ToArray()
                        |> Array.mapi (fun k z -> if k = i then z + by else z)
                        |> Tensor.ofSeq [ 3; 4 ]
                        |> smoothed smoothing truth
                        |> outputOf

                    let differences =
                        Array.init 12 (fun i -> (loss i step - loss i -step) / (2.0 * step))

                    let cache = smoothed smoothing truth logits |> cacheOf

                    expectClose
                        1e-9
                        $"smoothing {smoothing}"
                        differences
                        ((SoftmaxCrossEntropy.backward cache 1.0).Logits.ToArray())
            }
            test "without any, the loss and its gradient are the usual ones to the last bit" {
                let logits = normals 7 [ 4; 5 ]

                let struct (loss, cache) =
                    SoftmaxCrossEntropy.forward (labels [ 0; 4; 2; 2 ]) logits

                let struct (same, sameCache) = smoothed 0.0 [ 0; 4; 2; 2 ] logits
                Expect.equal same loss "loss"

                expectSame
                    "gradient"
                    (SoftmaxCrossEntropy.backward cache 1.0).Logits
                    (SoftmaxCrossEntropy.backward sameCache 1.0).Logits
            }
            test "nothing is left to learn where the probabilities are the target" {
                let target = Naive.smoothedTarget 0.2 5 3
                let logits = Tensor.ofSeq [ 1; 5 ] (Array.map log target)
                let struct (loss, cache) = smoothed 0.2 [ 3 ] logits
                let entropy = target |> Array.sumBy (fun t -> -t * log t)
                expectClose 1e-14 "the loss is the entropy of the target" [| entropy |] [| loss |]

                for g in (SoftmaxCrossEntropy.backward cache 1.0).Logits.ToArray() do
                    Expect.isLessThan (abs g) 1e-15 "gradient"
            }
            test "neither overflows nor is capped" {
                // the label is 5000 below the other class, which has 0.05 of the target
                expectClose
                    1e-15
                    "loss"
                    [| 0.95 * 5000.0 |]
                    [| smoothed 0.1 [ 0 ] (rows [ [ 0.0; 5000.0 ] ]) |> outputOf |]

                expectClose
                    1e-15
                    "loss"
                    [| 0.05 * 5000.0 |]
                    [| smoothed 0.1 [ 1 ] (rows [ [ 0.0; 5000.0 ] ]) |> outputOf |]
            }
            for refused in [ -0.1; 1.0; nan; infinity ] do
                test $"a smoothing of {refused} is refused" {
                    expectRefusal "must be from 0 to below 1" (fun () -> smoothed refused [ 0 ] (rows [ [ 0.0; 1.0 ] ]))
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
    testList "softmax cross-entropy" [ lossTests; probabilities; gradient; smoothing; refusals; classification ]
