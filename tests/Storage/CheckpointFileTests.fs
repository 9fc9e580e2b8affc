/// A run that goes on from a checkpoint is the run that never stopped, to the last bit; and nothing but its own checkpoint will do.
module Cnn.Tests.Storage.CheckpointFileTests

open System
open Expecto
open Cnn
open Cnn.Tests.Storage.Tampering

let private run = "the settings of this run"

let private model =
    Model
        .Create("conv 3 3 pad 1, batchnorm, relu, pool 2, dropout 0.3, flatten, dense 3", 1, 6, 6, "he", 5)
        .WithNormalization(0.2, 0.3)
        .WithTrainingCommand("cnn train --seed 5")

let private batch (step: int) : struct (ReadOnlyMemory<byte> * ReadOnlyMemory<byte>) =
    let random = Random step
    let pixels = Array.zeroCreate (20 * 36)
    random.NextBytes pixels
    struct (ReadOnlyMemory pixels, ReadOnlyMemory(Array.init 20 (fun _ -> byte (random.Next 3))))

let private settings (optimizer: string) =
    TrainerSettings(optimizer, 0.01, 0.1, 1.0, 0.9)

let private start (optimizer: string) =
    Trainer.Start(model, settings optimizer, 7)

/// So many steps on; an epoch ends after each third.
let private steps (count: int) (trainer: Trainer) : Trainer =
    (trainer, seq { 1..count })
    ||> Seq.fold (fun trainer _ ->
        let struct (pixels, labels) = batch (int trainer.Steps)
        let next = trainer.Step(pixels, labels, 0.01, 2).Trainer

        if next.Steps % 3L = 0L then
            next.EndEpoch(Nullable(0.5 + 0.1 * float (next.Steps % 2L)))
        else
            next)

let private restore (trainer: Trainer) (file: byte[]) =
    trainer.Restore(ReadOnlyMemory file, run)

let private expectRefusal (part: string) (trainer: Trainer) (file: byte[]) =
    Expect.throwsC (fun () -> restore trainer file |> ignore) (fun problem ->
        Expect.isTrue (problem :? CnnException) $"{problem}"
        Expect.stringContains problem.Message part "reason")

let private moment = lazy (start "adam" |> steps 4)
let private file = lazy moment.Value.Encode run

let private exactness =
    testList
        "exactness"
        [
            for optimizer in Trainer.Optimizers do
                for before in [ 0; 1; 3; 5 ] do
                    test $"{optimizer}: {before} steps, a file, and more steps are the run without the file" {
                        let stopped = start optimizer |> steps before
                        let restored = stopped.Encode run |> restore (start optimizer)
                        let expected, actual = steps 5 stopped, steps 5 restored
                        // the checkpoint holds everything, so that equal bytes are equal moments
                        Expect.sequenceEqual (actual.Encode run) (expected.Encode run) "moment"

                        Expect.sequenceEqual
                            (actual.AveragedModel.Encode())
                            (expected.AveragedModel.Encode())
                            "moving average"

                        Expect.sequenceEqual (actual.Model.Encode()) (expected.Model.Encode()) "model"
                    }
            test "epoch, steps, what the epoch gave so far and the best score come back" {
                let before = moment.Value
                let after = restore (start "adam") file.Value

                let tell (t: Trainer) =
                    t.Epoch, t.Steps, t.EpochExamples, t.EpochLoss, t.EpochCorrect, t.BestEpoch, t.BestAccuracy

                Expect.equal (tell after) (tell before) "moment"
                Expect.equal (before.Epoch, before.Steps, before.EpochExamples) (1, 4L, 20) "in the second epoch"
                Expect.equal before.BestEpoch (Nullable 1) "best"
            }
            test "without options there is no average, and none in the file" {
                let plain = Trainer.Start(model, "sgd", 7)
                let restored = (steps 2 plain).Encode run |> restore plain
                Expect.isFalse ((header (plain.Encode run)).Contains "average.") "tensors"
                Expect.sequenceEqual (restored.Encode run) ((steps 2 plain).Encode run) "moment"
            }
            test "a checkpoint can be read as the model that it would be saved as" {
                let decoded = Model.Decode(ReadOnlyMemory file.Value)
                Expect.sequenceEqual (decoded.Encode()) (moment.Value.AveragedModel.Encode()) "moving average"
                let plain = Trainer.Start(model, "sgd", 7) |> steps 2

                Expect.sequenceEqual
                    (Model.Decode(ReadOnlyMemory(plain.Encode run)).Encode())
                    (plain.Model.Encode())
                    "model"
            }
        ]

let private refusals =
    testList
        "refusals"
        [
            test "a checkpoint of another run is refused, and what differs is named" {
                let other (trainer: Trainer) =
                    expectRefusal "another run" trainer file.Value

                other (Trainer.Start(model, settings "sgd", 7))
                other (Trainer.Start(model, settings "adam", 8))
                other (Trainer.Start(model, TrainerSettings("adam", 0.01, 0.1, 1.0, 0.8), 7))
                other (Trainer.Start(model, TrainerSettings("adam", 0.01, 0.1, 0.0, 0.9), 7))
                other (Trainer.Start(model.WithNormalization(0.2, 0.4), settings "adam", 7))
                other (Trainer.Start(Model.Create("flatten, dense 3", 1, 6, 6, "he", 5), settings "adam", 7))

                Expect.throwsT<CnnException>
                    (fun () -> (start "adam").Restore(ReadOnlyMemory file.Value, "another") |> ignore)
                    "run"
            }
            test "every flip of a single bit, and every shorter file, is refused" {
                let trainer = start "adam"
                let bytes = file.Value

                for i in 0 .. bytes.Length - 1 do
                    let flipped = Array.copy bytes
                    flipped[i] <- flipped[i] ^^^ (1uy <<< (i % 8))
                    Expect.throwsT<CnnException> (fun () -> restore trainer flipped |> ignore) $"byte {i}"

                for length in 0..7 .. bytes.Length - 1 do
                    Expect.throwsT<CnnException> (fun () -> restore trainer bytes[.. length - 1] |> ignore) $"{length}"
            }
            test "a model is no checkpoint, and one without a digest is none any more" {
                expectRefusal "not a checkpoint" (start "adam") (moment.Value.Model.Encode())
                expectRefusal "sha256 is missing" (start "adam") (withoutDigest file.Value)
            }
            test "positions that cannot be, and tensors that do not belong, are refused" {
                let expect (before: string) (after: string) (part: string) =
                    edited before after file.Value |> expectRefusal part (start "adam")

                expect "\"step\":\"4\"" "\"step\":\"-4\"" "step is not a whole number"
                expect "\"epoch\":\"1\"" "\"epoch\":\"99999999999\"" "epoch is too large"
                expect "\"epoch\":\"1\"," "" "lack 'epoch'"
                expect "\"version\":\"1\"" "\"version\":\"2\"" "version 1"
                expect "\"best_accuracy\":" "\"best\":" "lack 'best_accuracy'"
                expect "\"first.0.weight\"" "\"third.0.weight\"" "not those of such a run"
            }
            test "numbers that are not finite are refused" {
                let broken = Array.copy file.Value
                BitConverter.GetBytes(Single.NaN).CopyTo(broken, broken.Length - 4)
                expectRefusal "not finite" (start "adam") (resigned broken)
            }
        ]

let tests = testList "Storage.CheckpointFile" [ exactness; refusals ]
