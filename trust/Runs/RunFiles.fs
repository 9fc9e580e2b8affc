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

/// The values behind the header of a safetensors file.
let values (file: byte[]) : byte[] =
    file[8 + int (BinaryPrimitives.ReadInt64LittleEndian(ReadOnlySpan file)) ..]

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

/// The lines of epochs in the metrics; what has no end has not been written.
let private epochLines (folder: string) : string[] =
    let path = Path.Combine(folder, "metrics.jsonl")

    if not (File.Exists path) then
        [||]
    else
        let text = File.ReadAllText path

        text.Substring(0, text.LastIndexOf '\n' + 1).Split('\n')
        |> Array.filter (fun line -> line.StartsWith "{\"kind\":\"epoch\"")

/// How many epochs the metrics tell of.
let epochs (folder: string) : int = (epochLines folder).Length

/// Loss and accuracy of each epoch, in training and on held-out images, as they are written: all that does not hang on the clock.
let losses (folder: string) : string list list =
    [
        for line in epochLines folder ->
            use document = JsonDocument.Parse line

            [
                for key in [ "loss"; "accuracy"; "validationLoss"; "validationAccuracy"; "learningRate" ] ->
                    (document.RootElement.GetProperty key).GetRawText()
            ]
    ]
