/// Disks that are full, or may only be read.
module Cnn.Trust.Runs.DiskTroubles

open System
open System.IO
open Cnn
open Cnn.Trust.Runs.Program
open Cnn.Trust.Runs.Trouble

/// A program that sees disks of its own, which are gone when it ends.
let private withOwnDisks (folder: string) (words: string list) : Outcome =
    use running = startOther "unshare" folder ("--map-root-user" :: "--mount" :: words)
    finish running

/// Whether this system lets us make disks.
let arePossible () : bool =
    let folder = Directory.CreateTempSubdirectory "cnn-trust-"

    try
        try
            (withOwnDisks folder.FullName [ "mount"; "-t"; "tmpfs"; "tmpfs"; folder.FullName ]).Code = 0
        with :? ComponentModel.Win32Exception ->
            false
    finally
        folder.Delete()

/// A disk in memory.
type private Disk =
    {
        Bytes: int
        IsReadOnly: bool
        /// What a shell does with it before the program starts.
        Before: string
    }

let private empty (bytes: int) : Disk =
    {
        Bytes = bytes
        IsReadOnly = false
        Before = ""
    }

let private readOnly: Disk = { empty 65536 with IsReadOnly = true }

/// `cnn train` with the folder "disk" on such a disk; what is on it afterwards is copied to "after".
let private trainOn (disk: Disk) (extra: string list) (folder: string) : Outcome =
    let words =
        "dotnet" :: dll :: arguments usualEpochs @ extra
        |> List.map (fun word -> "'" + word + "'")
        |> String.concat " "

    let options = $"size={disk.Bytes}" + (if disk.IsReadOnly then ",ro" else "")

    withOwnDisks
        folder
        [
            "sh"
            "-c"
            $"mkdir -p disk after && mount -t tmpfs -o {options} tmpfs disk && {disk.Before} {words}; code=$?; cp -r disk/. after/; exit $code"
        ]

/// What is wrong with the file of a model; None where it is whole.
let private faultOf (path: string) : string option =
    if not (File.Exists path) then
        Some $"{Path.GetFileName path} is missing"
    else
        try
            Model.Decode(ReadOnlyMemory(File.ReadAllBytes path)) |> ignore
            None
        with :? CnnException as cause ->
            Some $"{Path.GetFileName path} is damaged: {cause.Message}"

let private inside (folder: string) (parts: string list) : string =
    Path.Combine(Array.ofList (folder :: parts))

let private toDisk = [ "--run"; "disk/run"; "--out"; "m.bin" ]
let private modelToDisk = [ "--run"; "run"; "--out"; "disk/m.bin" ]

/// All of them.
let all: Trouble list =
    [
        {
            Name = "the disk of the run folder is full from the start"
            Code = 2
            Part = "of the run cannot be written"
            Meet =
                trainOn
                    { empty 16384 with
                        Before = "head -c 100000 /dev/zero > disk/full 2>/dev/null;"
                    }
                    toDisk
            Loss = fun folder -> lossIf (File.Exists(inside folder [ "m.bin" ])) "a model"
        }
        {
            Name = "the disk of the run folder fills up during the run"
            Code = 74
            Part = "is not complete"
            // room for a checkpoint, but not for the next one beside it
            Meet = trainOn (empty 150000) toDisk
            Loss =
                fun folder ->
                    let halves =
                        Directory.GetFiles(inside folder [ "after" ], ".cnn-*", SearchOption.AllDirectories)

                    [
                        faultOf (inside folder [ "m.bin" ])
                        faultOf (inside folder [ "after"; "run"; RunFiles.Last ])
                        lossIf (halves.Length > 0) "half a file is left"
                    ]
                    |> List.tryPick id
        }
        {
            Name = "the disk of --out is full at the end"
            Code = 74
            Part = "m.bin cannot be written"
            Meet = trainOn (empty 8192) modelToDisk
            Loss =
                fun folder ->
                    [
                        faultOf (inside folder [ "run"; "model.bin" ])
                        faultOf (inside folder [ "run"; RunFiles.Last ])
                        lossIf (File.Exists(inside folder [ "after"; "m.bin" ])) "half a model"
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

                    trainOn
                        { empty 65536 with
                            Before = "cp old.bin disk/m.bin;"
                        }
                        [ "--no-run-folder"; "--out"; "disk/m.bin" ]
                        folder
            Loss = fun folder -> lossIf (bytes folder "old.bin" <> bytes folder "after/m.bin") "the old model"
        }
        {
            Name = "the run folder is on a disk that may only be read"
            Code = 2
            Part = "of the run cannot be written"
            Meet = trainOn readOnly toDisk
            Loss = fun _ -> None
        }
        {
            Name = "--out is on a disk that may only be read"
            Code = 2
            Part = "disk/m.bin"
            Meet = trainOn readOnly modelToDisk
            Loss = fun folder -> lossIf (Directory.Exists(inside folder [ "run" ])) "a run folder is left"
        }
    ]
