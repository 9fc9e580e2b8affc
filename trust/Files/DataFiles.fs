/// The readers of data sets in other formats than IDX: CSV files and those of CIFAR-10.
module Cnn.Trust.Files.DataFiles

open System
open System.IO
open System.Text
open Cnn.Host.Data
open Cnn.Trust.Files.Mutation

let private signed (bytes: byte[]) : Input = { Bytes = bytes; IsSigned = true }

let private lines (rows: string list) : byte[] =
    Encoding.UTF8.GetBytes(String.concat "\n" rows + "\n")

let private row (label: string) (start: int) =
    String.Join(',', label :: List.init 9 (fun i -> string ((start + 31 * i) % 256)))

/// A table of a few images, and what else people write.
let tables: byte[] list =
    [
        lines [ row "3" 0; row "0" 7; row "1" 200 ]
        lines
            [
                "label," + String.Join(',', List.init 9 (sprintf "pixel%d"))
                row "3" 0
                row "12" 7
            ]
        lines [ row "cat" 0; row "\"a \"\"dog\"\"\"" 7; ""; row "Ö" 90 ]
        lines [ "a;1;2;3;4"; "b;5;6;7;8" ]
    ]

/// The file where the reader of tables looks for it.
let private tablePath (path: string) = path + ".csv"

let private faultOfTable (input: Input) (images: LabelledImages) : string option =
    let ends =
        input.Bytes
        |> Array.filter (fun byte -> byte = '\n'B || byte = '\r'B)
        |> Array.length

    if images.Count > ends + 1 then
        Some $"{images.Count} images were read from {ends + 1} lines"
    elif images.Labels |> Array.exists (fun label -> int label >= images.Classes) then
        Some "a label is beyond the classes"
    elif
        not (isNull images.ClassNames)
        && images.ClassNames |> Seq.exists (Seq.exists Char.IsControl)
    then
        Some "the name of a class has a character of control"
    else
        None

/// CSV files.
let csv: Reader =
    let seeds = Array.ofList tables

    {
        Name = "CSV images"
        Generate = fun random -> signed (mutate random seeds)
        Prepare = fun path bytes -> File.WriteAllBytes(tablePath path, bytes)
        Read =
            fun path input ->
                let images = (DataSource.Open(tablePath path)).LoadTraining ImageForm.Any

                {
                    Held = images.Pixels.LongLength
                    Fault = fun () -> faultOfTable input images
                }
        // two times the buffers of a file, of its text, and of a row
        Constant = 1_500_000L
        // text is two bytes a character, doubled where a row is longer than the buffer, and there are places of its fields
        Factor = 64L
        Unpacked = fun bytes -> int64 bytes.Length
        Layers = fun _ -> 0
    }

[<Literal>]
let private RecordBytes = 3073

/// Two records of CIFAR-10.
let batch: byte[] =
    Array.init (2 * RecordBytes) (fun i ->
        if i % RecordBytes = 0 then
            byte (i / RecordBytes)
        else
            byte (7 * i))

/// The folder where the reader of CIFAR-10 looks for the file.
let private batchFolder (path: string) = path + "-cifar"

let private faultOfBatch (input: Input) (images: LabelledImages) : string option =
    let contents =
        [|
            for i in 0 .. images.Count - 1 do
                images.Labels[i]
                yield! images.Image(i).ToArray()
        |]

    if contents = input.Bytes then
        None
    else
        Some "the images are not the bytes of the file"

/// The test images of CIFAR-10.
let cifar: Reader =
    {
        Name = "CIFAR-10"
        Generate = fun random -> signed (mutate random [| batch |])
        Prepare =
            fun path bytes ->
                Directory.CreateDirectory(batchFolder path) |> ignore
                File.WriteAllBytes(Path.Combine(batchFolder path, "test_batch.bin"), bytes)
        Read =
            fun path input ->
                let images = (DataSource.Open(batchFolder path)).LoadTest ImageForm.Any

                {
                    Held = images.Pixels.LongLength
                    Fault = fun () -> faultOfBatch input images
                }
        // the buffers of the file, which is opened twice
        Constant = 262_144L
        Factor = 2L
        Unpacked = fun bytes -> int64 bytes.Length
        Layers = fun _ -> 0
    }
