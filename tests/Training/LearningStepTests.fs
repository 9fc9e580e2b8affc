/// The options of learning in the fused step: what the pure functions say, to the last bit, on any number of threads.
module Cnn.Tests.Training.LearningStepTests

open System.Numerics
open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Cnn.Training
open Cnn.Tests.Support

/// Convolutions, and dense layers behind several cells and behind one; more numbers in one tensor than a part of the norm has.
let private network =
    network
        [ 1; 8; 8 ]
        "conv 4 3 pad 1, relu, pool 2, conv 6 3, relu, flatten, dense 400, relu, dense 30, relu, dense 4"

/// A bias of a single number, and tensors that are one number short of a part of the norm.
let private edges =
    Cnn.Tests.Support.network [ 1; 8; 8 ] "conv 1 3, relu, pool 6, flatten, dense 8191, relu, dense 4"

let private batch<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (seed: int) (examples: int) =
    normals seed [ examples; 1; 8; 8 ] |> cast<'T>, Tensor.init [ examples ] (fun n -> n * 7 % 4)

let private everything: LearningOptions =
    {
        WeightDecay = 0.05
        LabelSmoothing = 0.1
        // below the norms of these gradients, as a test makes sure
        ClipNorm = Some 0.25
        AverageDecay = Some 0.3
    }

let private each =
    [
        "nothing", LearningOptions.none
        "decay",
        { LearningOptions.none with
            WeightDecay = 0.05
        }
        "smoothing",
        { LearningOptions.none with
            LabelSmoothing = 0.1
        }
        "clipping",
        { LearningOptions.none with
            ClipNorm = Some 0.25
        }
        "average",
        { LearningOptions.none with
            AverageDecay = Some 0.3
        }
        "everything", everything
    ]

let private beginWith<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> network optimizer options =
    (TrainingState.start optimizer He (Seed.ofInt 3) network: TrainingState<'T>)
    |> TrainingState.withOptions options

let private begin'<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> optimizer options =
    beginWith<'T> network optimizer options

let private meanGradient (options: LearningOptions) (state: TrainingState<'T>) (x, labels: Tensor<int>) =
    let pass =
        DataParallel.smoothedLossAndGradients
            options.LabelSmoothing
            1
            randomness.Seed
            state.Plan
            state.Parameters
            x
            labels

    pass.Loss / float labels.Count, Parameters.scale (1.0 / float labels.Count) pass.Gradients

/// Three steps; after each, what the pure functions make of the state before.
let private followsFrom<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    network
    optimizer
    options
    examples
    compare
    =
    let mutable state = beginWith<'T> network optimizer options

    for t in 1..3 do
        let x, labels = batch<'T> t examples
        let struct (next, report) = TrainingState.step 2 0.1 x labels state
        let loss, mean = meanGradient options state (x, labels)
        Expect.equal report.Loss loss "loss"

        let struct (parameters, optimizerState) =
            Optimizer.updateWith options optimizer 0.1 mean state.OptimizerState state.Parameters

        compare $"step {t}: parameters" parameters next.Parameters
        compare $"step {t}: first average" optimizerState.First next.OptimizerState.First
        compare $"step {t}: second average" optimizerState.Second next.OptimizerState.Second

        match options.AverageDecay, state.Average, next.Average with
        | Some decay, Some before, Some after ->
            let expected = MovingAverage.step decay (int64 t) next.Parameters before
            Expect.equal (exactly after) (exactly expected) $"step {t}: average"
        | None, None, None -> ()
        | _ -> failtest "an average where none was asked for, or none where one was"

        state <- next

let private follows<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    optimizer
    options
    examples
    compare
    =
    followsFrom<'T> network optimizer options examples compare

let private same what expected actual =
    Expect.equal (exactly actual) (exactly expected) what

let private close (tolerance: float) what expected actual =
    for (name, e), (_, a) in List.zip (Parameters.named expected) (Parameters.named actual) do
        expectClose tolerance $"{what}, {name}" (numbers e) (numbers a)

let private definitions =
    testList
        "follows the pure functions"
        [
            for name, options in each do
                for optimizerName, optimizer in Optimizer.named do
                    test $"{name}, {optimizerName}, float32: 64 examples to the last bit" {
                        follows<float32> optimizer options 64 same
                    }

                    test $"{name}, {optimizerName}, float64: 64 examples to the last bit" {
                        follows<float> optimizer options 64 same
                    }

                // 1 / 37 is not exact, and where it is rounded differs
                test $"{name}: 37 examples within rounding" {
                    follows<float32> (Nesterov(0.9, 0.0)) options 37 (close 2e-6)
                    follows<float> (Nesterov(0.9, 0.0)) options 37 (close 1e-14)
                }
            for bound in [ None; Some 1e-3 ] do
                test $"tensors at the edges of a part, norm at most {bound}: to the last bit" {
                    let options =
                        { LearningOptions.none with
                            ClipNorm = bound
                        }

                    followsFrom<float32> edges (Nesterov(0.9, 0.0)) options 64 same
                }
            test "smoothed gradients are those of the layers" {
                let state = begin'<float> (Sgd 0.0) everything

                for examples in [ 1; 5; 33; 64 ] do
                    let x, labels = batch<float> examples examples
                    let trace = Network.forward training network state.Parameters x

                    let struct (loss, cache) =
                        SoftmaxCrossEntropy.forwardSmoothed 0.1 labels (List.last trace).Output

                    let expected =
                        Network.backward trace (SoftmaxCrossEntropy.backward cache 1.0).Logits

                    let actual =
                        DataParallel.smoothedLossAndGradients 0.1 2 randomness.Seed state.Plan state.Parameters x labels

                    expectClose 1e-13 "loss" [| loss |] [| actual.Loss |]
                    close 1e-12 $"{examples} examples" expected actual.Gradients
            }
        ]

let private laws =
    testList
        "laws"
        [
            test "the bound of these tests is met, and a loose one changes nothing" {
                let state = begin'<float32> (Nesterov(0.9, 0.0)) LearningOptions.none
                let x, labels = batch<float32> 1 64
                let _, mean = meanGradient LearningOptions.none state (x, labels)
                Expect.isGreaterThan (Parameters.norm mean) 0.5 "norm"

                let step options =
                    let struct (next, _) =
                        TrainingState.step 2 0.1 x labels (TrainingState.withOptions options state)

                    next

                let free = step LearningOptions.none

                let loose =
                    step
                        { LearningOptions.none with
                            ClipNorm = Some 1e6
                        }

                same "loose" free.Parameters loose.Parameters

                let bound =
                    step
                        { LearningOptions.none with
                            ClipNorm = Some 0.25
                        }

                Expect.notEqual bound.Parameters free.Parameters "bound"
                // the first step of SGD in Nesterov's form is 1.9 times the gradient
                let moved =
                    Parameters.map2
                        (fun a b -> Tensor.init a.Shape (fun i -> a[i] - b[i]))
                        bound.Parameters
                        state.Parameters

                expectClose 1e-5 "length of the step" [| 0.1 * 1.9 * 0.25 |] [| Parameters.norm moved |]
            }
            test "the average is beside the run: it changes nothing in it" {
                let run options =
                    (begin'<float32> (Nesterov(0.9, 0.0)) options, [ 1..4 ])
                    ||> List.fold (fun state t ->
                        let x, labels = batch<float32> t 33
                        let struct (next, _) = TrainingState.step 2 0.1 x labels state
                        next)

                let without = run LearningOptions.none

                let with' =
                    run
                        { LearningOptions.none with
                            AverageDecay = Some 0.9
                        }

                same "parameters" without.Parameters with'.Parameters
                Expect.notEqual with'.Average (Some with'.Parameters) "average"
            }
            test "the average of a run that stands still is where it stands" {
                let options =
                    { LearningOptions.none with
                        AverageDecay = Some 0.999
                    }

                let start = begin'<float32> (Sgd 0.0) options

                let state =
                    (start, [ 1..4 ])
                    ||> List.fold (fun state t ->
                        let x, labels = batch<float32> t 33
                        let struct (next, _) = TrainingState.step 2 0.0 x labels state
                        next)

                same "average" start.Parameters state.Average.Value
            }
            test "with every option on, 1, 2, 3 and 8 threads give the same bits" {
                for name, optimizer in Optimizer.named do
                    let run threads =
                        (begin'<float32> optimizer everything, List.indexed [ 1; 5; 33; 128; 200; 64 ])
                        ||> List.fold (fun state (t, examples) ->
                            let x, labels = batch<float32> t examples
                            let struct (next, _) = TrainingState.step threads 0.1 x labels state
                            next)

                    let alone = run 1

                    for threads in [ 2; 3; 8 ] do
                        let state = run threads
                        same $"{name}, {threads} threads: parameters" alone.Parameters state.Parameters
                        same $"{name}, {threads} threads: average" alone.Average.Value state.Average.Value
            }
            for name, options in
                [
                    "weight decay",
                    { LearningOptions.none with
                        WeightDecay = -1.0
                    }
                    "label smoothing",
                    { LearningOptions.none with
                        LabelSmoothing = 1.0
                    }
                    "a gradient norm",
                    { LearningOptions.none with
                        ClipNorm = Some 0.0
                    }
                    "average decay",
                    { LearningOptions.none with
                        AverageDecay = Some nan
                    }
                ] do
                test $"an impossible {name} is refused" {
                    expectRefusal name (fun () -> begin'<float32> (Sgd 0.0) options)
                }
        ]

let tests = testList "learning steps" [ definitions; laws ]
