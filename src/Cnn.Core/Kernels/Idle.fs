namespace Cnn.Kernels

open System.Collections.Concurrent
open System.Threading

/// Things that wait to be used again, by any thread. One of them is at hand without a search, which is all that a single thread needs.
[<Sealed>]
type internal Idle<'A when 'A: not struct and 'A: null>() =
    let mutable first: 'A = null
    // not a bag: that would keep what it holds alive through the threads that it came from
    let others = ConcurrentStack<'A>()

    /// One of them, which is then the caller's alone; null where there is none.
    member _.TryTake() : 'A =
        match Interlocked.Exchange(&first, null) with
        | null ->
            match others.TryPop() with
            | true, item -> item
            | _ -> null
        | item -> item

    member _.Add(item: 'A) =
        match Interlocked.Exchange(&first, item) with
        | null -> ()
        | other -> others.Push other

    /// Takes all of them.
    member idle.Drain(action: 'A -> unit) =
        match idle.TryTake() with
        | null -> ()
        | item ->
            action item
            idle.Drain action
