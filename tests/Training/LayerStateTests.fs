/// Networks with a state: batch normalisation over shards, dropout by seed, and the averages that inference takes.
module Cnn.Tests.Training.LayerStateTests

open System
open Expecto
open Cnn
open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Cnn.Fusion
open Cnn.Training
open Cnn.Tests.Support

let private text =
    "conv 6 3 pad 1, batchnorm, relu, pool 2, residual(conv 6 3 pad 1, batchnorm, silu, dropout 0.2, conv 6 3 pad 1), relu, "
    + "flatten, dropout 0.3, dense 12, batchnorm, leakyrelu 0.1, dense 4"

let private network = network [ 1; 8; 8 ] text

let private batch (examples: int) =
    normals examples [ examples; 1; 8; 8 ] |> cast<float32>, Tensor.init [ examples ] (fun n -> n * 7 % 4)

let private begin' () : TrainingState<float32> =
    TrainingState.start (Nesterov(0.9, 0.0)) He (Seed.ofInt 3) network

let private stateBits (state: LayerState<float32>) : byte[] =
    LayerState.named state |> List.map (snd >> bits) |> Array.concat

let private after threads (sizes: int list) (state: TrainingState<float32>) =
    (state, sizes)
    ||> List.fold (fun state size ->
        let x, labels = batch size
        let struct (next, _) = TrainingState.step threads 0.05 x labels state
        next)

let private sharding =
    testList
        "shards"
        [
            test "parameters and state are the same bits on 1, 2, 3 and 8 threads" {
                let run threads =
                    begin' () |> after threads [ 128; 33; 2; 64 ]

                let alone = run 1

                for threads in [ 2; 3; 8 ] do
                    let state = run threads
                    Expect.equal (parameterBits state.Parameters) (parameterBits alone.Parameters) $"{threads} threads"
                    Expect.equal (stateBits state.State) (stateBits alone.State) $"state, {threads} threads"
            }
            test "what the first normalisation sees of all shards is what it would see of the batch in one piece" {
                for examples in [ 16; 33; 100; 128 ] do
                    let x, labels = batch examples
                    let state = begin' ()

                    let observed =
                        (DataParallel.lossAndGradients 2 randomness.Seed state.Plan state.Parameters x labels).Observed

                    match observed, state.Parameters with
                    | Parts(_ :: Moments found :: _), Block(Affine conv :: _) ->
                        let config =
                            match network.Layers.Head with
                            | Conv2d config -> config
                            | other -> failtest $"{other}"

                        let struct (y, _) = Conv2d.forward config conv.Weight conv.Bias x
                        let expected = BatchNorm.moments y
                        Expect.equal found.Count expected.Count "values"
                        expectClose 1e-5 "mean" (numbers expected.Mean) (numbers found.Mean)
                        expectClose 1e-5 "variance" (numbers expected.Variance) (numbers found.Variance)
                    | other -> failtest $"{other}"
            }
            test "each shard is normalised by its own statistics: its outputs do not depend on the others" {
                // two shards of 16, the second of which is changed
                let x, labels = batch 32
                let state = begin' ()
                let other = Tensor.init x.Shape (fun i -> if i < 16 * 64 then x[i] else 5f * x[i])

                let first (x: Tensor<float32>) =
                    let step shards =
                        DataParallel.lossAndGradients
                            1
                            randomness.Seed
                            state.Plan
                            state.Parameters
                            (Tensor.slice 0 shards x)
                            (Tensor.slice 0 shards labels)

                    (step 16).Loss

                Expect.equal (first x) (first other) "loss of the first shard alone"

                // and the whole is the sum of its shards
                let whole =
                    DataParallel.lossAndGradients 1 randomness.Seed state.Plan state.Parameters x labels

                Expect.notEqual whole.Loss (first x) "the second one counts"
            }
            test "a mini-batch of one vector is refused, before any memory is taken" {
                let x, labels = batch 1

                expectRefusal "a single value a channel" (fun () ->
                    TrainingState.step 1 0.1 x labels (begin' ()) |> ignore)

                // images have many values a channel
                let images =
                    Cnn.Tests.Support.network [ 1; 8; 8 ] "conv 3 3, batchnorm, relu, flatten, dense 4"

                let state: TrainingState<float32> =
                    TrainingState.start (Sgd 0.0) He (Seed.ofInt 1) images

                Expect.equal state.Plan.LeastExamples 1 "least"
                let struct (_, report) = TrainingState.step 1 0.1 x labels state
                Expect.isTrue (Double.IsFinite report.Loss) "loss"
            }
        ]

let private running =
    testList
        "running statistics"
        [
            test "move by the momentum towards what each batch showed" {
                let state = begin' ()
                let x, labels = batch 64
                let struct (next, _) = TrainingState.step 1 0.05 x labels state

                let observed =
                    (DataParallel.lossAndGradients 1 randomness.Seed state.Plan state.Parameters x labels).Observed

                match observed, state.State, next.State with
                | Parts(_ :: Moments seen :: _), States(_ :: Running before :: _), States(_ :: Running now :: _) ->
                    let unbiased = float seen.Count / float (seen.Count - 1)

                    for c in 0..5 do
                        let mean = 0.9 * float before.Mean[c] + 0.1 * float seen.Mean[c]

                        let variance =
                            0.9 * float before.Variance[c] + 0.1 * unbiased * float seen.Variance[c]

                        expectClose 1e-6 "mean" [| mean |] [| float now.Mean[c] |]
                        expectClose 1e-6 "variance" [| variance |] [| float now.Variance[c] |]
                | other -> failtest $"{other}"
            }
            test "inference goes by them, and so one image is classified as it is among others" {
                let state = begin' () |> after 2 [ 64; 64; 64 ]
                let x, _ = batch 40
                let whole = DataParallel.logits 2 state.Plan state.Parameters state.State x
                let expected = Network.logits network state.Parameters state.State x
                expectClose 1e-4 "logits" (numbers expected) (numbers whole)

                let alone =
                    DataParallel.logits 1 state.Plan state.Parameters state.State (Tensor.slice 7 1 x)

                Expect.equal (alone.ToArray()) (whole.ToArray()[28..31]) "the eighth alone"
            }
            test "they are averaged as the parameters are" {
                let decay = 0.5

                let state =
                    begin' ()
                    |> TrainingState.withOptions
                        { LearningOptions.none with
                            AverageDecay = Some decay
                        }

                let states = [ 1..4 ] |> List.scan (fun state _ -> after 1 [ 64 ] state) state

                let expected =
                    (state.State, List.indexed states.Tail)
                    ||> List.fold (fun average (i, s) -> MovingAverage.stepState decay (int64 (i + 1)) s.State average)

                Expect.equal (stateBits (List.last states).AverageState.Value) (stateBits expected) "average"
                Expect.notEqual (stateBits expected) (stateBits (List.last states).State) "it lags behind"
            }
        ]

let private dropping =
    let loss (state: TrainingState<float32>) =
        let x, labels = batch 64
        let struct (_, report) = TrainingState.step 1 0.0001 x labels state
        report.Loss

    testList
        "dropout"
        [
            test "draws anew at each step and for each seed, and the same again" {
                let first = begin' ()
                Expect.equal (loss first) (loss first) "again"
                Expect.notEqual (loss { first with Step = 1L }) (loss first) "another step"
                Expect.notEqual (loss { first with Seed = Seed.ofInt 4 }) (loss first) "another seed"
            }
        ]

let private facade =
    let pixels images =
        let bytes = Array.zeroCreate<byte>(images * 64)
        Random(images).NextBytes bytes
        ReadOnlyMemory bytes

    let labels images =
        ReadOnlyMemory(Array.init images (fun n -> byte (n % 4)))

    testList
        "facade"
        [
            test "a model file keeps the state" {
                let model = Model.Create(text, 1, 8, 8, "he", 1)
                let trainer = Trainer.Start(model, "nesterov", 1)
                let trained = trainer.Step(pixels 64, labels 64, 0.1, 2).Trainer.Model
                let again = Model.Decode(ReadOnlyMemory(trained.Encode()))
                Expect.equal again.Architecture trained.Architecture "architecture"

                Expect.equal
                    (bits (tensor (again.Logits(pixels 9, 1))))
                    (bits (tensor (trained.Logits(pixels 9, 1))))
                    "logits"

                Expect.notEqual
                    (bits (tensor (model.Logits(pixels 9, 1))))
                    (bits (tensor (trained.Logits(pixels 9, 1))))
                    "it learned"
            }
            test "a model file with a negative variance is refused" {
                let model = Model.Create("flatten, batchnorm, dense 2", 1, 2, 2, "he", 1)
                let file = model.Encode()
                // the last tensor of the file in the order of names or not: find the four ones of the variance
                let ones = BitConverter.GetBytes 1f |> Array.replicate 4 |> Array.concat

                let places =
                    [
                        for i in 0 .. file.Length - 16 do
                            if file[i .. i + 15] = ones then
                                i
                    ]

                Expect.hasLength places 2 "weights and variances start with ones"

                for place in places do
                    let wrong = Array.copy file
                    BitConverter.GetBytes(-1f).CopyTo(wrong, place)

                    match Storage.ModelFile.decode (ReadOnlyMemory(Tests.Storage.Tampering.resigned wrong)) with
                    | Error reason -> Expect.stringContains reason "negative variance" "reason"
                    // a negative weight is none the worse
                    | Ok model ->
                        let isNegative (_, tensor: Tensor<float32>) = tensor[0] < 0f
                        Expect.isTrue (Parameters.named model.Model.Parameters |> List.exists isNegative) "the weight"
            }
            test "a step with a single image is refused with a sentence" {
                let model = Model.Create(text, 1, 8, 8, "he", 1)
                Expect.equal model.LeastBatch 2 "least"
                let trainer = Trainer.Start(model, "sgd", 1)

                Expect.throwsC (fun () -> trainer.Step(pixels 1, labels 1, 0.1, 1) |> ignore) (fun problem ->
                    Expect.equal
                        problem.Message
                        "batch normalisation cannot normalise a single value: the model needs mini-batches of at least 2 images"
                        "sentence")
            }
        ]

let tests = testList "layer state" [ sharding; running; dropping; facade ]
