/// Data sets of a few images, and what the readers make of them.
module Cnn.Tests.Host.DataCase

open System
open System.IO
open Expecto
open Cnn.Host
open Cnn.Host.Data

/// A file in a folder, made with the folders that lead to it.
let place (folder: string) (name: string) (contents: byte[]) : unit =
    let path = Path.Combine(folder, name)

    match Path.GetDirectoryName path with
    | null -> ()
    | parent -> Directory.CreateDirectory parent |> ignore

    File.WriteAllBytes(path, contents)

let text (folder: string) (name: string) (lines: string list) : unit =
    place folder name (Text.Encoding.UTF8.GetBytes(String.concat "\n" lines + "\n"))

/// What some work gives in a fresh folder that is removed afterwards.
let fromFolder (work: string -> 'T) : 'T =
    let folder = Directory.CreateTempSubdirectory("cnn-tests-").FullName

    try
        work folder
    finally
        Directory.Delete(folder, recursive = true)

/// The training images of what is in a folder or file.
let training (path: string) : LabelledImages =
    (DataSource.Open path).LoadTraining ImageForm.Any

let testing (path: string) : LabelledImages =
    (DataSource.Open path).LoadTest ImageForm.Any

let shape (images: LabelledImages) =
    images.Count, images.Channels, images.Height, images.Width

/// The names of the classes; those that data only numbers have none.
let names (images: LabelledImages) : string list =
    if isNull images.ClassNames then
        []
    else
        List.ofSeq images.ClassNames

/// Refused as bad data, in one sentence that contains all parts.
let expectRefusal (parts: string list) (work: unit -> 'T) : unit =
    Expect.throwsC (work >> ignore) (fun problem ->
        match problem with
        | :? CommandException as refusal ->
            Expect.equal refusal.ExitCode ExitCode.BadData $"exit code: {refusal.Message}"

            for part in parts do
                Expect.stringContains refusal.Message part "what is wrong"
        | other -> failtest $"{other}")

/// Bytes that the thread takes for some work, the second time that it is done.
let allocated (work: unit -> 'T) : int64 * 'T =
    work () |> ignore
    let before = GC.GetAllocatedBytesForCurrentThread()
    let result = work ()
    GC.GetAllocatedBytesForCurrentThread() - before, result

/// Images of so many classes, different from each other.
let some (channels: int) (height: int) (width: int) (classes: int) (count: int) (seed: int) : LabelledImages =
    let random = Random seed
    let pixels = Array.zeroCreate (count * channels * height * width)
    random.NextBytes pixels
    LabelledImages(channels, height, width, pixels, Array.init count (fun i -> byte (i % classes)))
