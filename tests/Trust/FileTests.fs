/// Files from strangers, in small; trust/run does the same in large.
module Cnn.Tests.Trust.FileTests

open System
open Expecto
open Cnn.Trust
open Cnn.Trust.Files

let private describe (failures: (string * Verdict) list) =
    failures
    |> List.truncate 5
    |> List.map (fun (damage, verdict) -> $"{damage}: {verdict}")
    |> String.concat "; "

let private damage (isProtected: bool) (reader: Reader, name: string, file: byte[]) : Damage.Damage =
    Output.withScratch (fun scratch ->
        Damage.inflict reader (IO.Path.Combine(scratch, "input")) (name, file, isProtected))

let private damages =
    [
        for reader, name, file in Damage.protectedFiles do
            test $"{name}: no byte that is missing and no bit that is wrong passes unseen" {
                let result = damage true (reader, name, file)
                Expect.isEmpty result.Failures (describe result.Failures)
                Expect.equal (result.Refused + result.Accepted) (9 * file.Length) "copies judged"

                // bits of a gzip header that mean nothing: flags, date, and where it was made
                let meaningless = if name.Contains "gzip" then 49 + 5 else 0
                Expect.isLessThanOrEqual result.Accepted meaningless "copies that pass"
            }
        for reader, name, file in Damage.otherFiles do
            test $"{name}: damage does no harm" {
                let result = damage false (reader, name, file)
                Expect.isEmpty result.Failures (describe result.Failures)
                Expect.isGreaterThan result.Refused 0 "copies that are refused"
            }
    ]

let private handMade =
    HostileHeaders.all
    |> List.map (fun case ->
        test $"by hand: {case.Name}" {
            let input = { Bytes = case.File; IsSigned = true }

            match (Trial.run ModelFiles.models "" input).Verdict, case.IsRight with
            | Accepted, (Some true | None) -> ()
            | Refused sentence, (Some false | None) -> Expect.isNotEmpty sentence "why"
            | verdict, _ -> failtest $"{verdict}"
        })

let private texts =
    Architectures.handMade
    |> List.map (fun (name, text) ->
        test $"a network of {name} is judged at once, and at a price" {
            let bytes = Text.Encoding.UTF8.GetBytes text

            let trial =
                Trial.run Architectures.architectures "" { Bytes = bytes; IsSigned = true }

            Expect.isTrue (trial.Verdict.IsAccepted || trial.Verdict.IsRefused) $"{trial.Verdict}"
        })

let private order: Fuzzing.Order =
    {
        Seed = 7
        Inputs = 6000L
        Limit = TimeSpan.MaxValue
        Threads = 2
        Only = Fuzzing.readers
        Failed = fun _ _ _ _ -> ()
        Progress = fun _ _ -> ()
    }

let private fuzzing =
    [
        test "six thousand mutated files and texts do no harm, and some of every kind are accepted" {
            let failures = ResizeArray<string>()

            let told (name: string) (index: int64) (verdict: Verdict) (_: byte[]) =
                lock failures (fun () -> failures.Add $"{name}, input {index}: {verdict}")

            let tallies = Output.withScratch (Fuzzing.run { order with Failed = told })
            Expect.isEmpty failures "failures"
            Expect.equal (tallies |> List.sumBy _.Inputs) order.Inputs "inputs"

            for tally in tallies do
                Expect.isGreaterThan tally.Accepted 0L $"{tally.Row.Head}, accepted"
                Expect.isGreaterThan tally.Refused 0L $"{tally.Row.Head}, refused"
        }
        test "an input is a function of seed and index" {
            let inputs (seed: int) =
                List.init 40 (fun i -> (Fuzzing.input seed (int64 i)).Bytes)

            Expect.equal (inputs 1) (inputs 1) "again"
            Expect.notEqual (inputs 1) (inputs 2) "another seed"
            Expect.isGreaterThan (inputs 1 |> List.distinct |> List.length) 30 "inputs that differ"
        }
        test "a changed file that is signed anew is accepted, and not before" {
            let verdict (bytes: byte[]) =
                (Trial.run ModelFiles.models "" { Bytes = bytes; IsSigned = true }).Verdict

            let changed = Array.copy ModelFiles.small
            changed[changed.Length - 4] <- changed[changed.Length - 4] ^^^ 1uy
            Expect.isTrue (verdict changed).IsRefused "with the old digest"
            Expect.equal (verdict (SafetensorsFile.resign changed)) Accepted "with its own"
            Expect.equal (SafetensorsFile.resign ModelFiles.small) ModelFiles.small "what is right stays as it is"
            Expect.equal (SafetensorsFile.resign ModelFiles.foreign) ModelFiles.foreign "without a digest"
        }
    ]

let tests = testList "Trust.Files" (damages @ handMade @ texts @ fuzzing)
