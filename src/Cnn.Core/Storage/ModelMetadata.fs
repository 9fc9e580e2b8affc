namespace Cnn.Storage

open System
open System.Collections.Generic
open System.Globalization
open System.Text.Json
open System.Text.Json.Nodes
open Cnn.Tensors
open Cnn.Networks

/// The metadata that make tensors a model: what the network is, what it expects of its input, and what is known of it.
module internal ModelMetadata =

    /// A number as text that reads as the same number.
    let exact (value: float) =
        value.ToString("R", CultureInfo.InvariantCulture)

    let private list (texts: string list) : string =
        let items = texts |> List.map (fun text -> JsonValue.Create text :> JsonNode)
        JsonArray(Array.ofList items).ToJsonString()

    /// All of it, beside the format.
    let write (model: TrainedNetwork) : (string * string) list =
        [
            "architecture", Architecture.format model.Network.Layers
            "input", Shape.format model.Network.Input
            "mean", exact model.Normalization.Mean
            "standard_deviation", exact model.Normalization.StandardDeviation
            "class_names", list model.ClassNames
            "command", model.Command
        ]

    let find (metadata: IReadOnlyDictionary<string, string>) (key: string) : Result<string, string> =
        match metadata.TryGetValue key with
        | true, value -> Ok value
        | _ -> Error $"its metadata lack '{key}'"

    let private shape (text: string) : Result<Shape, string> =
        let extents =
            text.Split('x', 9)
            |> List.ofArray
            |> List.map (fun part -> Int32.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture))

        if extents.Length <= 8 && List.forall fst extents then
            Ok(List.map snd extents)
        else
            Error "its input is not a shape, such as 1x28x28"

    let number (what: string) (text: string) : Result<float, string> =
        match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, value when Double.IsFinite value -> Ok value
        | _ -> Error $"its {what} is not a number"

    let network (metadata: IReadOnlyDictionary<string, string>) : Result<Network, string> =
        find metadata "input"
        |> Result.bind shape
        |> Result.bind (fun input ->
            find metadata "architecture"
            |> Result.bind Architecture.parse
            |> Result.bind (Network.create input))

    /// Inputs from 0 to 1 where nothing else is said.
    let normalization (metadata: IReadOnlyDictionary<string, string>) : Result<Normalization, string> =
        match metadata.TryGetValue "mean", metadata.TryGetValue "standard_deviation" with
        | (false, _), (false, _) -> Ok Normalization.unit
        | _ ->
            match
                find metadata "mean" |> Result.bind (number "mean"),
                find metadata "standard_deviation" |> Result.bind (number "standard deviation")
            with
            | Ok mean, Ok deviation when deviation > 0.0 ->
                let normalization =
                    {
                        Mean = mean
                        StandardDeviation = deviation
                    }

                if Array.forall Single.IsFinite (Normalization.table normalization) then
                    Ok normalization
                else
                    Error $"a mean of {exact mean} and a standard deviation of {exact deviation} make inputs infinite"
            | Ok _, Ok deviation -> Error $"a standard deviation of {exact deviation} is not positive"
            | Error reason, _
            | _, Error reason -> Error reason

    /// A JSON array of texts.
    let private texts (json: string) : string list option =
        try
            use document = JsonDocument.Parse json
            let root = document.RootElement

            if root.ValueKind = JsonValueKind.Array then
                Some [ for item in root.EnumerateArray() -> item.GetString() ]
            else
                None
        with
        | :? JsonException
        // an item that is not a text, or one that is not Unicode
        | :? InvalidOperationException -> None

    /// Classes that need no names, at most: more would take memory that no file has to pay for.
    [<Literal>]
    let private MostNumbered = 1000

    /// Numbers where nothing else is said.
    let classNames (classes: int) (metadata: IReadOnlyDictionary<string, string>) : Result<string list, string> =
        match metadata.TryGetValue "class_names" with
        | true, json ->
            match texts json with
            | Some names when not (List.exists isNull names) -> ClassNames.check classes names
            | _ -> Error "its class names are not a list of texts"
        | _ when classes > MostNumbered -> Error $"it has {classes} classes without names; there may be {MostNumbered}"
        | _ -> Ok(ClassNames.numbers classes)

    let command (metadata: IReadOnlyDictionary<string, string>) : string =
        match metadata.TryGetValue "command" with
        | true, text -> text
        | _ -> ""
