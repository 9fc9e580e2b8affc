/// The reader of model files, and that of checkpoints.
module Cnn.Trust.Files.ModelFiles

open System
open Cnn
open Cnn.Tensors
open Cnn.Networks
open Cnn.Trust.Files.Mutation

let create (architecture: string) (channels, height, width) : Model =
    Model.Create(architecture, channels, height, width, "he", 1)

/// A model of a kilobyte, with all that metadata may hold.
let small: byte[] =
    (create "conv 2 3 pad 1, relu, pool 2, flatten, dense 3" (1, 6, 5))
        .WithNormalization(0.1307, 0.3081)
        .WithClassNames([ "a row"; "a column"; "ein Schrägstrich" ])
        .WithTrainingCommand("cnn train --seed 1")
        .Encode()

let private others: byte[] list =
    [
        create "conv 2 3, batchnorm, leakyrelu 0.1, gap, dense 2" (2, 5, 5)
        create "residual(conv 2 3 pad 1, batchnorm, silu, conv 1 1 | conv 1 1), dropout 0.5, flatten, dense 2" (1, 4, 4)
        create "flatten, dense 2" (1, 1, 1)
        create "gap" (3, 2, 2)
    ]
    |> List.map _.Encode()

/// What stands under a key of the metadata, and the tensors beside them.
let private changeMetadata (change: (string * Json) list -> (string * Json) list) : byte[] -> byte[] =
    SafetensorsFile.withHeader (function
        | Table members ->
            members
            |> List.map (fun (key, value) ->
                match key, value with
                | "\"__metadata__\"", Table texts -> key, Table(change texts)
                | other -> other)
            |> Table
        | other -> other)

/// As another program would write it: no digest, no format.
let foreign: byte[] =
    small
    |> changeMetadata (List.filter (fun (key, _) -> key = "\"architecture\"" || key = "\"input\""))

/// As this program wrote it before files held a digest.
let old: byte[] =
    small
    |> changeMetadata (
        List.choose (fun (key, value) ->
            match key with
            | "\"sha256\""
            | "\"class_names\""
            | "\"command\"" -> None
            | "\"version\"" -> Some(key, Literal "\"1\"")
            | _ -> Some(key, value))
    )

let private trainer: Trainer =
    let model = create "conv 1 2, batchnorm, relu, gap, dense 2" (1, 3, 3)

    Trainer.Start(model, TrainerSettings("adam", averageDecay = 0.9), 1)

[<Literal>]
let private Run = "a run"

/// A checkpoint after a step.
let checkpoint: byte[] =
    let pixels = ReadOnlyMemory(Array.init 18 (fun i -> byte (14 * i)))
    let labels = ReadOnlyMemory [| 0uy; 1uy |]
    let step = trainer.Step(pixels, labels, 0.01, 1)
    step.Trainer.Encode Run

/// Numbers that the largest tensor between the layers holds for one example; more than anything where they do not fit.
let rec private widest (layers: Layer list) (input: Shape) : int64 =
    match Layer.outputShapes layers input with
    | Error _ -> Int64.MaxValue
    | Ok outputs ->
        let inside (layer: Layer, input: Shape) =
            match layer with
            | Residual block -> max (widest block.Body input) (widest block.Shortcut input)
            | _ -> 0L

        let between = input :: outputs |> List.map (Shape.size >> int64)

        let within =
            List.zip layers (input :: outputs |> List.take layers.Length) |> List.map inside

        List.max (between @ within)

/// Whether a network is small enough to be tried.
let isCheap (layers: Layer list) (input: Shape) : bool =
    widest layers input <= 1_000_000L
    && Layer.sequenceMultiplyAdds layers input <= 10_000_000L

/// Layers that a text can have: every one but the first stands behind one of these.
let layersOf (text: ReadOnlySpan<byte>) : int =
    1 + text.Count ','B + text.Count '('B + text.Count '|'B

/// Layers that the architecture in a model file can have.
let private layers (file: byte[]) : int =
    let key = "\"architecture\":\""B
    let start = file.AsSpan().IndexOf(ReadOnlySpan key)

    if start < 0 then
        0
    else
        let text = file.AsSpan(start + key.Length)
        let length = text.IndexOf '"'B
        layersOf (Span.op_Implicit (if length < 0 then text else text.Slice(0, length)))

/// What a model that was accepted must be able to do.
let faultOf (model: Model) : string option =
    let again = model.Encode()
    let second = Model.Decode(ReadOnlyMemory again)
    let input = List.ofSeq model.InputShape

    if not model.IsFinite then
        Some "numbers that are not finite were accepted"
    elif model.Classes < 1 || model.ClassNames.Count <> model.Classes then
        Some $"a model of {model.Classes} classes with {model.ClassNames.Count} names was accepted"
    elif not (second.IsVerified && second.Encode().AsSpan().SequenceEqual(ReadOnlySpan again)) then
        Some "it is another one when it is written and read again"
    else
        match Architecture.parse model.Architecture with
        | Error reason -> Some $"its architecture cannot be read again: {reason}"
        | Ok layers when not (isCheap layers input) -> None
        | Ok _ ->
            let pixels = Array.init (Shape.size input) byte

            if model.Probabilities(ReadOnlyMemory pixels, 1).Count = model.Classes then
                None
            else
                Some "an image does not get a probability for each class"

let private isOneOf (originals: byte[] list) (bytes: byte[]) =
    originals
    |> List.exists (fun original -> original.AsSpan().SequenceEqual(ReadOnlySpan bytes))

/// Files that are changed as bytes, or in their headers with the length put right; half of them are signed anew.
let private generate (seeds: byte[][]) : Random -> Input =
    let headers =
        seeds
        |> Array.map (fun file ->
            let header, values = SafetensorsFile.split file
            Json.parse header, values)

    fun random ->
        let file =
            match random.Next 10 with
            | n when n < 4 -> mutate random seeds
            | 9 ->
                let header, values = SafetensorsFile.split (pick random seeds)
                SafetensorsFile.assemble header (step random [| values |] values)
            | n ->
                let header, values = pick random headers
                let header = Json.write (HeaderMutation.mutate random header)
                // also text that is not UTF-8, and values that are others
                let header = if n = 4 then step random [| header |] header else header
                let values = if n < 7 then step random [| values |] values else values
                SafetensorsFile.assemble header values

        let isSigned = random.Next 2 = 0

        {
            Bytes = if isSigned then SafetensorsFile.resign file else file
            IsSigned = isSigned
        }

let private reader (name: string) (seeds: byte[] list) (read: byte[] -> bool * (unit -> string option)) : Reader =
    {
        Name = name
        Generate = generate (Array.ofList seeds)
        Prepare = fun _ _ -> ()
        Read =
            fun _ input ->
                let isVerified, fault = read input.Bytes

                {
                    Held = 0L
                    Fault =
                        fun () ->
                            if isVerified && not input.IsSigned && not (isOneOf seeds input.Bytes) then
                                Some "it was changed, its digest was not, and it was accepted as verified"
                            else
                                fault ()
                }
        Constant = 65_536L
        Factor = 32L
        Unpacked = fun bytes -> int64 bytes.Length
        Layers = layers
    }

/// Model.Decode, which takes models and checkpoints.
let models: Reader =
    reader "model" ([ small; foreign; old; checkpoint ] @ others) (fun bytes ->
        let model = Model.Decode(ReadOnlyMemory bytes)
        model.IsVerified, (fun () -> faultOf model))

/// Trainer.Restore.
let checkpoints: Reader =
    reader "checkpoint" [ checkpoint; trainer.Encode Run; small ] (fun bytes ->
        let restored = trainer.Restore(ReadOnlyMemory bytes, Run)

        // a checkpoint always holds a digest
        true,
        fun () ->
            let again = restored.Encode Run

            if
                not (trainer.Restore(ReadOnlyMemory again, Run).Encode(Run).AsSpan().SequenceEqual(ReadOnlySpan again))
            then
                Some "it is another one when it is written and read again"
            else
                None)
