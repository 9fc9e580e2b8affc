/// Many inputs for all readers, from a seed.
module Cnn.Trust.Files.Fuzzing

open System
open System.Diagnostics
open System.IO
open System.Threading
open Cnn.Tensors
open Cnn.Trust

/// All readers, with their parts of the inputs.
let private shares: (Reader * int) list =
    [
        ModelFiles.models, 7
        ModelFiles.checkpoints, 2
        IdxFiles.images, 2
        IdxFiles.labels, 1
        ImageFiles.images, 4
        DataFiles.csv, 2
        DataFiles.cifar, 1
        Architectures.architectures, 4
    ]

let readers: Reader list = List.map fst shares

let private turns: Reader[] =
    [|
        for reader, share in shares do
            yield! Array.replicate share reader
    |]

/// The reader whose turn it is.
let readerOf (index: int64) : Reader = turns[int (index % int64 turns.Length)]

/// Input number `index` of a seed. It depends on nothing else.
let input (seed: int) (index: int64) : Input =
    let random =
        Seed.ofInt seed
        |> Seed.split (int (index >>> 31))
        |> Seed.split (int (index &&& 0x7FFFFFFFL))
        |> Seed.generator

    (readerOf index).Generate random

/// What to do.
type Order =
    {
        Seed: int
        Inputs: int64
        /// An end before that.
        Limit: TimeSpan
        Threads: int
        /// The only readers to try; all inputs of others are passed over.
        Only: Reader list
        /// Told of each failure, up to some: the name of the reader, the index, the verdict, and the bytes.
        Failed: string -> int64 -> Verdict -> byte[] -> unit
        /// Told from time to time how many inputs were tried.
        Progress: int64 -> TimeSpan -> unit
    }

/// Failures of one reader that are told; more are only counted.
[<Literal>]
let private MostTold = 20L

/// After so long, an input never ends, and nothing can end it but the end of the program.
let private patience = TimeSpan.FromSeconds 60.0

/// An input that does not end: its index.
exception Endless of index: int64

/// Tries all inputs, and gives what became of them, a tally a reader. Raises Endless.
let run (order: Order) (scratch: string) : Tally list =
    let tallies = order.Only |> List.map (fun reader -> reader.Name, Tally reader)
    let places = dict tallies
    let clock = Stopwatch.StartNew()
    // the last input that a thread took
    let taken = [| -1L |]
    // for each thread, the input that it is at, and since when; 0 while it is at none
    let at: int64[] = Array.zeroCreate order.Threads
    let since: int64[] = Array.zeroCreate order.Threads
    let failures: exn[] = Array.zeroCreate order.Threads

    let tryOne (worker: int) (index: int64) =
        let reader = readerOf index

        match places.TryGetValue reader.Name with
        | false, _ -> ()
        | true, tally ->
            let given = input order.Seed index
            Volatile.Write(&at[worker], index)
            Volatile.Write(&since[worker], clock.Elapsed.Ticks)
            let trial = Trial.run reader (Path.Combine(scratch, $"{worker}.input")) given
            Volatile.Write(&since[worker], 0L)

            match tally.Add trial with
            | Some count when count <= MostTold -> order.Failed reader.Name index trial.Verdict given.Bytes
            | _ -> ()

    let work (worker: int) =
        try
            let mutable index = Interlocked.Increment &taken[0]

            while index < order.Inputs && clock.Elapsed < order.Limit do
                tryOne worker index
                index <- Interlocked.Increment &taken[0]
        with cause ->
            failures[worker] <- cause

    let threads =
        List.init order.Threads (fun worker ->
            let thread = Thread((fun () -> work worker), IsBackground = true)
            thread.Start()
            thread)

    let mutable told = TimeSpan.Zero

    while threads |> List.exists (fun thread -> not (thread.Join 100)) do
        for worker in 0 .. order.Threads - 1 do
            let start = Volatile.Read &since[worker]

            if start > 0L && clock.Elapsed.Ticks - start > patience.Ticks then
                raise (Endless(Volatile.Read &at[worker]))

        if clock.Elapsed - told > TimeSpan.FromSeconds 10.0 then
            told <- clock.Elapsed
            order.Progress (min order.Inputs (Volatile.Read &taken[0] + 1L)) clock.Elapsed

    match failures |> Array.tryFind (isNull >> not) with
    | Some cause -> raise (InvalidOperationException("the fuzzer itself failed", cause))
    | None -> List.map snd tallies
