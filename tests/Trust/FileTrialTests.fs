/// Readers that do what none should: each has to be found out, or the figures of the others mean nothing.
module Cnn.Tests.Trust.FileTrialTests

open System
open System.Threading
open Expecto
open Cnn
open Cnn.Host
open Cnn.Trust.Files

let private reader (read: unit -> string option) : Reader =
    {
        Name = "a reader"
        Generate = fun _ -> { Bytes = [| 1uy |]; IsSigned = true }
        Prepare = fun _ _ -> ()
        Read =
            fun _ _ ->
                let fault = read ()
                { Held = 0L; Fault = fun () -> fault }
        Constant = 65_536L
        Factor = 32L
        Unpacked = fun bytes -> int64 bytes.Length
        Layers = fun _ -> 0
    }

let private verdict (read: unit -> string option) : Verdict =
    (Trial.run
        (reader read)
        ""
        {
            Bytes = Array.zeroCreate 100
            IsSigned = true
        })
        .Verdict

let private expectCrash (part: string) (read: unit -> string option) =
    match verdict read with
    | Crashed reason -> Expect.stringContains reason part "reason"
    | other -> failtest $"{other}"

let private refusing (sentence: string) () : string option = raise (CnnException sentence)

let tests =
    testList
        "Trust.Files.Trial"
        [
            test "a sentence is a refusal" {
                Expect.equal (verdict (refusing "it is damaged")) (Refused "it is damaged") "of the core"

                Expect.equal
                    (verdict (fun () -> raise (CommandException.BadData "a is damaged.")))
                    (Refused "a is damaged.")
                    "of the host"
            }
            test "anything else that is raised is a crash" {
                expectCrash "IndexOutOfRange" (fun () -> raise (IndexOutOfRangeException()))
                expectCrash "OutOfMemory" (fun () -> raise (OutOfMemoryException()))
                expectCrash "several lines" (refusing "it is\ndamaged")
                expectCrash "empty" (refusing " ")
                expectCrash "2000 characters" (refusing (String('a', 2000)))
            }
            test "what is accepted and should not have been is corrupt" {
                Expect.equal (verdict (fun () -> None)) Accepted "nothing wrong"
                Expect.equal (verdict (fun () -> Some "no image")) (Corrupt "no image") "something wrong"
            }
            test "memory beyond the bound is seen, whether the input is accepted or not" {
                let waste () =
                    Array.zeroCreate<byte> 100_000 |> ignore

                let accepting () =
                    waste ()
                    None

                let refusing () =
                    waste ()
                    refusing "no" ()

                Expect.isTrue (verdict accepting).IsGorged "accepted"
                Expect.isTrue (verdict refusing).IsGorged "refused"
                // the first call may prepare something
                let calls = ref 0

                let preparing () =
                    calls.Value <- calls.Value + 1

                    if calls.Value = 1 then
                        waste ()

                    None

                Expect.equal (verdict preparing) Accepted "once"
            }
            test "what takes longer than two seconds hangs" {
                let sleeping () =
                    Thread.Sleep 2100
                    None

                Expect.equal (verdict sleeping) Hung "verdict"
            }
            test "a tally counts each of them" {
                let tally = Tally(reader (fun () -> None))

                let add (verdict: Verdict) =
                    tally.Add
                        {
                            Verdict = verdict
                            Milliseconds = 1.0
                            Allocated = 1L
                            Bound = 2L
                            PerByte = 0.0
                        }

                Expect.equal (add Accepted) None "accepted"
                Expect.equal (add (Refused "no")) None "refused"
                Expect.equal (add (Crashed "")) (Some 1L) "crash"
                Expect.equal (add Hung) (Some 2L) "hang"
                Expect.equal (add (Corrupt "")) (Some 3L) "corrupt"
                Expect.equal (add (Gorged "")) (Some 4L) "too much"
                Expect.equal (tally.Inputs, tally.Failures) (6L, 4L) "inputs and failures"
                Expect.equal (List.take 8 tally.Row) [ "a reader"; "6"; "1"; "1"; "1"; "1"; "1"; "1" ] "row"
            }
        ]
