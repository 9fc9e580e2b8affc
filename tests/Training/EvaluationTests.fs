module Cnn.Tests.Training.EvaluationTests

open System
open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Training
open Cnn.Tests.Support

/// Logits that put each example into the given class of four.
let private putInto (classes: int list) =
    Tensor.init [ classes.Length; 4 ] (fun i -> if i % 4 = classes[i / 4] then 2.0 else 0.0)

let private labels (values: int list) = Tensor.ofSeq [ values.Length ] values

// class 0: 2 of 3 found; class 1: found, and 2 put there wrongly; class 2: never found; class 3: never there
let private truth = [ 0; 0; 0; 1; 2 ]
let private predicted = [ 0; 0; 1; 1; 1 ]
let private evaluation = Evaluation.ofLogits (putInto predicted) (labels truth)

let tests =
    testList
        "evaluation"
        [
            test "the confusion matrix counts true class by predicted class" {
                Expect.equal evaluation.Confusion.Shape [ 4; 4 ] "shape"

                Expect.sequenceEqual
                    (evaluation.Confusion.ToArray())
                    [ 2; 1; 0; 0; 0; 1; 0; 0; 0; 1; 0; 0; 0; 0; 0; 0 ]
                    "counts"

                Expect.equal
                    (Evaluation.examples evaluation, Evaluation.correct evaluation)
                    (5, 3)
                    "examples and correct"

                Expect.equal (Evaluation.accuracy evaluation) 0.6 "accuracy"
            }
            test "precision: what part of a prediction is right; None where nothing was predicted" {
                let precision = [ for k in 0..3 -> Evaluation.precision evaluation k ]
                Expect.equal precision [ Some 1.0; Some(1.0 / 3.0); None; None ] "precision"
            }
            test "recall: what part of a class is found; None where the class never occurs" {
                let recall = [ for k in 0..3 -> Evaluation.recall evaluation k ]
                Expect.equal recall [ Some(2.0 / 3.0); Some 1.0; Some 0.0; None ] "recall"
            }
            test "parts add up to the whole" {
                let logits, labels = normals 1 [ 50; 4 ], Tensor.init [ 50 ] (fun n -> n * 3 % 4)

                let part start count =
                    Evaluation.ofLogits (Tensor.slice start count logits) (Tensor.slice start count labels)

                let whole, sum = part 0 50, part 0 7 + part 7 30 + part 37 13
                Expect.equal sum.Confusion whole.Confusion "confusion"
                expectClose 1e-14 "loss" [| whole.Loss |] [| sum.Loss |]
                Expect.equal (Evaluation.examples sum) 50 "examples"
                Expect.equal (Evaluation.correct sum) (Classification.correct logits labels) "correct"
            }
            test "the loss is summed, the mean loss is not" {
                let even = Evaluation.ofLogits (Tensor.zeros<float> [ 3; 4 ]) (labels [ 0; 1; 2 ])
                expectClose 1e-15 "loss" [| 3.0 * log 4.0 |] [| even.Loss |]
                expectClose 1e-15 "mean loss" [| log 4.0 |] [| Evaluation.meanLoss even |]
            }
            test "of no examples there is no accuracy" {
                let none = Evaluation.ofLogits (Tensor.zeros<float> [ 0; 4 ]) (labels [])
                Expect.equal (Evaluation.examples none) 0 "examples"
                Expect.isTrue (Double.IsNaN(Evaluation.accuracy none)) "accuracy"
            }
            test "a label that is no class is refused" {
                expectRefusal "label 4 of example 1" (fun () ->
                    Evaluation.ofLogits (putInto [ 0; 0 ]) (labels [ 0; 4 ]))
            }
        ]
