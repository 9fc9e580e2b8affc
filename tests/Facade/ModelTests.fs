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

                    expectClose 1e-5 $"{images} images" (numbers expected) (numbers (model.Logits(bytes, 2)))
            }
            test "are the same bits on any number of threads, and for one image alone" {
                let model = create ()

                for images in sizes do
                    let bytes = pixels images images
                    let alone = model.Logits(bytes, 1)
                    Expect.equal alone.Shape [ images; 4 ] "shape"

                    for threads in [ 2; 3; 8 ] do
                        Expect.equal (bits (model.Logits(bytes, threads))) (bits alone) $"{images}, {threads} threads"

                    let last = model.Logits(bytes.Slice((images - 1) * 216), 1)
                    Expect.equal (last.ToArray()) (alone.ToArray()[4 * (images - 1) ..]) $"the last of {images}"
            }
            test "of one model, asked for by many at once, are those of one alone" {
                let model = create ()
                let expected = (create ()).Logits(pixels 1 40, 1)

                Array.Parallel.init 16 (fun _ -> bits (model.Logits(pixels 1 40, 2)))
                |> Array.iter (fun actual -> Expect.equal actual (bits expected) "logits")
            }
        ]

/// A step for each size in turn, all on one run; parameters after each.
let private steps (threads: int) (optimizer: string) : (float * byte[]) list =
    (Trainer.Start(create (), optimizer, 1), List.indexed sizes)
    ||> List.scan (fun trainer (i, images) -> trainer.Step(pixels i images, labels images, 0.01, threads).Trainer)
    |> List.tail
    |> List.map (fun trainer -> float trainer.Steps, parameters trainer.Model)

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
            test "labels and images have to be as many" {
                let trainer = Trainer.Start(create (), "sgd", 1)

                expectRefusal "5 examples have 4 labels" (fun () -> trainer.Step(pixels 1 5, labels 4, 0.01, 1))
            }
        ]

let tests = testList "Facade.Model" [ inference; training ]
