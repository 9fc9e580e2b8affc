/// Training as a fold over mini-batches: it learns, and it does so in the same way every time.
module Cnn.Tests.Training.TrainingStateTests

open Expecto
open Cnn.Tensors
open Cnn.Networks
open Cnn.Training
open Cnn.Tests.Support

let private network =
    network [ 1; 8; 8 ] "conv 4 3 pad 1, relu, pool 2, flatten, dense 4"

/// Noise with one bright quarter, which is the class.
let private images: Tensor<float32> * Tensor<int> =
    let noise = normals 1 [ 64; 1; 8; 8 ]

    Tensor.init [ 64; 1; 8; 8 ] (fun i ->
        let n, row, column = i / 64, i / 8 % 8, i % 8
        let bright = 2 * (row / 4) + column / 4 = n % 4
        float32 (0.3 * noise[i] + (if bright then 1.0 else 0.0))),
    Tensor.init [ 64 ] (fun n -> n % 4)

let private begin' optimizer : TrainingState<float32> =
    TrainingState.start optimizer He (Seed.ofInt 3) network

/// The states after 0 .. count steps, with what each step reported.
let private run threads rate count state =
    let x, labels = images

    ((state,
      {
          Loss = nan
          Correct = 0
          Examples = 0
          IsFinite = true
      }),
     seq { 1..count })
    ||> Seq.scan (fun (state, _) _ ->
        let struct (next, report) = TrainingState.step threads rate x labels state
        next, report)
    |> List.ofSeq

let private rateOf (name: string) =
    match name with
    | "adam"
    | "adamw" -> 0.01
    | _ -> 0.05

let private learning =
    testList
        "learning"
        [
            for name, optimizer in Optimizer.named do
                test $"{name} brings the loss down" {
                    let reports =
                        begin' optimizer |> run 2 (rateOf name) 40 |> List.tail |> List.map snd

                    let first, last = List.head reports, List.last reports
                    Expect.isLessThan last.Loss (0.5 * first.Loss) $"from {first.Loss} to {last.Loss}"
                    Expect.isGreaterThan last.Correct first.Correct "hits"
                    Expect.equal last.Examples 64 "examples"
                }
            for name, optimizer in Optimizer.named do
                test $"a step is that of {name}, on the mean gradient of the batch, to the last bit" {
                    let x, labels = images
                    let struct (state, _) = TrainingState.step 1 0.1 x labels (begin' optimizer)
                    let struct (next, report) = TrainingState.step 2 0.1 x labels state

                    let pass =
                        DataParallel.lossAndGradients 1 randomness.Seed state.Plan state.Parameters x labels

                    let mean = Parameters.scale (1.0 / 64.0) pass.Gradients

                    let struct (expected, _) =
                        Optimizer.update optimizer 0.1 mean state.OptimizerState state.Parameters

                    Expect.equal (parameterBits next.Parameters) (parameterBits expected) "parameters"

                    Expect.equal
                        report
                        {
                            Loss = pass.Loss / 64.0
                            Correct = pass.Correct
                            Examples = 64
                            IsFinite = true
                        }
                        "report"

                    Expect.equal (next.Step, next.Epoch) (2L, 0) "counts"
                }
        ]

let private repeatability =
    testList
        "repeatability"
        [
            for name, optimizer in Optimizer.named do
                test $"{name}: five steps twice, on one thread and on two, give the same bits" {
                    let trained threads =
                        (begin' optimizer |> run threads 0.01 5 |> List.last |> fst).Parameters
                        |> parameterBits

                    let first = trained 1
                    Expect.equal (trained 1) first "again"
                    Expect.equal (trained 2) first "on two threads"
                }
            test "a state can be kept and continued: steps leave it as it was" {
                let states =
                    begin' (
                        Adam
                            {
                                Beta1 = 0.9
                                Beta2 = 0.999
                                Epsilon = 1e-8
                                WeightDecay = 0.0
                            }
                    )
                    |> run 1 0.01 6
                    |> List.map fst

                let kept = states[3]
                let before = parameterBits kept.Parameters
                let continued = run 1 0.01 3 kept |> List.last |> fst
                Expect.equal (parameterBits kept.Parameters) before "the state that was kept"
                Expect.equal (parameterBits continued.Parameters) (parameterBits states[6].Parameters) "continued"
                Expect.equal continued.OptimizerState states[6].OptimizerState "state of the optimiser"
            }
            test "another seed starts elsewhere" {
                let parameters seed : Parameters<float32> =
                    (TrainingState.start (Sgd 0.0) He (Seed.ofInt seed) network).Parameters

                Expect.notEqual (parameters 1) (parameters 2) "parameters"
            }
        ]

let private order =
    testList
        "order of the examples"
        [
            test "is a permutation" {
                for count in [ 0; 1; 2; 10; 1000 ] do
                    let sorted = (TrainingState.order (Seed.ofInt 1) 0 count).ToArray() |> Array.sort
                    Expect.equal sorted [| 0 .. count - 1 |] $"{count} examples"
            }
            test "differs between epochs and seeds, and is the same for the same ones" {
                let order seed epoch =
                    (TrainingState.order (Seed.ofInt seed) epoch 100).ToArray()

                let all =
                    [
                        for seed in 1..5 do
                            for epoch in 0..9 -> order seed epoch
                    ]

                Expect.equal (List.distinct all).Length 50 "orders"
                Expect.equal (order 2 3) (order 2 3) "again"
            }
            test "mixes well: every example comes first about equally often" {
                let firsts =
                    [ for epoch in 0..9999 -> (TrainingState.order (Seed.ofInt 1) epoch 10)[0] ]
                    |> List.countBy id
                // each count is binomial with mean 1000 and deviation 30
                Expect.equal firsts.Length 10 "examples"
                Expect.all firsts (fun (_, count) -> abs (count - 1000) < 150) $"{firsts}"
            }
        ]

let private epochs =
    let state = begin' (Sgd 0.0)

    let after accuracies =
        (state, accuracies)
        ||> List.fold (fun state accuracy -> TrainingState.endEpoch accuracy state)

    testList
        "epochs"
        [
            test "the best score is the first highest" {
                let final = after [ Some 0.5; Some 0.9; Some 0.7; Some 0.9 ]
                Expect.equal (final.Epoch, final.Best) (4, Some { Epoch = 2; Accuracy = 0.9 }) "best"
            }
            test "epochs without a score count, and change no best one" {
                Expect.equal (after [ None; None ]).Best None "no score"
                let final = after [ None; Some 0.4; None ]
                Expect.equal (final.Epoch, final.Best) (3, Some { Epoch = 2; Accuracy = 0.4 }) "one score"
            }
        ]

let tests = testList "training" [ learning; repeatability; order; epochs ]
