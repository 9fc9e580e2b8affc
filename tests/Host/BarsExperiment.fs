/// A folder with small data, a recipe for it, and what `cnn experiment` is asked about it.
module Cnn.Tests.Host.BarsExperiment

open System.IO
open Cnn.Tests.Host.Cli

let recipe =
    """
    {
      "name": "bars", "version": 3,
      "arch": "conv 4 3 pad 1, relu, pool 2, flatten, dense classes",
      "init": "he", "epochs": 2, "batch-size": 20,
      "optimizer": "adam", "lr": 0.01, "schedule": "cosine"
    }
    """

let experiment (arguments: string list) =
    [ "experiment"; "bars.json"; "--data"; "." ] @ arguments

let inRecipeFolder (action: string -> unit) =
    inFolder (fun folder ->
        writeData folder 8 200 90
        File.WriteAllText(Path.Combine(folder, "bars.json"), recipe)
        action folder)

let path (folder: string) = Path.Combine(folder, "bars.jsonl")
