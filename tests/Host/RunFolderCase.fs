/// Runs of a moment, and what they leave in their folders.
module Cnn.Tests.Host.RunFolderCase

open System
open System.IO
open System.Security.Cryptography
open System.Text.Json
open Cnn.Host.Runs
open Cnn.Tests.Host.Cli

/// Flags of a run of a moment.
let quick =
    [
        "--data"
        "."
        "--arch"
        "conv 4 3, relu, pool 2, flatten, dense classes"
        "--batch-size"
        "50"
        "--augment"
        "none"
    ]

let command (flags: string list) = "train" :: quick @ flags

let inDataFolder (action: string -> unit) =
    inFolder (fun folder ->
        writeData folder 8 300 60
        action folder)

let inside (folder: string) (names: string list) =
    Path.Combine(Array.ofList (folder :: names))

let runs (folder: string) =
    Directory.GetDirectories(inside folder [ "runs" ])
    |> Array.map (fun path -> DirectoryInfo(path).Name)
    |> Array.sort

let config (path: string) : JsonElement =
    use json = JsonDocument.Parse(File.ReadAllText(Path.Combine(path, "config.json")))

    json.RootElement.Clone()

let metrics (path: string) : MetricsFile =
    MetricsFile.Read(Path.Combine(path, "metrics.jsonl"))

let curves (path: string) =
    Directory.GetFiles(path, "events.out.tfevents.*.cnn")
    |> Array.exactlyOne
    |> File.ReadAllBytes
    |> EventFileTests.scalars

let digest (file: string) =
    Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes file))

let files (path: string) =
    Directory.GetFiles path |> Array.map (fun file -> FileInfo(file).Name) |> set
