/// Data that vanish, checkpoints that are damaged, two runs in one folder.
module Cnn.Trust.Runs.RunTroubles

open System
open System.IO
open System.Threading
open Cnn.Trust.Runs.Program
open Cnn.Trust.Runs.Trouble

let private begun (folder: string) : unit =
    train [ "--run"; "run"; "--out"; "m.bin"; "--stop-after"; "1.5" ] folder
    |> fun outcome ->
        if outcome.Code <> 0 then
            failwith $"the run did not begin: {outcome.Complaint}"

let private resume (extra: string list) (folder: string) : Outcome =
    run folder ([ "train"; "--resume"; "run" ] @ extra)

/// Every file of a folder with its bytes.
let private snapshot (folder: string) : (string * string) list =
    [
        for file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories) |> Array.sort ->
            Path.GetRelativePath(folder, file), Convert.ToBase64String(File.ReadAllBytes file)
    ]

/// What goes wrong when the run goes on, once the trouble is over; None where it ends with the right bits.
let private recovers (folder: string) : string option =
    let outcome = resume [] folder
    train [ "--no-run-folder"; "--out"; "whole.bin" ] folder |> ignore

    if outcome.Code <> 0 then
        Some $"the run does not go on: {outcome.Complaint}"
    elif bytes folder "m.bin" <> bytes folder "whole.bin" then
        Some "the run ends with other bits"
    else
        None

/// Has something done to a run that has begun, and resumes it: the run must be as it was before, and go on once `undo` is done.
let private resuming
    (name: string)
    (code: int)
    (part: string)
    (spoil: string -> unit)
    (extra: string list)
    (undo: string -> unit)
    =
    {
        Name = name
        Code = code
        Part = part
        Meet =
            fun folder ->
                begun folder
                spoil folder
                let before = snapshot (Path.Combine(folder, "run"))
                let outcome = resume extra folder

                if snapshot (Path.Combine(folder, "run")) <> before then
                    failwith "the run is not as it was before"

                outcome
        Loss =
            fun folder ->
                undo folder
                recovers folder
    }

let private file (folder: string) (name: string) = Path.Combine(folder, "run", name)

/// Changes a file, and what undoes it.
let private changing (name: string) (change: byte[] -> byte[]) =
    let kept (folder: string) = Path.Combine(folder, "kept")

    (fun folder ->
        File.Copy(file folder name, kept folder)
        File.WriteAllBytes(file folder name, change (File.ReadAllBytes(file folder name)))),
    (fun folder -> File.Copy(kept folder, file folder name, overwrite = true))

let private flipped (contents: byte[]) : byte[] =
    let copy = Array.copy contents
    copy[copy.Length / 2] <- copy[copy.Length / 2] ^^^ 1uy
    copy

/// All of them.
let all: Trouble list =
    let damaged, repaired = changing "last.safetensors" flipped
    let cut, whole = changing "last.safetensors" (fun b -> b[.. b.Length / 2])

    let edited, restored =
        changing "config.json" (fun b ->
            (Text.Encoding.UTF8.GetString b).Replace("\"epochs\": 4", "\"epochs\": 9")
            |> Text.Encoding.UTF8.GetBytes)

    let moved (from: string) (target: string) (folder: string) =
        Directory.CreateDirectory(Path.Combine(folder, "away")) |> ignore

        for path in Directory.GetFiles(Path.Combine(folder, from), "train-*") do
            File.Move(path, Path.Combine(folder, target, Path.GetFileName path))

    [
        resuming "resume: the data have vanished" 3 "lacks train-images" (moved "." "away") [] (moved "away" ".")
        resuming
            "resume: other data"
            3
            "are not those that the run"
            (fun folder ->
                Directory.CreateDirectory(Path.Combine(folder, "other")) |> ignore
                SmallData.write (Path.Combine(folder, "other")) 12 202 20)
            [ "--data"; "other" ]
            ignore
        resuming "resume: a bit of the checkpoint has flipped" 3 "is no checkpoint to go on from" damaged [] repaired
        resuming "resume: half of the checkpoint is missing" 3 "is no checkpoint to go on from" cut [] whole
        resuming "resume: the configuration was edited" 3 "belongs to another run" edited [] restored
        resuming "resume: an option that would change the run" 2 "--lr would change it" ignore [ "--lr"; "1" ] ignore
        {
            Name = "resume: there is no run"
            Code = 3
            Part = "there is no run in run"
            Meet = resume []
            Loss = fun _ -> None
        }
        {
            Name = "resume: the run is still going on"
            Code = 2
            Part = "is still going on"
            Meet =
                fun folder ->
                    use first = start folder (arguments 400 @ [ "--run"; "run"; "--out"; "m.bin" ])

                    while RunFiles.epochs (Path.Combine(folder, "run")) = 0 && not first.HasExited do
                        Thread.Sleep 5

                    let outcome = resume [] folder
                    let rest = finish first

                    if rest.Code <> 0 then
                        failwith $"the first run ended with {rest.Code}: {rest.Complaint}"

                    outcome
            Loss =
                fun folder ->
                    run folder (arguments 400 @ [ "--no-run-folder"; "--out"; "whole.bin" ])
                    |> ignore

                    if bytes folder "m.bin" = bytes folder "whole.bin" then
                        None
                    else
                        Some "the first run ended with other bits"
        }
        {
            Name = "a new run in the folder of another"
            Code = 2
            Part = "is not empty"
            Meet =
                fun folder ->
                    begun folder
                    train [ "--run"; "run"; "--out"; "n.bin" ] folder
            Loss = recovers
        }
    ]
