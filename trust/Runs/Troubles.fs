/// What can go wrong around a run: full disks, folders that may not be written, data that vanishes, two runs in one folder. Each ends in one
/// clear sentence and an exit code, and nothing is lost.
module Cnn.Trust.Runs.Troubles

open System
open System.IO
open System.Threading
open Cnn
open Cnn.Trust.Runs.Program

type Trouble =
    {
        Name: string
        /// The exit code that scripts may rely on.
        Code: int
        /// A part of the sentence.
        Part: string
        /// Runs into the trouble, in a folder with a small data set.
        Meet: string -> Outcome
        /// What is lost; None where nothing is.
        Loss: string -> string option
    }

let private arguments (epochs: int) : string list =
    [
        "train"
        "--data"
        "."
        "--arch"
        "conv 8 3, relu, pool 2, flatten, dense 64, relu, dense classes"
        "--epochs"
        string epochs
        "--batch-size"
        "20"
        "--augment"
        "none"
    ]

let private usualEpochs = 4

let private train (extra: string list) (folder: string) : Outcome =
    run folder (arguments usualEpochs @ extra)

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

let private bytes (folder: string) (file: string) =
    File.ReadAllBytes(Path.Combine(folder, file))

/// Whether the run ends with the right bits once the trouble is over.
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

let private onRuns: Trouble list =
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

/// Commands on a disk in memory, of so many bytes, which is there for them alone; what is on it afterwards is copied to "after".
let private onDisk (size: int) (options: string) (fill: string) (folder: string) (command: string list) : Outcome =
    let words =
        "dotnet" :: dll :: command
        |> List.map (fun word -> "'" + word + "'")
        |> String.concat " "

    let script =
        $"mkdir -p disk after && mount -t tmpfs -o size={size}{options} tmpfs disk && {fill} {words}; code=$?; cp -r disk/. after/; exit $code"

    use running =
        startOther "unshare" folder [ "--map-root-user"; "--mount"; "sh"; "-c"; script ]

    finish running

/// Whether this system lets us make such disks.
let canMakeDisks () : bool =
    let folder = Directory.CreateTempSubdirectory "cnn-trust-"

    try
        try
            use running =
                startOther
                    "unshare"
                    folder.FullName
                    [
                        "--map-root-user"
                        "--mount"
                        "mount"
                        "-t"
                        "tmpfs"
                        "tmpfs"
                        folder.FullName
                    ]

            (finish running).Code = 0
        with :? ComponentModel.Win32Exception ->
            false
    finally
        folder.Delete()

let private isWhole (path: string) : string option =
    if not (File.Exists path) then
        Some $"{Path.GetFileName path} is missing"
    else
        try
            Model.Decode(ReadOnlyMemory(File.ReadAllBytes path)) |> ignore
            None
        with :? CnnException as cause ->
            Some $"{Path.GetFileName path} is damaged: {cause.Message}"

let private onDisks: Trouble list =
    let model (folder: string) = Path.Combine(folder, "m.bin")
    let after (folder: string) (file: string) = Path.Combine(folder, "after", file)

    [
        {
            Name = "the disk of the run folder is full from the start"
            Code = 2
            Part = "of the run cannot be written"
            Meet =
                fun folder ->
                    onDisk
                        16384
                        ""
                        "head -c 100000 /dev/zero > disk/full 2>/dev/null;"
                        folder
                        (arguments usualEpochs @ [ "--run"; "disk/run"; "--out"; "m.bin" ])
            Loss = fun folder -> if File.Exists(model folder) then Some "a model" else None
        }
        {
            Name = "the disk of the run folder fills up during the run"
            Code = 74
            Part = "is not complete"
            Meet =
                fun folder ->
                    // room for a checkpoint, but not for the next one beside it
                    onDisk 150000 "" "" folder (arguments usualEpochs @ [ "--run"; "disk/run"; "--out"; "m.bin" ])
            Loss =
                fun folder ->
                    [
                        isWhole (model folder)
                        isWhole (after folder "run/last.safetensors")
                        (if
                             Directory
                                 .GetFiles(Path.Combine(folder, "after"), ".cnn-*", SearchOption.AllDirectories)
                                 .Length
                                 >
                                 0
                         then
                             Some "half a file is left"
                         else
                             None)
                    ]
                    |> List.tryPick id
        }
        {
            Name = "the disk of --out is full at the end"
            Code = 74
            Part = "m.bin cannot be written"
            Meet =
                fun folder ->
                    onDisk 8192 "" "" folder (arguments usualEpochs @ [ "--run"; "run"; "--out"; "disk/m.bin" ])
            Loss =
                fun folder ->
                    [
                        isWhole (Path.Combine(folder, "run", "model.bin"))
                        isWhole (Path.Combine(folder, "run", "last.safetensors"))
                        (if File.Exists(after folder "m.bin") then
                             Some "half a model"
                         else
                             None)
                    ]
                    |> List.tryPick id
        }
        {
            Name = "the disk of --out is full, and held a model"
            Code = 74
            Part = "it is as it was before"
            Meet =
                fun folder ->
                    run folder (arguments 1 @ [ "--no-run-folder"; "--out"; "old.bin" ]) |> ignore

                    onDisk
                        65536
                        ""
                        "cp old.bin disk/m.bin;"
                        folder
                        (arguments usualEpochs @ [ "--no-run-folder"; "--out"; "disk/m.bin" ])
            Loss =
                fun folder ->
                    if bytes folder "old.bin" = File.ReadAllBytes(after folder "m.bin") then
                        None
                    else
                        Some "the old model"
        }
        {
            Name = "the run folder is on a disk that may only be read"
            Code = 2
            Part = "of the run cannot be written"
            Meet =
                fun folder ->
                    onDisk 65536 ",ro" "" folder (arguments usualEpochs @ [ "--run"; "disk/run"; "--out"; "m.bin" ])
            Loss = fun _ -> None
        }
        {
            Name = "--out is on a disk that may only be read"
            Code = 2
            Part = "disk/m.bin"
            Meet =
                fun folder ->
                    onDisk 65536 ",ro" "" folder (arguments usualEpochs @ [ "--run"; "run"; "--out"; "disk/m.bin" ])
            Loss =
                fun folder ->
                    if Directory.Exists(Path.Combine(folder, "run")) then
                        Some "a run folder is left"
                    else
                        None
        }
    ]

/// All that can be tried here.
let all (withDisks: bool) : Trouble list =
    if withDisks then onRuns @ onDisks else onRuns

/// Meets a trouble; gives the sentence, and what went otherwise than it should.
let meet (folder: string) (trouble: Trouble) : string * string option =
    Directory.CreateDirectory folder |> ignore
    SmallData.write folder 12 200 20

    try
        let outcome = trouble.Meet folder

        let sentences =
            outcome.Error.Split('\n') |> Array.filter (fun line -> line.StartsWith "cnn: ")

        let sentence = sentences |> Array.tryFind (fun line -> line.Contains trouble.Part)

        let wrong =
            if outcome.Code <> trouble.Code then
                Some $"it ended with {outcome.Code}, not {trouble.Code}"
            elif outcome.Error.Contains "   at " then
                Some "there is a stack trace"
            else
                match sentence with
                | None -> Some $"no sentence says '{trouble.Part}'"
                | Some _ -> trouble.Loss folder

        (sentence |> Option.defaultValue outcome.Complaint), wrong
    with Failure reason ->
        "", Some reason
