/// The parser of networks in the text form, and the check that their layers fit.
module Cnn.Trust.Files.Architectures

open System
open System.Text
open Cnn
open Cnn.Tensors
open Cnn.Networks
open Cnn.Trust.Files.Mutation

let private presets: string[] =
    [|
        yield! Architecture.presets 10 |> List.map snd
        "conv 8 3x5 stride 2x1 pad 1, batchnorm, silu, avgpool 2 stride 1 pad 1, gap, dense 8->3"
        "residual(conv 4 3 pad 1, batchnorm, gelu | conv 4 1), leakyrelu 0.1, identity, dropout 0.5, flatten, dense 2"
        "conv1d 4 3 stride 2 pad 1, tanh, flatten, dense 3"
        "residual(residual(relu), residual(identity | relu)), gap"
    |]

/// Shapes of examples to fit them to: images, and signals.
let private inputs: Shape[] =
    [| [ 1; 28; 28 ]; [ 3; 8; 8 ]; [ 1; 1; 1 ]; [ 2; 16 ]; [ 4 ] |]

/// Which of them: a function of the bytes, so that they say all.
let private inputOf (bytes: byte[]) : Shape = inputs[bytes.Length % inputs.Length]

let private hostile =
    [|
        ""
        "-1"
        "00"
        "1e3"
        "1e400"
        "nan"
        "infinity"
        "0.9999999999999999999"
        "16777216"
        "16777217"
        "2147483647"
        "2147483648"
        "9223372036854775808"
        "99999999999999999999999999"
        "3x"
        "x3"
        "3x3x3"
        "2000000000x2000000000"
        "->"
        "5->"
        "->5"
        "1->2->3"
        "("
        ")"
        "()"
        "|"
        "||"
        ","
        ",,"
        "\u0000"
        "\n"
        "\r\n"
        "\t"
        "\u00a0"
        "\u2028"
        "\u0130"
        "K"
        "１"
        "\u202e"
        "\U0001F600"
        "\ud800"
        "{0}"
        "%s%n"
        "residual"
        "residual("
        "residual((relu))"
    |]

let private word (random: Random) : string =
    match random.Next 8 with
    | 0 -> pick random hostile
    | 1 -> string (random.Next 1000)
    | 2 -> pick random [| "stride"; "pad"; "conv"; "pool"; "dense"; "flatten"; "gap" |]
    | _ -> string (random.Next 9)

let private size (random: Random) =
    match random.Next 12 with
    | 0 -> word random
    | 1
    | 2 -> $"{random.Next 6}x{random.Next 6}"
    | _ -> string (1 + random.Next 4)

let private extras (random: Random) =
    match random.Next 6 with
    | 0 -> $" stride {size random}"
    | 1
    | 2 -> $" pad {size random}"
    | 3 -> $" pad {size random} stride {size random}"
    | _ -> ""

/// A layer as the grammar has it, most of the time.
let rec private layer (random: Random) (depth: int) : string =
    match random.Next 16 with
    | 0
    | 1 -> $"conv {size random} {size random}{extras random}"
    | 2 -> $"conv1d {size random} {size random}{extras random}"
    | 3 -> $"pool {size random}{extras random}"
    | 4 -> $"avgpool {size random}{extras random}"
    | 5
    | 6 -> pick random [| "relu"; "silu"; "gelu"; "tanh"; "identity"; "batchnorm" |]
    | 7 -> $"leakyrelu 0.{word random}"
    | 8 -> $"dropout 0.{word random}"
    | 9 -> "gap"
    | 10 -> "flatten"
    | 11
    | 12 -> $"dense {size random}"
    | 13 when depth < 6 -> $"residual({sequence random (depth + 1)})"
    | 14 when depth < 6 -> $"residual({sequence random (depth + 1)} | {sequence random (depth + 1)})"
    | _ -> word random

and private sequence (random: Random) (depth: int) : string =
    List.init (1 + random.Next(if depth = 0 then 6 else 3)) (fun _ -> layer random depth)
    |> String.concat ", "

/// A text with one of its words exchanged, left out or repeated.
let private reworded (random: Random) (text: string) : string =
    let words = text.Split ' '
    let at = random.Next words.Length

    match random.Next 5 with
    | 0 -> words[at] <- ""
    | 1 -> words[at] <- words[at] + words[at]
    | 2 -> words[at] <- words[at] + " " + words[random.Next words.Length]
    | _ -> words[at] <- word random

    String.Join(' ', words)

/// Seldom a text that is long or deep.
let private large (random: Random) : string =
    let times = random.Next 20_000

    match random.Next 8 with
    | 0 -> String.replicate times "relu,"
    | 1 -> String.replicate times "residual("
    | 2 ->
        String.replicate (times % 40) "residual("
        + "relu"
        + String.replicate (times % 40) ")"
    | 3 -> "conv " + String.replicate times "9" + " 3"
    | 4 -> String.replicate times " "
    | 5 -> String.replicate times ","
    | 6 -> String.replicate (times % 1100) "residual(relu | identity), " + "gap"
    | _ -> String.replicate times "dense 1 "

let private generate: Random -> Input =
    let seeds = presets |> Array.map Encoding.UTF8.GetBytes

    fun random ->
        let bytes =
            match random.Next 300 with
            | 0 -> Encoding.UTF8.GetBytes(large random)
            | n when n < 80 -> mutate random seeds
            | n when n < 190 ->
                let mutable text = pick random presets

                for _ in 0 .. random.Next 4 do
                    text <- reworded random text

                Encoding.UTF8.GetBytes text
            | _ -> Encoding.UTF8.GetBytes(sequence random 0 + pick random [| ""; ", gap"; ", flatten, dense 2" |])

        { Bytes = bytes; IsSigned = true }

/// Numbers that the layers learn; those that fit.
let private parameters (layers: Layer list) (input: Shape) : bigint =
    List.map2 Layer.parameterShapes layers (Layer.inputShapes layers input)
    |> List.sumBy _.Count

/// What a network that was accepted must be able to do, where it is small.
let private faultOf (layers: Layer list) (network: Network) : string option =
    let text = Architecture.format layers

    match Architecture.parse text with
    | Error reason -> Some $"'{text}' cannot be read again: {reason}"
    | Ok again when again <> layers -> Some $"'{text}' is another network when it is read again"
    | Ok _ ->
        match network.Input with
        | [ channels; height; width ] when
            ModelFiles.isCheap layers network.Input
            && parameters layers network.Input <= 100_000I
            ->
            let model = Model.Create(text, channels, height, width, "he", 1)
            let pixels = Array.init (channels * height * width) byte

            if model.Architecture <> text then
                Some "a fresh model has another architecture"
            elif model.Probabilities(ReadOnlyMemory pixels, 1).Count <> network.Classes then
                Some "an image does not get a probability for each class"
            else
                None
        | _ -> None

let architectures: Reader =
    {
        Name = "architecture"
        Generate = generate
        Prepare = fun _ _ -> ()
        Read =
            fun _ input ->
                let text = Encoding.UTF8.GetString input.Bytes
                Model.CheckArchitecture text

                // no weights are drawn here: a line of text may ask for two gigabytes of them, and that is what its author wants
                match Architecture.parse text with
                | Error reason -> invalidOp $"read by the facade alone, and not by the core: {reason}"
                | Ok layers ->
                    match Network.create (inputOf input.Bytes) layers with
                    | Error reason -> raise (CnnException reason)
                    | Ok network ->
                        {
                            Held = 0L
                            Fault = fun () -> faultOf layers network
                        }
        Constant = 65_536L
        Factor = 32L
        Unpacked = fun bytes -> int64 bytes.Length
        Layers = fun bytes -> ModelFiles.layersOf (ReadOnlySpan bytes)
    }

/// Texts made by hand to be expensive, each with what it is.
let handMade: (string * string) list =
    let many (times: int) (text: string) =
        String.Join(", ", List.replicate times text)

    // spaces at the end choose the shape that all of them are judged for, that of a digit
    let fitted (name: string, text: string) =
        let rest = text.Length % inputs.Length
        name, text + String(' ', (inputs.Length - rest) % inputs.Length)

    let within (depth: int) (text: string) =
        String.replicate depth "residual (" + text + String.replicate depth " )"

    [
        "995 convolutions in four blocks", within 4 (many 995 "conv 1 1") + ", gap"
        "995 layers in five blocks", within 5 (many 994 "relu") + ", gap"
        "four blocks of four blocks", within 4 (many 30 (within 1 (many 5 "batchnorm"))) + ", gap"
        "1,000 layers", many 999 "relu" + ", gap"
        "1,001 layers", many 1000 "relu" + ", gap"
        "1,000,000 layers", many 1_000_000 "relu"
        "1,000,000 commas", String(',', 1_000_000)
        "1,000,000 brackets", String('(', 1_000_000)
        "1,000,000 closing brackets", String(')', 1_000_000)
        "1,000,000 shortcuts", "residual(" + String('|', 1_000_000) + ")"
        "1,000,000 digits", "conv " + String('9', 1_000_000) + " 3"
        "1,000,000 words", String.replicate 1_000_000 "a "
        "1,000,000 spaces", String(' ', 1_000_000)
        "1,000,000 line feeds in a word", "relu" + String('\n', 1_000_000) + "relu"
        "1,000,000 arrows", "dense " + String.replicate 1_000_000 "->"
        "1,000,000 times", "conv 3 " + String('x', 1_000_000)
        "a NUL", "relu\u0000, gap"
        "2,000,000,000 outputs", "flatten, dense 2000000000"
        "a padding of 16,777,216", "conv 1 1 pad 16777216, gap"
        "a hint behind 900 convolutions", many 900 "conv 1 1" + ", flatten, dense 7->3"
    ]
    |> List.map fitted
