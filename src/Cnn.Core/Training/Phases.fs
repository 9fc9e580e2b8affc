namespace Cnn.Training

open System
open System.Runtime.ExceptionServices
open System.Threading
open System.Threading.Tasks

/// Work in phases on several threads: the items of a phase run in any order and at once, those of the next one after all of them.
///
/// All phases share one start of the threads, which would otherwise cost as much as a phase. A thread waits only for items that
/// another one is working on, never for a thread to come: one alone finishes everything.
module internal Phases =

    /// How many items there are, and what to do for each.
    [<Struct; NoComparison; NoEquality>]
    type Phase = { Count: int; Work: int -> unit }

    let phase (count: int) (work: int -> unit) : Phase = { Count = count; Work = work }

    /// A phase without work.
    let nothing: Phase = phase 0 ignore

    let private inTurn (phases: Phase[]) =
        for p in phases do
            for i in 0 .. p.Count - 1 do
                p.Work i

    let private together (threads: int) (phases: Phase[]) =
        // items of each phase that were taken, and those that are done
        let taken: int[] = Array.zeroCreate phases.Length
        let finished: int[] = Array.zeroCreate phases.Length
        let mutable failure: ExceptionDispatchInfo = null
        let failed = ref failure

        let work () =
            let mutable current = 0

            while current < phases.Length && isNull (Volatile.Read &failed.contents) do
                let own = phases[current]
                let mutable item = Interlocked.Increment(&taken[current]) - 1

                while item < own.Count && isNull (Volatile.Read &failed.contents) do
                    try
                        own.Work item
                    with cause ->
                        Volatile.Write(&failed.contents, ExceptionDispatchInfo.Capture cause)

                    Interlocked.Increment(&finished[current]) |> ignore
                    item <- Interlocked.Increment(&taken[current]) - 1

                let mutable spin = SpinWait()

                while Volatile.Read &finished[current] < own.Count
                      && isNull (Volatile.Read &failed.contents) do
                    // never to sleep: what is waited for takes microseconds
                    spin.SpinOnce -1

                current <- current + 1

        let options = ParallelOptions(MaxDegreeOfParallelism = threads)
        Parallel.For(0, threads, options, (fun _ -> work ())) |> ignore

        match failed.Value with
        | null -> ()
        | cause -> cause.Throw()

    /// Runs the phases on at most this many threads. An exception of an item ends all of it, and is raised here.
    let run (threads: int) (phases: Phase[]) =
        if threads = 1 || phases |> Array.forall (fun p -> p.Count <= 1) then
            inTurn phases
        else
            together threads phases
