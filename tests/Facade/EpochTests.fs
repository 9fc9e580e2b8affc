/// Training and asking as a program in another language does: whole epochs, and answers with names.
module Cnn.Tests.Facade.EpochTests

open System
open System.Collections.Generic
open System.Threading
open Expecto
open Cnn
open Cnn.Tests.Support

let private model =
    Model.Create("conv 4 3, relu, flatten, dense 3", 1, 6, 5).WithClassNames [ "ant"; "bee"; "cat" ]

let private count = 23

let private pixels: ReadOnlyMemory<byte> =
    let bytes = Array.zeroCreate<byte>(count * 30)
    Random(8).NextBytes bytes
    ReadOnlyMemory bytes

let private labels: ReadOnlyMemory<byte> =
    ReadOnlyMemory(Array.init count (fun i -> byte (i * 5 % 3)))

let private start = Trainer.Start(model, "adam", 4)

let private image (i: int) = pixels.Slice(30 * i, 30)

let private parameters (trainer: Trainer) =
    parameterBits trainer.Model.Trained.Parameters

let private refused (part: string) (action: unit -> 'R) =
    Expect.throwsC (action >> ignore) (fun problem ->
        Expect.isTrue (problem :? CnnException) $"{problem}"
        Expect.stringContains problem.Message part "what the refusal says")

/// Mini-batches that are put together by hand.
let private byHand (batchSize: int) (rate: int64 -> float) (trainer: Trainer) : Trainer =
    (trainer, trainer.Order(count).ToArray() |> Array.chunkBySize batchSize)
    ||> Array.fold (fun moment batch ->
        let images = batch |> Array.collect (fun i -> (image i).ToArray())
        let classes = batch |> Array.map (fun i -> labels.Span[i])
        moment.Step(ReadOnlyMemory images, ReadOnlyMemory classes, rate moment.Steps, 1).Trainer)

/// Told at once, where Progress<T> tells later and elsewhere.
let private recorder (steps: List<TrainerStep>) =
    { new IProgress<TrainerStep> with
        member _.Report step = steps.Add step
    }

let private epochs =
    testList
        "epochs"
        [
            test "have the steps of the mini-batches in the run's order, the last one smaller" {
                let rate (step: int64) = 0.01 / float (step + 1L)
                let steps = start.EpochSteps(pixels, labels, 6, Func<_, _> rate) |> List.ofSeq
                Expect.equal [ for step in steps -> step.Examples ] [ 6; 6; 6; 5 ] "sizes"
                let last = (List.last steps).Trainer
                Expect.equal (parameters last) (parameters (byHand 6 rate start)) "the numbers"
                Expect.equal last.EpochExamples count "the epoch is over"
                Expect.isEmpty (last.EpochSteps(pixels, labels, 6, 0.01)) "nothing is left of it"
                let second = last.EndEpoch()
                let order = second.Order(count).ToArray()
                Expect.notEqual order (start.Order(count).ToArray()) "another order"

                Expect.equal
                    (parameters (Seq.last (second.EpochSteps(pixels, labels, 6, 0.01))).Trainer)
                    (parameters (byHand 6 (fun _ -> 0.01) second))
                    "the second epoch"
            }
            test "go on from any of their steps, and from its checkpoint, to the same bits" {
                let whole = start.EpochSteps(pixels, labels, 4, 0.01) |> Seq.last
                let half = start.EpochSteps(pixels, labels, 4, 0.01) |> Seq.item 2
                let stored = start.Restore(ReadOnlyMemory(half.Trainer.Encode "run"), "run")

                for moment in [ half.Trainer; stored ] do
                    let rest = moment.EpochSteps(pixels, labels, 4, 0.01) |> Seq.last
                    Expect.equal (parameters rest.Trainer) (parameters whole.Trainer) "the rest"
            }
            test "Train is those steps, epoch by epoch, and tells each" {
                let seen = List<TrainerStep>()
                let trained = start.Train(pixels, labels, 2, 6, 0.01, 2, recorder seen)

                let expected =
                    (byHand 6 (fun _ -> 0.01) start).EndEpoch()
                    |> byHand 6 (fun _ -> 0.01)
                    |> parameters

                Expect.equal (parameters trained) expected "the numbers"
                Expect.equal (trained.Epoch, trained.Steps, trained.EpochExamples) (2, 8L, 0) "where it stands"
                Expect.equal [ for step in seen -> step.Trainer.Epoch ] [ 0; 0; 0; 0; 1; 1; 1; 1 ] "epochs told"
                Expect.isLessThan seen[7].Trainer.EpochLoss seen[3].Trainer.EpochLoss "it learns"
                Expect.equal (parameters (start.Train(pixels, labels, 0, 6, 0.01))) (parameters start) "none"
            }
            test "Train stops when the token says so" {
                use source = new CancellationTokenSource()
                let seen = List<TrainerStep>()

                let progress =
                    { new IProgress<TrainerStep> with
                        member _.Report step =
                            seen.Add step

                            if step.Trainer.Steps = 3L then
                                source.Cancel()
                    }

                Expect.throwsT<OperationCanceledException>
                    (fun () -> start.Train(pixels, labels, 9, 6, 0.01, 1, progress, source.Token) |> ignore)
                    "it stops"

                Expect.equal seen.Count 3 "after the step under way"

                Expect.throwsT<OperationCanceledException>
                    (fun () -> start.Train(pixels, labels, 1, 6, 0.01, stop = CancellationToken true) |> ignore)
                    "before the first"
            }
            test "what cannot be trained on is refused in a sentence, before the first step" {
                refused "690 bytes and 22 labels" (fun () -> start.EpochSteps(pixels, labels.Slice 1, 6, 0.01))
                refused "a mini-batch of 0 images" (fun () -> start.EpochSteps(pixels, labels, 0, 0.01))
                refused "diverged in epoch 1, at step" (fun () -> start.Train(pixels, labels, 3, 6, 1e30))

                let flat =
                    Trainer.Start(Model.Create("flatten, dense 4, batchnorm, dense 3", 1, 6, 5), "sgd", 1)

                refused "would have 1 images" (fun () -> flat.EpochSteps(pixels, labels, 11, 0.01))
                Expect.hasLength (flat.EpochSteps(pixels, labels, 7, 0.01)) 4 "7, 7, 7 and 2"
            }
        ]

let private answers =
    testList
        "predictions"
        [
            test "name the most probable class, and have all others behind it" {
                let probabilities = model.Probabilities pixels
                let all = model.PredictAll(pixels, 2)
                Expect.equal (all.Count, probabilities.Rows, probabilities.Columns) (count, count, 3) "how many"

                for i in 0 .. count - 1 do
                    let row = probabilities.Row(i).ToArray()
                    let one = model.Predict(image i)
                    Expect.equal one.Label (Array.findIndex ((=) (Array.max row)) row) "class"
                    Expect.equal one.Name model.ClassNames[one.Label] "name"
                    Expect.equal one.Probability row[one.Label] "probability"
                    Expect.equal probabilities[i, one.Label] one.Probability "the table's"
                    Expect.sequenceEqual one.Probabilities row "in the order of the classes"
                    let ranked = one.Candidates |> List.ofSeq

                    Expect.equal
                        [ for c in ranked -> c.Probability ]
                        (row |> Array.sortDescending |> List.ofArray)
                        "order"

                    for candidate in ranked do
                        Expect.equal candidate.Name model.ClassNames[candidate.Label] "its name"
                        Expect.equal candidate.Probability row[candidate.Label] "its probability"

                    Expect.equal all[i].Label one.Label "among all"
            }
            test "take the first of equal classes" {
                let even = Model.Create("flatten, dense 3", 1, 6, 5, "normal:1e-30", 1)
                let answer = even.Predict(ReadOnlyMemory(Array.zeroCreate 30))
                Expect.equal answer.Label 0 "class"
                Expect.equal [ for one in answer.Candidates -> one.Label ] [ 0; 1; 2 ] "order"
                Expect.equal (string answer) "0 (33.33 %)" "text"
                let mutable name, probability = "", 0.0
                answer.Candidates[2].Deconstruct(&name, &probability)
                Expect.equal (name, probability) ("2", answer.Probability) "apart"
            }
            test "are refused where there is no answer" {
                refused "60 bytes are not one 1x6x5 image of 30 bytes" (fun () -> model.Predict(pixels.Slice(0, 60)))
                refused "31 bytes" (fun () -> model.PredictAll(pixels.Slice(0, 31)))

                let broken =
                    (start.EpochSteps(pixels, labels, 6, 1e30) |> Seq.find (_.IsFinite >> not)).Trainer.Model

                refused "the scores of image 0 are not finite" (fun () -> broken.Predict(image 0))
            }
            test "indices out of range are refused, of tables and of reports" {
                let table = model.Logits pixels
                let report = model.Evaluate(pixels, labels)
                Expect.equal (table.Count, table.ToArray().Length) (3 * count, 3 * count) "numbers"

                for outside in
                    [
                        fun () -> float table[count, 0]
                        fun () -> float table[0, 3]
                        fun () -> float table[-1, 0]
                        fun () -> float (table.Row(count).Length)
                        fun () -> float (report.Confusion(0, 3))
                        fun () -> float (report.Confusion(-1, 0))
                        fun () -> report.Recall(3).GetValueOrDefault()
                        fun () -> report.Precision(-1).GetValueOrDefault()
                    ] do
                    Expect.throwsT<ArgumentOutOfRangeException> (outside >> ignore) "outside"

                refused "690 bytes and 22 labels" (fun () -> model.Evaluate(pixels, labels.Slice 1))
            }
        ]

let tests = testList "Facade.Epochs" [ epochs; answers ]
