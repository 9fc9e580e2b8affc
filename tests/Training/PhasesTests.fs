/// Work in phases: every item once, in the order of the phases, on any number of threads.
module Cnn.Tests.Training.PhasesTests

open System
open System.Threading
open Expecto
open Cnn.Training

let private counts = [ 3; 0; 1; 40; 7 ]

let tests =
    testList
        "phases"
        [
            test "on two threads two items are under way at once" {
                use both = new CountdownEvent(2)

                let meet (_: int) =
                    both.Signal() |> ignore

                    if not (both.Wait(TimeSpan.FromSeconds 20.0)) then
                        failwith "the other item did not begin before this one was over"

                Phases.run 2 [| Phases.phase 2 meet |]
            }
            for threads in [ 1; 2; 3; 8 ] do
                test $"{threads} threads: each item once, each phase behind the one before" {
                    for _ in 1..50 do
                        let done' = counts |> List.map Array.zeroCreate<int> |> Array.ofList

                        let work (p: int) (i: int) =
                            // whatever came before must be complete
                            for before in 0 .. p - 1 do
                                if done'[before] |> Array.contains 0 then
                                    failwith $"phase {p} began before phase {before} was over"

                            Interlocked.Increment(&done'[p][i]) |> ignore

                        counts
                        |> List.mapi (fun p count -> Phases.phase count (work p))
                        |> Array.ofList
                        |> Phases.run threads

                        for p, count in List.indexed counts do
                            Expect.equal done'[p] (Array.create count 1) $"phase {p}"
                }

                test $"{threads} threads: an exception ends the work and is raised as it was" {
                    let reached = ref 0

                    let raised =
                        try
                            Phases.run
                                threads
                                [|
                                    Phases.phase 20 (fun i ->
                                        if i = 7 then
                                            invalidArg "x" "seven")
                                    Phases.phase 5 (fun _ -> Interlocked.Increment(&reached.contents) |> ignore)
                                |]

                            None
                        with :? ArgumentException as cause ->
                            Some cause.Message

                    Expect.stringContains (defaultArg raised "nothing") "seven" "the exception"
                    Expect.equal reached.Value 0 "items of the phase behind it"
                }
        ]
