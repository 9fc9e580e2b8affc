namespace Cnn.Trust.Files

open System.Text
open System.Text.Json

/// JSON as it is written, so that it can also be wrong: keys and literals are raw text, with their quotes, and a key may be there twice.
type Json =
    | Table of (string * Json) list
    | Items of Json list
    | Literal of string

module Json =

    /// A text in quotes.
    let quoted (text: string) : string =
        "\"" + JsonEncodedText.Encode(text).ToString() + "\""

    let rec private ofElement (element: JsonElement) : Json =
        match element.ValueKind with
        | JsonValueKind.Object ->
            Table
                [
                    for item in element.EnumerateObject() -> quoted item.Name, ofElement item.Value
                ]
        | JsonValueKind.Array -> Items [ for item in element.EnumerateArray() -> ofElement item ]
        | _ -> Literal(element.GetRawText())

    let parse (text: byte[]) : Json =
        use document = JsonDocument.Parse(System.ReadOnlyMemory text)
        ofElement document.RootElement

    /// The bytes, without spaces.
    let write (json: Json) : byte[] =
        let text = StringBuilder()

        let rec add (json: Json) =
            match json with
            | Literal raw -> text.Append raw |> ignore
            | Items items ->
                text.Append '[' |> ignore
                items |> List.iteri (fun i item -> separated i (fun () -> add item))
                text.Append ']' |> ignore
            | Table members ->
                text.Append '{' |> ignore

                members
                |> List.iteri (fun i (key, value) ->
                    separated i (fun () ->
                        text.Append(key).Append(':') |> ignore
                        add value))

                text.Append '}' |> ignore

        and separated (index: int) (next: unit -> unit) =
            if index > 0 then
                text.Append ',' |> ignore

            next ()

        add json
        Encoding.UTF8.GetBytes(text.ToString())
