/// Models and runs as the host uses them: bytes in, the numbers of the core out, whatever the threads and whatever came before.
module Cnn.Tests.Facade.ModelTests

open System
open Expecto
open Cnn
open Cnn.Tensors
open Cnn.Networks
open Cnn.Tests.Support

let private sizes = [ 1; 5; 31; 32; 33; 70; 128; 3; 1 ]

let private create () =
    Model.Create("conv 5 3 pad 1, relu, pool 2, conv 6 3, relu, flatten, dense 12, relu, dense 4", 3, 9, 8, "he", 3)

let private pixels (seed: int) (images: int) : ReadOnlyMemory<byte> =
    let bytes = Array.zeroCreate<byte>(images * 3 * 9 * 8)
    Random(seed).NextBytes bytes
    ReadOnlyMemory bytes

let private labels (images: int) : ReadOnlyMemory<byte> =
    ReadOnlyMemory(Array.init images (fun n -> byte (n * 7 % 4)))

let private parameters (model: Model) = parameterBits model.Trained.Parameters

let private inference =
    testList
        "logits"
        [
            test "of bytes are those of the layers, for the numbers that the bytes stand for" {
                let model = create ()

                for images in sizes do
                    let bytes = pixels images images

                    let x =
                        Tensor.init [ images; 3; 9; 8 ] (fun i -> float32 (float bytes.Span[i] / 255.0))

                    let expected =
                        Network.logits
                            model.Trained.Network
                            model.Trained.Parameters
                            (Network.start model.Trained.Network)
                            x

                    expectClose 1e-5 $"{images} images" (numbers expected) (numbers (tensor (model.Logits(bytes, 2))))
            }
            test "are the same bits on any number of threads, and for one image alone" {
                let model = create ()

                for images in sizes do
                    let bytes = pixels images images
                    let alone = tensor (model.Logits(bytes, 1))
                    Expect.equal alone.Shape [ images; 4 ] "shape"

                    for threads in [ 2; 3; 8 ] do
                        Expect.equal
                            (bits (tensor (model.Logits(bytes, threads))))
                            (bits alone)
                            $"{images}, {threads} threads"

                    let last = model.Logits(bytes.Slice((images - 1) * 216), 1)
                    Expect.equal (last.ToArray()) (alone.ToArray()[4 * (images - 1) ..]) $"the last of {images}"
            }
            test "of one model, asked for by many at once, are those of one alone" {
                let model = create ()
                let expected = tensor ((create ()).Logits(pixels 1 40, 1))

                Array.Parallel.init 16 (fun _ -> bits (tensor (model.Logits(pixels 1 40, 2))))
                |> Array.iter (fun actual -> Expect.equal actual (bits expected) "logits")
            }
        ]

let private probabilities =
    testList
        "probabilities"
        [
            test "are the softmax of the logits" {
                let model = create ()
                let logits = model.Logits(pixels 3 5, 2).ToArray() |> Array.map float

                let expected =
                    logits
                    |> Array.chunkBySize 4
                    |> Array.collect (fun row ->
                        let sum = row |> Array.sumBy exp
                        row |> Array.map (fun logit -> exp logit / sum))

                let actual = model.Probabilities(pixels 3 5, 2)
                Expect.equal (actual.Rows, actual.Columns) (5, 4) "shape"
                expectClose 1e-12 "softmax" expected (actual.ToArray())
            }
            test "stay numbers where the exponentials of the logits are none" {
                // inputs of 10^6 standard deviations
                let model = create().WithNormalization(0.0, 1e-6)
                Expect.isGreaterThan (model.Logits(pixels 3 5, 2).ToArray() |> Array.max) 1e3f "large logits"

                for row in model.Probabilities(pixels 3 5, 2).ToArray() |> Array.chunkBySize 4 do
                    Expect.isTrue (Array.forall Double.IsFinite row) $"{row}"
                    Expect.floatClose Accuracy.high (Array.sum row) 1.0 "sum"
            }
        ]

/// A run after a step for each size in turn.
let private run (threads: int) (settings: TrainerSettings) : Trainer list =
    (Trainer.Start(create (), settings, 1), List.indexed sizes)
    ||> List.scan (fun trainer (i, images) -> trainer.Step(pixels i images, labels images, 0.01, threads).Trainer)
    |> List.tail

/// Parameters after each step.
let private steps (threads: int) (optimizer: string) : (float * byte[]) list =
    run threads (TrainerSettings optimizer)
    |> List.map (fun trainer -> float trainer.Steps, parameters trainer.Model)

let private everything (optimizer: string) =
    TrainerSettings(optimizer, 0.05, 0.1, 0.3, 0.5)

let private training =
    testList
        "steps"
        [
            for optimizer in Trainer.Optimizers do
                test $"{optimizer}: batches of changing sizes give the same bits on 1, 2 and 8 threads" {
                    let alone = steps 1 optimizer

                    for threads in [ 2; 8 ] do
                        Expect.equal (steps threads optimizer) alone $"{threads} threads"
                }

                test $"{optimizer}: a step has nothing of those before in it but their result" {
                    // the second run goes on with a model of its own, whose plan has no memory yet
                    let first = Trainer.Start(create (), optimizer, 1)
                    first.Step(pixels 9 70, labels 70, 0.01, 1) |> ignore
                    let again = first.Step(pixels 5 33, labels 33, 0.01, 1).Trainer

                    let fresh =
                        Trainer.Start(create (), optimizer, 1).Step(pixels 5 33, labels 33, 0.01, 1).Trainer

                    Expect.equal (parameters again.Model) (parameters fresh.Model) "parameters"
                }

                test $"{optimizer}: a run that recycles reports what a pure one does, and leaves the model alone" {
                    let model = create ()
                    let before = parameters model
                    let recycling = RecyclingRun.Start(model, optimizer, 1)

                    (Trainer.Start(model, optimizer, 1), List.indexed (sizes @ sizes))
                    ||> List.fold (fun trainer (i, images) ->
                        let step = trainer.Step(pixels i images, labels images, 0.01, 2)
                        let loss = recycling.Step(pixels i images, labels images, 0.01, 2)
                        Expect.equal loss step.Loss $"step {i}"
                        step.Trainer)
                    |> ignore

                    Expect.equal (parameters model) before "the model at the start"
                }
            for optimizer in Trainer.Optimizers do
                test $"{optimizer}: with all settings, models and averages are the same bits on 1, 2, 3 and 8 threads" {
                    let all threads =
                        run threads (everything optimizer)
                        |> List.map (fun trainer -> parameters trainer.Model, parameters trainer.AveragedModel)

                    let alone = all 1

                    for threads in [ 2; 3; 8 ] do
                        Expect.equal (all threads) alone $"{threads} threads"
                }

                test $"{optimizer}: with all settings, a run that recycles reports what a pure one does" {
                    let model = create ()
                    let before = parameters model
                    let recycling = RecyclingRun.Start(model, everything optimizer, 1)

                    (Trainer.Start(model, everything optimizer, 1), List.indexed (sizes @ sizes))
                    ||> List.fold (fun trainer (i, images) ->
                        let step = trainer.Step(pixels i images, labels images, 0.01, 2)
                        let loss = recycling.Step(pixels i images, labels images, 0.01, 2)
                        Expect.equal loss step.Loss $"step {i}"
                        step.Trainer)
                    |> ignore

                    Expect.equal (parameters model) before "the model at the start"
                }
            test "each setting has its effect, and none of them has none" {
                let last (settings: TrainerSettings) =
                    let trainer = run 2 settings |> List.last
                    parameters trainer.Model

                let off = last (TrainerSettings "nesterov")
                Expect.equal (last (TrainerSettings("nesterov", 0.0, 0.0, 0.0, 0.0))) off "all off"
                Expect.notEqual (last (TrainerSettings("nesterov", 0.05, 0.0, 0.0, 0.0))) off "weight decay"
                Expect.notEqual (last (TrainerSettings("nesterov", 0.0, 0.1, 0.0, 0.0))) off "label smoothing"
                Expect.notEqual (last (TrainerSettings("nesterov", 0.0, 0.0, 0.3, 0.0))) off "clipping"
                Expect.equal (last (TrainerSettings("nesterov", 0.0, 0.0, 0.0, 0.9))) off "the average, on the model"
            }
            test "the averaged model is the average of the models, and the model itself without one" {
                let start = Trainer.Start(create (), everything "sgd", 1)
                Expect.equal (parameters start.AveragedModel) (parameters start.Model) "before the first step"
                let trainers = run 2 (everything "sgd")

                let average =
                    (start.Model.Trained.Parameters, List.indexed trainers)
                    ||> List.fold (fun average (i, trainer) ->
                        Cnn.Training.MovingAverage.step 0.5 (int64 (i + 1)) trainer.Model.Trained.Parameters average)

                let trained = List.last trainers
                Expect.equal (parameters trained.AveragedModel) (parameterBits average) "average"
                // it holds what it has packed
                Expect.isTrue (obj.ReferenceEquals(trained.AveragedModel, trained.AveragedModel)) "one object"
                let ended = trained.EndEpoch(Nullable())
                Expect.equal (parameters ended.AveragedModel) (parameterBits average) "after the epoch"

                Expect.equal
                    (bits (tensor (trained.AveragedModel.Logits(pixels 1 40, 2))))
                    (bits (tensor (trained.Model.With(average, trained.State.State).Logits(pixels 1 40, 1))))
                    "logits"

                let plain = run 2 (TrainerSettings "sgd") |> List.last
                Expect.isTrue (obj.ReferenceEquals(plain.AveragedModel, plain.Model)) "without an average"
            }
            test "adamw decays by what the settings say, as adam does, and not at all where they say 0" {
                let last (settings: TrainerSettings) =
                    parameters (run 2 settings |> List.last).Model

                let adam = last (TrainerSettings "adam")
                Expect.equal (last (TrainerSettings "adamw")) adam "none"

                for decay in [ 0.01; 0.3 ] do
                    let adamw = last (TrainerSettings("adamw", decay))
                    Expect.equal adamw (last (TrainerSettings("adam", decay))) $"{decay}"
                    Expect.notEqual adamw adam $"{decay} is seen"
            }
            test "labels and images have to be as many" {
                let trainer = Trainer.Start(create (), "sgd", 1)

                expectRefusal "5 examples have 4 labels" (fun () -> trainer.Step(pixels 1 5, labels 4, 0.01, 1))
            }
        ]

let tests = testList "Facade.Model" [ inference; probabilities; training ]
