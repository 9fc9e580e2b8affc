/// Things that are used again: never by two at once.
module Cnn.Tests.Kernels.IdleTests

open System.Threading
open Expecto
open Cnn.Kernels

[<AllowNullLiteral>]
type private Thing() =
    member val Users = ref 0

let tests =
    testList
        "idle things"
        [
            test "there is none before one is added, and each comes back once" {
                let idle = Idle<Thing>()
                Expect.isNull (idle.TryTake()) "at first"
                let things = List.init 5 (fun _ -> Thing())
                things |> List.iter idle.Add
                let taken = List.init 5 (fun _ -> idle.TryTake())
                Expect.containsAll things taken "nothing else"
                Expect.equal (List.distinct taken).Length 5 "each of them"
                Expect.isNull (idle.TryTake()) "at last"
            }
            test "no thing has two users" {
                let idle = Idle<Thing>()

                Array.Parallel.init 8 (fun _ ->
                    for _ in 1..2000 do
                        let thing =
                            match idle.TryTake() with
                            | null -> Thing()
                            | thing -> thing

                        Expect.equal (Interlocked.Increment(&thing.Users.contents)) 1 "users"
                        Interlocked.Decrement(&thing.Users.contents) |> ignore
                        idle.Add thing)
                |> ignore
            }
        ]
