/// What the tests of state_dicts have in common: how one is read, and what came of it.
module Cnn.Tests.Interchange.StateDictReading

open System
open Expecto
open Cnn.Networks
open Cnn.Interchange
open Cnn.Tests.Support
open Cnn.Tests.Interchange.StateDictCases

let decode (map: (string * string) list) (network: Network) (bytes: byte[]) =
    PyTorchWeights.decode map network (ReadOnlyMemory bytes)

let orFail (result: Result<'T, string>) : 'T =
    match result with
    | Ok value -> value
    | Error reason -> failtest reason

let expectRefused (part: string) (result: Result<'T, string>) =
    match result with
    | Ok _ -> failtest $"taken, but should be refused: {part}"
    | Error reason -> Expect.stringContains reason part "why it was refused"

let smallNetwork = network [ 1; 5; 5 ] SmallLayers

let placed (read: ImportedWeights) =
    read.Modules |> List.map (fun pair -> pair.Module.Name, pair.Layer.Name)

let how (read: ImportedWeights) =
    read.Modules |> List.map (fun pair -> pair.By)

/// With another entry under a name, or without.
let changed (name: string) (entry: Entry option) =
    small
    |> List.collect (fun (own, shape, numbers) ->
        if own = name then
            Option.toList entry
        else
            [ own, shape, numbers ])

let zeros (count: int) = List.replicate count 0.0
