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

/// The growth from the epochs 11 to 20 to the last ten, as a part: medians, for a collection may come at any time.
let growth (measure: Sample -> int64) (samples: Sample list) : float =
    let median (values: int64 list) =
        let sorted = List.sort values
        float sorted[sorted.Length / 2]

    let last = (List.last samples).Epoch
    let early = samples |> List.filter (fun s -> s.Epoch > 10 && s.Epoch <= 20)
    let late = samples |> List.filter (fun s -> s.Epoch > last - 10)
    median (List.map measure late) / median (List.map measure early) - 1.0
