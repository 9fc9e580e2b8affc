namespace Cnn.Storage

open System
open System.Globalization
open Cnn.Tensors
open Cnn.Networks

/// How bytes of an image become inputs of the network: (byte / 255 - Mean) / StandardDeviation.
type Normalization =
    {
        Mean: float
        StandardDeviation: float
    }

module Normalization =

    /// Bytes 0 .. 255 become 0 .. 1, as in the guide: background stays exactly 0.
    let unit: Normalization = { Mean = 0.0; StandardDeviation = 1.0 }

    /// Mean 0 and variance 1 over all these bytes, or a sentence where there is no variance.
    let ofBytes (pixels: ReadOnlySpan<byte>) : Result<Normalization, string> =
        // whole numbers, so that no order of additions matters
        let counts: int64[] = Array.zeroCreate 256

        for pixel in pixels do
            counts[int pixel] <- counts[int pixel] + 1L

        let total = float pixels.Length

        let mean =
            Seq.sum (Seq.mapi (fun byte count -> float byte * float count) counts) / total

        let variance =
            Seq.sum (Seq.mapi (fun byte count -> (float byte - mean) ** 2.0 * float count) counts)
            / total

        if pixels.Length = 0 || variance = 0.0 then
            Error "images whose pixels are all the same cannot be normalised"
        else
            Ok
                {
                    Mean = mean / 255.0
                    StandardDeviation = sqrt variance / 255.0
                }

    /// The input that each of the 256 bytes becomes.
    let table (normalization: Normalization) : float32[] =
        Array.init 256 (fun byte ->
            float32 ((float byte / 255.0 - normalization.Mean) / normalization.StandardDeviation))

/// A network with its numbers, and what it expects of its input.
[<NoComparison>]
type TrainedNetwork =
    {
        Network: Network
        Parameters: Parameters<float32>
        State: LayerState<float32>
        Normalization: Normalization
    }

/// The project's model file: a safetensors file whose metadata hold the architecture in its text form, the shape of an
/// input and the normalisation. The tensors have the names of Parameters.named: "0.weight", "0.bias", …
module ModelFile =

    /// The value of the metadata key "format", and the only "version" there is.
    let private format = "functional-cnn", "1"

    let private exact (value: float) =
        value.ToString("R", CultureInfo.InvariantCulture)

    /// The bytes of the file.
    let encode (model: TrainedNetwork) : byte[] =
        Safetensors.encode
            {
                Metadata =
                    Map
                        [
                            "format", fst format
                            "version", snd format
                            "architecture", Architecture.format model.Network.Layers
                            "input", Shape.format model.Network.Input
                            "mean", exact model.Normalization.Mean
                            "standard_deviation", exact model.Normalization.StandardDeviation
                        ]
                Tensors = Parameters.named model.Parameters @ LayerState.named model.State
            }

    let private find (key: string) (metadata: Map<string, string>) =
        match Map.tryFind key metadata with
        | Some value -> Ok value
        | None -> Error $"its metadata lack '{key}'"

    let private shape (text: string) : Result<Shape, string> =
        let extents =
            text.Split 'x'
            |> List.ofArray
            |> List.map (fun part -> Int32.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture))

        if extents.Length <= 8 && List.forall fst extents then
            Ok(List.map snd extents)
        else
            Error $"'{text}' is not the shape of an input"

    let private number (what: string) (text: string) : Result<float, string> =
        match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, value when Double.IsFinite value -> Ok value
        | _ -> Error $"'{text}' is not a {what}"

    let private network (metadata: Map<string, string>) : Result<Network, string> =
        match find "format" metadata, find "version" metadata with
        | Ok f, Ok v when (f, v) = format ->
            find "input" metadata
            |> Result.bind shape
            |> Result.bind (fun input ->
                find "architecture" metadata
                |> Result.bind Architecture.parse
                |> Result.bind (Network.create input))
        | Ok f, Ok v when f = fst format -> Error $"it is of version {v}, and this program reads version {snd format}"
        | _ -> Error "it is a safetensors file, but not a model of this program"

    let private normalization (metadata: Map<string, string>) : Result<Normalization, string> =
        match
            find "mean" metadata |> Result.bind (number "mean"),
            find "standard_deviation" metadata |> Result.bind (number "standard deviation")
        with
        | Ok mean, Ok deviation when deviation > 0.0 ->
            Ok
                {
                    Mean = mean
                    StandardDeviation = deviation
                }
        | Ok _, Ok deviation -> Error $"a standard deviation of {exact deviation} is not positive"
        | Error reason, _
        | _, Error reason -> Error reason

    /// Parameters and state, from tensors of which each must have its place.
    let private numbers
        (network: Network)
        (tensors: (string * Tensor<float32>) list)
        : Result<Parameters<float32> * LayerState<float32>, string> =
        let table = Map.ofList tensors

        let find name shape =
            match Map.tryFind name table with
            | None -> Error $"its tensor '{name}' is missing"
            | Some tensor when tensor.Shape <> shape ->
                Error
                    $"its tensor '{name}' is {Shape.format tensor.Shape}, but its architecture asks for {Shape.format shape}"
            | Some tensor -> Ok tensor

        Network.assemble find network
        |> Result.bind (fun parameters ->
            Network.assembleState find network
            |> Result.map (fun state -> parameters, state))
        |> Result.bind (fun (parameters, state) ->
            let placed =
                Parameters.named parameters @ LayerState.named state
                |> List.map fst
                |> Set.ofList

            match tensors |> List.tryFind (fun (name, _) -> not (placed.Contains name)) with
            | Some(name, _) -> Error $"its tensor '{name}' has no place in its architecture"
            | None -> Ok(parameters, state))

    /// Whether a state can be that of a training.
    let rec private isPossible (state: LayerState<float32>) : bool =
        match state with
        | Stateless -> true
        | Running r -> Seq.forall (fun i -> r.Variance[i] >= 0.0f) (seq { 0 .. r.Variance.Count - 1 })
        | States parts -> List.forall isPossible parts

    /// The model in the bytes of a file, or what is wrong with them, as the rest of a sentence that starts with the
    /// file's name ("model.bin is not a model: …").
    let decode (file: ReadOnlyMemory<byte>) : Result<TrainedNetwork, string> =
        Safetensors.decode file
        |> Result.bind (fun contents ->
            match network contents.Metadata, normalization contents.Metadata with
            | Ok network, Ok normalization ->
                numbers network contents.Tensors
                |> Result.bind (fun (parameters, state) ->
                    if not (Parameters.isFinite parameters && LayerState.isFinite state) then
                        Error "it holds numbers that are not finite"
                    elif isPossible state then
                        Ok
                            {
                                Network = network
                                Parameters = parameters
                                State = state
                                Normalization = normalization
                            }
                    else
                        Error "it holds a negative variance")
            | Error reason, _
            | _, Error reason -> Error reason)
