/// What a trouble is: something that goes wrong around a run. Each ends in one clear sentence and an exit code, and nothing is lost.
module Cnn.Trust.Runs.Trouble

open System
open System.IO
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

let arguments (epochs: int) : string list =
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

let usualEpochs = 4

let train (extra: string list) (folder: string) : Outcome =
    run folder (arguments usualEpochs @ extra)

let bytes (folder: string) (file: string) =
    File.ReadAllBytes(Path.Combine(folder, file))

/// What is lost, if it is so.
let lossIf (isLost: bool) (what: string) : string option = if isLost then Some what else None

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
