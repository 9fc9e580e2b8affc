/// What `trust/run` shows of runs, in small: the same code, with fewer cases.
module Cnn.Tests.Trust.RunTests

open System
open System.IO
open Expecto
open Cnn.Trust.Runs
open Cnn.Tests.Host.Cli

let private resuming =
    testList
        "resuming"
        [
            // every optimiser, schedule and augmentation is among them
            for i, case in List.indexed Resuming.all do
                if i % 31 = 0 then
                    test $"{case.Optimizer}, {case.Schedule}, {case.Augment}, stopped after %A{case.Stops} epochs" {
                        inFolder (fun folder ->
                            SmallData.write folder 10 120 30
                            Expect.isNone (Resuming.check folder case) "difference")
                    }
            test "the sample has every optimiser, schedule and augmentation" {
                let sample =
                    Resuming.all
                    |> List.indexed
                    |> List.filter (fun (i, _) -> i % 31 = 0)
                    |> List.map snd

                let expectAll (all: string list) (of': Resuming.Case -> string) =
                    Expect.equal (Set.ofList (List.map of' sample)) (Set.ofList all) "sample"

                expectAll (List.ofSeq Cnn.Trainer.Optimizers) _.Optimizer
                expectAll Resuming.schedules _.Schedule
                expectAll Resuming.augmentations _.Augment
            }
        ]

let private killing =
    test "six kills at random instants lose nothing, and change no bit of what comes out" {
        inFolder (fun folder ->
            let tally = Killing.run folder 6 7 ignore
            Expect.isEmpty tally.Failures "failures"
            Expect.equal tally.Kills 6 "kills"
            Expect.isGreaterThanOrEqual tally.Completed 1 "completed")
    }

let private tracing =
    test "a checkpoint is written, flushed, renamed, and its folder flushed, in this order" {
        if not (Tracing.isPossible ()) then
            skiptest "there is no strace"

        inFolder (fun folder ->
            let checkpoints = Tracing.checkpoints folder
            Expect.hasLength checkpoints 3 "checkpoints"

            for calls in checkpoints do
                Expect.isTrue (Tracing.isSafe calls) $"%A{calls}")
    }

let private orders =
    test "no other order is taken for a safe one" {
        let write = Tracing.Write 10L
        let rename = Tracing.Rename RunFiles.Last
        let isSafe = Tracing.isSafe
        Expect.isTrue (isSafe [ write; write; Tracing.FlushFile; rename; Tracing.FlushFolder ]) "the right one"
        Expect.isFalse (isSafe [ write; rename; Tracing.FlushFile; Tracing.FlushFolder ]) "renamed too early"
        Expect.isFalse (isSafe [ write; Tracing.FlushFile; rename ]) "folder not flushed"
        Expect.isFalse (isSafe [ Tracing.FlushFile; rename; Tracing.FlushFolder ]) "nothing written"
        Expect.isFalse (isSafe [ write; Tracing.FlushFile; write; rename; Tracing.FlushFolder ]) "written afterwards"
    }

let private soaking =
    test "memory that is never given back is seen, however much comes and goes besides" {
        let random = Random 3

        let samples (lost: int64) : Soaking.Sample list =
            [
                for epoch in 1..100 ->
                    let passing = int64 (random.Next 40_000_000)

                    {
                        Epoch = epoch
                        Managed = 100_000_000L + lost * int64 epoch
                        Resident = 200_000_000L + lost * int64 epoch + passing
                    }
            ]

        Expect.isLessThan (Soaking.growth _.Resident (samples 0L)) 0.05 "nothing is lost"
        Expect.isGreaterThan (Soaking.growth _.Resident (samples 400_000L)) 0.05 "0.2 % an epoch"
        Expect.isGreaterThan (Soaking.growth _.Managed (samples 100_000L)) 0.05 "0.1 % an epoch"
    }

let private troubles =
    testList
        "troubles"
        [
            for trouble in RunTroubles.all @ (if DiskTroubles.arePossible () then DiskTroubles.all else []) do
                test trouble.Name {
                    inFolder (fun folder ->
                        let sentence, wrong = Trouble.meet (Path.Combine(folder, "case")) trouble
                        Expect.isNone wrong $"'{sentence}'")
                }
        ]

let tests =
    testList "Trust.Runs" [ resuming; killing; tracing; orders; soaking; troubles ]
