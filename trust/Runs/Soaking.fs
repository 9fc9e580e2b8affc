/// A run of many short epochs does not grow.
module Cnn.Trust.Runs.Soaking

open System
open System.Diagnostics
open System.IO
open System.Threading
open System.Threading.Tasks
open Cnn.Host.Commands

/// Memory at the end of an epoch, in bytes: that of live objects, after a full collection, and that which the system has given.
type Sample =
    {
        Epoch: int
        Managed: int64
        Resident: int64
    }

let private sample (epoch: int) : Sample =
    // gives back to the system what it has only in store, which would come and go
    GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking = true, compacting = true)
    let managed = GC.GetTotalMemory(forceFullCollection = false)
    use self = Process.GetCurrentProcess()

    {
        Epoch = epoch
        Managed = managed
        Resident = self.WorkingSet64
    }

/// Trains in this process, by the command that users have, and takes a sample as often as an epoch comes to its end.
let run (folder: string) (epochs: int) : Sample list =
    let place = Path.Combine(folder, "run")

    let arguments =
        [|
            "train"
            "--epochs"
            string epochs
            "--train-size"
            "3200"
            "--validation"
            "1000"
            "--recipe"
            "default"
            "--ema"
            "0.99"
            "--run"
            place
            "--out"
            Path.Combine(folder, "m.bin")
        |]

    let training =
        Task.Factory.StartNew(
            (fun () ->
                let command = TrainCommand.Create()
                command.Parse(Array.tail arguments).Invoke()),
            TaskCreationOptions.LongRunning
        )

    let samples = ResizeArray<Sample>()

    while not training.IsCompleted do
        let epoch = RunFiles.epochs place

        if
            epoch >
                (if samples.Count = 0 then
                     0
                 else
                     samples[samples.Count - 1].Epoch)
        then
            samples.Add(sample epoch)

        Thread.Sleep 5

    if training.Result <> 0 then
        failwith $"the run ended with {training.Result}"

    List.ofSeq samples

/// The least of a measure from one epoch to another: the training goes on while it is measured, and what a step takes for a moment
/// comes and goes, but what is never given back raises the least as well.
let private floor (first: int) (last: int) (measure: Sample -> int64) (samples: Sample list) : int64 =
    samples
    |> List.filter (fun s -> s.Epoch >= first && s.Epoch <= last)
    |> List.map measure
    |> List.min

/// The least of every ten epochs, with the last of them.
let floors (measure: Sample -> int64) (samples: Sample list) : (int * int64) list =
    [
        for last in 10..10 .. (List.last samples).Epoch -> last, floor (last - 9) last measure samples
    ]

/// The growth from the epochs 11 to 20 to the last ten, as a part.
let growth (measure: Sample -> int64) (samples: Sample list) : float =
    let last = (List.last samples).Epoch

    float (floor (last - 9) last measure samples)
    / float (floor 11 20 measure samples)
    - 1.0
