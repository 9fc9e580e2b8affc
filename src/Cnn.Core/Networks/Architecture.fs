namespace Cnn.Networks

open System
open System.Globalization
open Cnn.Operations

/// Networks as one line of text, the form that command lines and model files use:
///
///   conv 16 3 pad 1, relu, pool 2, flatten, dense 1568->128, relu, dense 10
///
///   conv FILTERS KERNEL [stride S] [pad P]      conv1d FILTERS KERNEL [stride S] [pad P]
///   pool SIZE [stride S] [pad P]                avgpool SIZE [stride S] [pad P]
///   gap                                         (global average pooling)
///   batchnorm   relu           leakyrelu SLOPE  silu        gelu        tanh        identity
///   dropout RATE               flatten          dense OUTPUTS                dense INPUTS->OUTPUTS
///   residual(LAYERS)           residual(LAYERS | LAYERS OF THE SHORTCUT)
///
/// Sizes, strides and paddings of images are one number, or rows x columns as in 3x5. The stride of a pool is its size
/// unless it is given.
module Architecture =

    let private number (text: string) : Result<int, string> =
        match Int32.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture) with
        | true, value -> Ok value
        | _ -> Error $"{Quotation.quote text} is not a whole number"

    let private fraction (text: string) : Result<float, string> =
        match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, value when Double.IsFinite value -> Ok value
        | _ -> Error $"{Quotation.quote text} is not a finite number"

    /// "3" or "3x5"
    let private pair (text: string) : Result<int * int, string> =
        match text.Split('x') with
        | [| both |] -> number both |> Result.map (fun n -> n, n)
        | [| rows; columns |] when rows <> "" && columns <> "" ->
            match number rows, number columns with
            | Ok r, Ok c -> Ok(r, c)
            | Error e, _
            | _, Error e -> Error e
        | _ -> Error $"{Quotation.quote text} is not a size such as 3 or 3x5"

    /// What may follow the sizes: "stride S" and "pad P", in any order, each at most once.
    type private Extras<'S> =
        {
            Stride: 'S option
            Padding: 'S option
        }

    let private extras (size: string -> Result<'S, string>) (words: string list) : Result<Extras<'S>, string> =
        let rec read (found: Extras<'S>) (words: string list) =
            match words with
            | [] -> Ok found
            | "stride" :: value :: rest when found.Stride.IsNone ->
                size value |> Result.bind (fun s -> read { found with Stride = Some s } rest)
            | "pad" :: value :: rest when found.Padding.IsNone ->
                size value |> Result.bind (fun p -> read { found with Padding = Some p } rest)
            | word :: _ -> Error $"{Quotation.quote word} was not expected; what may follow is 'stride S' and 'pad P'"

        read { Stride = None; Padding = None } words

    let private pool (size: string) (rest: string list) : Result<PoolConfig, string> =
        pair size
        |> Result.bind (fun kernel ->
            extras pair rest
            |> Result.map (fun extra ->
                {
                    Kernel = kernel
                    Stride = defaultArg extra.Stride kernel
                    Padding = defaultArg extra.Padding (0, 0)
                }))

    let private layer (words: string list) : Result<Layer, string> =
        match words with
        | [ "relu" ] -> Ok Relu
        | [ "identity" ] -> Ok(Activation Activation.Identity)
        | [ "silu" ] -> Ok(Activation Activation.Silu)
        | [ "gelu" ] -> Ok(Activation Activation.Gelu)
        | [ "tanh" ] -> Ok(Activation Activation.Tanh)
        | [ "leakyrelu"; slope ] -> fraction slope |> Result.map (Activation.LeakyRelu >> Activation)
        | [ "batchnorm" ] -> Ok BatchNorm
        | [ "dropout"; rate ] -> fraction rate |> Result.map Dropout
        | [ "gap" ] -> Ok GlobalAveragePool
        | [ "flatten" ] -> Ok Flatten
        | "conv" :: filters :: kernel :: rest ->
            match number filters, pair kernel, extras pair rest with
            | Ok filters, Ok kernel, Ok extra ->
                Ok(
                    Conv2d
                        {
                            Filters = filters
                            Kernel = kernel
                            Stride = defaultArg extra.Stride (1, 1)
                            Padding = defaultArg extra.Padding (0, 0)
                        }
                )
            | Error e, _, _
            | _, Error e, _
            | _, _, Error e -> Error e
        | "conv1d" :: filters :: kernel :: rest ->
            match number filters, number kernel, extras number rest with
            | Ok filters, Ok kernel, Ok extra ->
                Ok(
                    Conv1d
                        {
                            Filters = filters
                            Kernel = kernel
                            Stride = defaultArg extra.Stride 1
                            Padding = defaultArg extra.Padding 0
                        }
                )
            | Error e, _, _
            | _, Error e, _
            | _, _, Error e -> Error e
        | "pool" :: size :: rest -> pool size rest |> Result.map MaxPool2d
        | "avgpool" :: size :: rest -> pool size rest |> Result.map AvgPool2d
        | [ "dense"; sizes ] ->
            match sizes.Split "->" with
            | [| outputs |] -> number outputs |> Result.map (fun o -> Dense { Inputs = None; Outputs = o })
            | [| inputs; outputs |] ->
                match number inputs, number outputs with
                | Ok i, Ok o -> Ok(Dense { Inputs = Some i; Outputs = o })
                | Error e, _
                | _, Error e -> Error e
            | _ -> Error $"{Quotation.quote sizes} is not a size such as 10 or 1568->128"
        | [] -> Error "there is nothing between two commas"
        | "conv" :: _ -> Error "conv needs the number of filters and the size of the kernel, as in 'conv 16 3 pad 1'"
        | "conv1d" :: _ -> Error "conv1d needs the number of filters and the size of the kernel, as in 'conv1d 16 5'"
        | "pool" :: _
        | "avgpool" :: _ -> Error "pooling needs the size of its window, as in 'pool 2'"
        | "dense" :: _ -> Error "dense needs the number of its outputs alone, as in 'dense 10' or 'dense 1568->10'"
        | ("relu" | "silu" | "gelu" | "tanh" | "identity" | "batchnorm" | "gap" | "flatten") as name :: _ ->
            Error $"{name} takes nothing after its name"
        | "leakyrelu" :: _ -> Error "leakyrelu needs its slope below 0 alone, as in 'leakyrelu 0.01'"
        | "dropout" :: _ -> Error "dropout needs the part that it drops alone, as in 'dropout 0.5'"
        | word :: _ ->
            Error
                $"{Quotation.quote word} is not a layer; the layers are conv, conv1d, pool, avgpool, gap, batchnorm, relu, leakyrelu, silu, gelu, tanh, identity, dropout, flatten, dense, residual(…)"

    /// The parts of a text between separators that stand in no brackets.
    let private split (separator: char) (text: string) : Result<string list, string> =
        let mutable depth = 0
        let mutable deepest = 0
        let mutable start = 0
        let parts = ResizeArray<string>()

        for i in 0 .. text.Length - 1 do
            match text[i] with
            | '(' when depth >= 0 ->
                depth <- depth + 1
                deepest <- max deepest depth
            | ')' when depth >= 0 -> depth <- depth - 1
            | c when c = separator && depth = 0 ->
                parts.Add text[start .. i - 1]
                start <- i + 1
            | _ -> ()

        let last = text.Substring start

        let wrong (reason: string) =
            Error $"layer {parts.Count}, {Quotation.quote (last.Trim())}: {reason}"

        if depth < 0 then
            wrong "there is a ')' without its '('"
        elif depth > 0 then
            wrong "there is a '(' without its ')'"
        elif deepest > Network.DeepestNesting then
            wrong $"there are {deepest} brackets inside of each other; there may be {Network.DeepestNesting}"
        else
            parts.Add last
            Ok(List.ofSeq parts)

    let private spaces = [| ' '; '\t'; '\n'; '\r' |]

    /// One more word than a layer may have: the rest then stays as it is.
    [<Literal>]
    let private MostWords = 8

    let private words (text: string) =
        text.Split(spaces, MostWords, StringSplitOptions.RemoveEmptyEntries)
        |> List.ofArray

    /// Layers with commas between them, or the index of the first that cannot be read and why.
    let rec private layers (text: string) : Result<Layer list, string> =
        split ',' text
        |> Result.bind (fun parts ->
            // one layer at a time, so that the first that fails is the one named
            ((Ok []), List.indexed parts)
            ||> List.fold (fun before (index, part) ->
                before
                |> Result.bind (fun layers ->
                    match one part with
                    | Ok next -> Ok(next :: layers)
                    | Error reason -> Error $"layer {index}, {Quotation.quote (part.Trim())}: {reason}")))
        |> Result.map List.rev

    and private one (text: string) : Result<Layer, string> =
        let bare = text.Trim()

        if bare.StartsWith("residual", StringComparison.Ordinal) then
            let opening = bare.IndexOf '('
            let name = if opening < 0 then bare else bare.Substring(0, opening)

            if name.TrimEnd() <> "residual" || bare[bare.Length - 1] <> ')' then
                Error "residual needs the layers of its body in brackets, as in 'residual(conv 16 3 pad 1, relu)'"
            else
                split '|' (bare.Substring(opening + 1, bare.Length - opening - 2))
                |> Result.bind (function
                    | [ body ] -> layers body |> Result.map (fun body -> Residual { Body = body; Shortcut = [] })
                    | [ body; shortcut ] ->
                        layers body
                        |> Result.bind (fun body ->
                            layers shortcut
                            |> Result.map (fun shortcut -> Residual { Body = body; Shortcut = shortcut }))
                    | _ -> Error "residual has one '|' at most, between its body and its shortcut")
        elif bare.Contains '(' then
            Error "brackets belong behind residual alone"
        else
            layer (words bare)

    /// The layers of a text, or a sentence that says which layer (counted from 0) cannot be read and why.
    let parse (text: string) : Result<Layer list, string> =
        // every layer but the first stands behind one of these; too many are refused before any memory is taken for them
        let separators =
            text.AsSpan().Count ',' + text.AsSpan().Count '(' + text.AsSpan().Count '|'

        if separators >= Network.MostLayers then
            Error $"the network has {separators + 1} layers; there may be {Network.MostLayers}"
        else
            layers (text.ToLowerInvariant())

    let private formatPair (rows: int, columns: int) =
        if rows = columns then string rows else $"{rows}x{columns}"

    let private formatExtras (stride: int * int) (usual: int * int) (padding: int * int) =
        (if stride = usual then
             ""
         else
             $" stride {formatPair stride}")
        + (if padding = (0, 0) then
               ""
           else
               $" pad {formatPair padding}")

    let private formatNumber (value: float) =
        value.ToString("R", CultureInfo.InvariantCulture)

    /// The text of one layer.
    let rec formatLayer (layer: Layer) : string =
        match layer with
        | Relu
        | GlobalAveragePool
        | BatchNorm
        | Activation Activation.Relu
        | Activation Activation.Identity
        | Activation Activation.Silu
        | Activation Activation.Gelu
        | Activation Activation.Tanh -> Layer.name layer
        | Activation(Activation.LeakyRelu slope) -> $"leakyrelu {formatNumber slope}"
        | Dropout rate -> $"dropout {formatNumber rate}"
        | Residual { Body = body; Shortcut = [] } -> $"residual({format body})"
        | Residual { Body = body; Shortcut = shortcut } -> $"residual({format body} | {format shortcut})"
        | Flatten -> "flatten"
        | Conv2d c -> $"conv {c.Filters} {formatPair c.Kernel}{formatExtras c.Stride (1, 1) c.Padding}"
        | Conv1d c -> $"conv1d {c.Filters} {c.Kernel}{formatExtras (c.Stride, c.Stride) (1, 1) (c.Padding, c.Padding)}"
        | MaxPool2d c -> $"pool {formatPair c.Kernel}{formatExtras c.Stride c.Kernel c.Padding}"
        | AvgPool2d c -> $"avgpool {formatPair c.Kernel}{formatExtras c.Stride c.Kernel c.Padding}"
        | Dense { Inputs = None; Outputs = outputs } -> $"dense {outputs}"
        | Dense {
                    Inputs = Some inputs
                    Outputs = outputs
                } -> $"dense {inputs}->{outputs}"

    /// The text of a network: parse gives the same layers back.
    and format (layers: Layer list) : string =
        layers |> List.map formatLayer |> String.concat ", "

    /// The networks that have a name, for any number of classes.
    let presets (classes: int) : (string * string) list =
        [ // part 5 of the guide
            "simple", $"conv 8 3, relu, pool 2, flatten, dense {classes}"
            // part 8 of the guide, with the padding that its 1568 inputs need
            "deep",
            "conv 16 3 pad 1, relu, pool 2, conv 32 3 pad 1, relu, pool 2, "
            + $"flatten, dense 128, relu, dense {classes}"
            // LeNet-5 (LeCun et al. 1998) in its usual modern form, with ReLU and max-pooling
            "lenet",
            "conv 6 5 pad 2, relu, pool 2, conv 16 5, relu, pool 2, "
            + $"flatten, dense 120, relu, dense 84, relu, dense {classes}"
        ]
