/// A run that was stopped and goes on ends with the bits of the run that never stopped: for every optimiser, schedule and augmentation.
module Cnn.Trust.Runs.Resuming

open System
open System.IO
open Cnn

/// One way of training, and when it is stopped, in epochs.
type Case =
    {
        Optimizer: string
        Schedule: string
        Augment: string
        Stops: float list
    }

let schedules: string list =
    [
        "constant"
        "linear 0.1"
        "cosine 0.2"
        "one-cycle"
        "step 0.1 0.5 0.75"
        "guide"
    ]

let augmentations: string list =
    [
        "none"
        "shift 1"
        "rotate 10"
        "scale 0.1"
        "shear 5"
        "flip 0.5"
        "elastic 8 2"
        "erase 0.5"
        "shift 1, rotate 10, scale 0.1, elastic 8 2, erase 0.5"
    ]

/// At the ends of epochs, within them, and twice.
let private stops: float list list =
    [ [ 1.0 ]; [ 0.4 ]; [ 2.0 ]; [ 1.5 ]; [ 2.9 ]; [ 0.2; 1.7 ]; [ 1.0; 2.0 ] ]

/// Every optimiser with every schedule and every augmentation; each in its turn stopped at other places.
let all: Case list =
    [
        for optimizer in Trainer.Optimizers do
            for schedule in schedules do
                for augment in augmentations -> optimizer, schedule, augment
    ]
    |> List.mapi (fun i (optimizer, schedule, augment) ->
        {
            Optimizer = optimizer
            Schedule = schedule
            Augment = augment
            Stops = stops[i % stops.Length]
        })

/// With all that a run keeps: running statistics, draws of dropout, a moving average, the best epoch so far.
let private arguments (case: Case) : string list =
    [
        "train"
        "--data"
        "."
        "--arch"
        "conv 3 3, batchnorm, relu, pool 2, dropout 0.2, flatten, dense classes"
        "--epochs"
        "3"
        "--batch-size"
        "16"
        "--validation"
        "24"
        "--patience"
        "3"
        "--lr"
        "0.01"
        "--weight-decay"
        "0.01"
        "--label-smoothing"
        "0.1"
        "--clip-norm"
        "1"
        "--ema"
        "0.9"
        "--optimizer"
        case.Optimizer
        "--schedule"
        case.Schedule
        "--augment"
        case.Augment
    ]

/// What went otherwise; None where nothing did.
let check (folder: string) (case: Case) : string option =
    let name = Guid.NewGuid().ToString "N"

    let whole, parts =
        Path.Combine(folder, name + "-whole"), Path.Combine(folder, name + "-parts")

    let model (run: string) =
        File.ReadAllBytes(Path.Combine(run, "model.bin"))

    let start (run: string) = [ "--run"; run; "--out"; run + ".bin" ]

    try
        Program.runOk folder (arguments case @ start whole @ [ "--threads"; "2" ])
        |> ignore

        // threads do not matter, and so they are others each time
        for i, stop in List.indexed case.Stops do
            let where = [ "--stop-after"; string stop; "--threads"; string (1 + 2 * i) ]

            if i = 0 then
                Program.runOk folder (arguments case @ start parts @ where) |> ignore
            else
                Program.runOk folder ([ "train"; "--resume"; parts ] @ where) |> ignore

            if RunFiles.last parts = RunFiles.last whole then
                failwith $"the run was to stop after {stop} epochs, and did not"

        Program.runOk folder [ "train"; "--resume"; parts; "--threads"; "2" ] |> ignore

        // but for the metadata: they name the run, and when it began
        let differs (file: string) =
            let numbers (run: string) =
                RunFiles.values (File.ReadAllBytes(Path.Combine(run, file)))

            numbers whole <> numbers parts

        if model whole <> model parts then
            Some "the models differ"
        elif File.ReadAllBytes(whole + ".bin") <> File.ReadAllBytes(parts + ".bin") then
            Some "the models outside of the folders differ"
        elif differs "last.safetensors" || RunFiles.last whole <> RunFiles.last parts then
            Some "the last checkpoints differ"
        elif differs "best.safetensors" then
            Some "the best checkpoints differ"
        elif RunFiles.losses whole <> RunFiles.losses parts then
            Some "the metrics differ"
        else
            None
    with Failure reason ->
        Some reason
