/// What a run leaves in its folder, read as another program would.
module Cnn.Trust.Runs.RunFiles

open System
open System.Buffers.Binary
open System.IO
open System.Text.Json
open Cnn

[<Literal>]
let Last = "last.safetensors"

/// The metadata of a safetensors file.
let metadata (file: byte[]) : Map<string, string> =
    let length = int (BinaryPrimitives.ReadInt64LittleEndian(ReadOnlySpan file))
    use document = JsonDocument.Parse(ReadOnlyMemory(file, 8, length))

    Map
        [
            for item in (document.RootElement.GetProperty "__metadata__").EnumerateObject() ->
                item.Name, item.Value.GetString() |> nonNull
        ]

/// Where a run is, by its last checkpoint.
type Moment = { Epoch: int; Step: int64 }

/// That of the last checkpoint, which is read and checked as a whole; None where there is none. Raises CnnException for one that is damaged.
let last (folder: string) : Moment option =
    let path = Path.Combine(folder, Last)

    if not (File.Exists path) then
        None
    else
        let bytes = File.ReadAllBytes path

        if not (Model.Decode(ReadOnlyMemory bytes)).IsVerified then
            raise (CnnException "the checkpoint holds no digest")

        let texts = metadata bytes

        Some
            {
                Epoch = int texts["epoch"]
                Step = int64 texts["step"]
            }

/// Whole lines of an epoch in the metrics.
let epochs (folder: string) : int =
    let path = Path.Combine(folder, "metrics.jsonl")

    if not (File.Exists path) then
        0
    else
        let text = File.ReadAllText path
        // what has no end has not been written
        let whole = text.Substring(0, text.LastIndexOf '\n' + 1)

        whole.Split('\n')
        |> Array.filter (fun line -> line.StartsWith "{\"kind\":\"epoch\"")
        |> Array.length
