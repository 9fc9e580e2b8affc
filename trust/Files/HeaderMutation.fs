/// Changes to the JSON header of a safetensors file that leave it JSON, more or less.
module Cnn.Trust.Files.HeaderMutation

open System
open System.Globalization
open Cnn.Trust.Files.Mutation

let private numbers =
    [|
        "0"
        "1"
        "-1"
        "-0"
        "1e3"
        "4e0"
        "1.5"
        "1e400"
        "1e-400"
        "01"
        "0x10"
        "2147483647"
        "2147483648"
        "4294967296"
        "4611686018427387904"
        "9223372036854775807"
        "9223372036854775808"
        "18446744073709551616"
        String.replicate 100 "9"
    |]

/// What a text in the metadata, a name or a dtype may be replaced by.
let private texts =
    [|
        ""
        " "
        "F32"
        "f32"
        "F16"
        "BF16"
        "F64"
        "I64"
        "functional-cnn"
        "functional-cnn-checkpoint"
        "__metadata__"
        "0"
        "1"
        "2"
        "3"
        "-1"
        "NaN"
        "Infinity"
        "1e400"
        "1e-320"
        "1x6x5"
        "0x0x0"
        "1x2000000"
        "2000000000"
        "2147483647x2147483647x2147483647"
        "1x1x1x1x1x1x1x1"
        "flatten"
        "gap"
        "relu"
        "flatten, dense 3"
        "batchnorm, gap"
        "conv 1 1 pad 16777216, gap"
        "flatten, dense 2000000000"
        "[]"
        "[\"a\",\"b\"]"
        "[\"a\",\"a\",\"a\"]"
        "[\"\\u0000\",null,7]"
        "0.weight"
        "4.bias"
        "average.0.weight"
        "\u0000"
        "a\nb\r\nc"
        "\u001b[2J"
        "\u202e\u2028"
        "ünï\U0001F600"
        String.replicate 200 "long "
    |]

let private nested (depth: int) (opening: string) (closing: string) =
    Literal(String.replicate depth opening + "1" + String.replicate depth closing)

/// Something where something else belongs.
let private foreign (random: Random) : Json =
    match random.Next 20 with
    | n when n < 7 -> Literal(pick random numbers)
    | n when n < 13 -> Literal(Json.quoted (pick random texts))
    | 13 ->
        Literal(
            pick
                random
                [|
                    "null"
                    "true"
                    "false"
                    "nul"
                    "NaN"
                    "'F32'"
                    "\"\\ud800\""
                    "\"\\x\""
                    "\"\u0001\""
                    ""
                |]
        )
    | 14 -> Items []
    | 15 -> Table []
    | 16 -> nested (1 + random.Next 12) "[" "]"
    | 17 -> nested (1 + random.Next 12) "{\"a\":" "}"
    | 18 ->
        Table
            [
                "\"dtype\"", Literal "\"F32\""
                "\"shape\"", Items []
                "\"data_offsets\"", Items []
            ]
    | _ ->
        // seldom something large
        match random.Next 24 with
        | 0 -> nested (1 + random.Next 50_000) "[" "]"
        | 1 -> Items(List.replicate (random.Next 50_000) (Literal "1"))
        | 2 -> Literal(Json.quoted (String.replicate (random.Next 100_000) "x"))
        | 3 -> Literal(Json.quoted (String.replicate (random.Next 50_000) "relu,"))
        | 4 -> Literal(Json.quoted (String.replicate (random.Next 20_000) "("))
        | 5 -> Table(List.init (random.Next 10_000) (fun i -> $"\"{i}\"", Literal "1"))
        | 6 -> Literal(Json.quoted ("[" + String.replicate (random.Next 20_000) "\"\"," + "\"\"]"))
        | _ -> Literal(pick random numbers)

/// A little more or less.
let private nudged (random: Random) (number: int64) : string =
    let changed =
        match random.Next 6 with
        | 0 -> number + 1L
        | 1 -> number - 1L
        | 2 -> number + 4L
        | 3 -> number - 4L
        | 4 -> number * 2L
        | _ -> -number

    changed.ToString CultureInfo.InvariantCulture

let private replaceAt (index: int) (items: 'T list) (change: 'T -> 'T list) : 'T list =
    items
    |> List.indexed
    |> List.collect (fun (i, item) -> if i = index then change item else [ item ])

/// One of the items twice, one less, another order, or one more.
let private rearranged (random: Random) (other: unit -> 'T) (items: 'T list) : 'T list =
    let index = random.Next items.Length

    match random.Next 5 with
    | 0 -> replaceAt index items (fun item -> [ item; item ])
    | 1 -> replaceAt index items (fun _ -> [])
    | 2 -> List.rev items
    | 3 -> List.permute (fun i -> (i + index) % items.Length) items
    | _ -> replaceAt index items (fun item -> [ item; other () ])

/// One change, somewhere.
let rec step (random: Random) (json: Json) : Json =
    match json with
    | Table members when not members.IsEmpty && random.Next 6 > 0 ->
        let change (key: string, value: Json) =
            if random.Next 8 = 0 then
                [ Json.quoted (pick random texts), value ]
            else
                [ key, step random value ]

        Table(replaceAt (random.Next members.Length) members change)
    | Items items when not items.IsEmpty && random.Next 4 > 0 ->
        Items(replaceAt (random.Next items.Length) items (fun item -> [ step random item ]))
    | Table members when not members.IsEmpty && random.Next 6 > 0 ->
        Table(rearranged random (fun () -> Json.quoted (pick random texts), foreign random) members)
    | Items items when not items.IsEmpty && random.Next 6 > 0 ->
        Items(rearranged random (fun () -> foreign random) items)
    | Literal raw ->
        match Int64.TryParse raw with
        | true, number when random.Next 2 = 0 -> Literal(nudged random number)
        | _ when raw.StartsWith '"' && random.Next 2 = 0 -> Literal(Json.quoted (pick random texts))
        | _ -> foreign random
    | _ -> foreign random

/// One to four changes.
let mutate (random: Random) (json: Json) : Json =
    let mutable changed = json

    for _ in 0 .. random.Next(1 + random.Next 4) do
        changed <- step random changed

    changed
