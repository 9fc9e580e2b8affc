namespace Cnn.Storage

open System
open System.Collections.Generic
open Cnn.Tensors
open Cnn.Networks

/// A model as it was read from a file.
[<NoComparison>]
type StoredModel =
    {
        Model: TrainedNetwork
        /// Whether the file held its own digest, which is then right. Files of other programs hold none.
        IsVerified: bool
    }

/// The project's model file: a safetensors file whose metadata hold the architecture in its text form, the shape of an
/// input, the normalisation, the names of the classes and the command that trained it. The tensors have the names of
/// Parameters.named and LayerState.named: "0.weight", "0.bias", "1.running_mean", …
module ModelFile =

    /// The value of the metadata key "format".
    [<Literal>]
    let private Format = "functional-cnn"

    /// That of a checkpoint, which holds a model among other things.
    [<Literal>]
    let internal CheckpointFormat = "functional-cnn-checkpoint"

    /// The value of the key "version". Version 1 had no digest.
    [<Literal>]
    let private Version = "2"

    /// The bytes of the file.
    let encode (model: TrainedNetwork) : byte[] =
        Safetensors.encode
            {
                Metadata = readOnlyDict ([ "format", Format; "version", Version ] @ ModelMetadata.write model)
                Tensors = Parameters.named model.Parameters @ LayerState.named model.State
            }

    /// Whether these metadata are those of a model that can be read here.
    let private checkFormat (metadata: IReadOnlyDictionary<string, string>) : Result<unit, string> =
        let text key =
            match metadata.TryGetValue key with
            | true, value -> value
            | _ -> ""

        match text "format", text "version", metadata.ContainsKey FileDigest.Key with
        | Format, Version, false
        | CheckpointFormat, _, false -> Error $"it is damaged: its {FileDigest.Key} is missing"
        | Format, (Version | "1"), _
        | CheckpointFormat, "1", _ -> Ok()
        | (Format | CheckpointFormat), other, _ ->
            Error $"it is of version {Quotation.quote other}, which this program does not read; take a newer one"
        | _ when metadata.ContainsKey "architecture" -> Ok()
        | _ -> Error "it is a safetensors file, but its metadata do not say which architecture it is of"

    /// What a model has of the tensors of a checkpoint: the moving average, where there is one.
    let private ofCheckpoint (tensors: (string * Tensor<float32>) list) : (string * Tensor<float32>) list =
        let below (prefix: string) =
            tensors
            |> List.choose (fun (name, tensor) ->
                if name.StartsWith(prefix, StringComparison.Ordinal) then
                    Some(name.Substring prefix.Length, tensor)
                else
                    None)

        match below "average." with
        | [] -> below "parameters." @ below "state."
        | average -> average @ below "average_state."

    /// Parameters and state, from tensors of which each must have its place.
    let internal numbers
        (network: Network)
        (tensors: (string * Tensor<float32>) list)
        : Result<Parameters<float32> * LayerState<float32>, string> =
        let table = Dictionary<string, Tensor<float32>>()

        for name, tensor in tensors do
            table[name] <- tensor

        let find (name: string) (shape: Shape) =
            match table.TryGetValue name with
            | true, tensor when tensor.Shape = shape -> Ok tensor
            | true, tensor ->
                Error
                    $"its tensor {Quotation.quote name} is {Shape.format tensor.Shape}, but its architecture asks for {Shape.format shape}"
            | _ -> Error $"its tensor {Quotation.quote name} is missing"

        Network.assemble find network
        |> Result.bind (fun parameters ->
            Network.assembleState find network
            |> Result.map (fun state -> parameters, state))
        |> Result.bind (fun (parameters, state) ->
            let placed =
                Parameters.named parameters @ LayerState.named state |> List.map fst |> HashSet

            match tensors |> List.tryFind (fun (name, _) -> not (placed.Contains name)) with
            | Some(name, _) -> Error $"its tensor {Quotation.quote name} has no place in its architecture"
            | None when tensors.Length > placed.Count -> Error "two of its tensors have the same name"
            | None when not (Parameters.isFinite parameters && LayerState.isFinite state) ->
                Error "it holds numbers that are not finite"
            | None when not (LayerState.isPossible state) -> Error "it holds a negative variance"
            | None -> Ok(parameters, state))

    /// The model in the bytes of a file, or what is wrong with them, as the rest of a sentence that starts with the
    /// file's name ("model.bin is not a model: …"). A checkpoint is read as the model that it would be saved as.
    let decode (file: ReadOnlyMemory<byte>) : Result<StoredModel, string> =
        Safetensors.decode file
        |> Result.bind (fun contents ->
            let metadata = contents.Metadata

            checkFormat metadata
            |> Result.bind (fun () -> ModelMetadata.network metadata)
            |> Result.bind (fun network ->
                match ModelMetadata.normalization metadata, ModelMetadata.classNames network.Classes metadata with
                | Ok normalization, Ok names ->
                    let tensors =
                        match metadata.TryGetValue "format" with
                        | true, CheckpointFormat -> ofCheckpoint contents.Tensors
                        | _ -> contents.Tensors

                    numbers network tensors
                    |> Result.map (fun (parameters, state) ->
                        {
                            Model =
                                {
                                    Network = network
                                    Parameters = parameters
                                    State = state
                                    Normalization = normalization
                                    ClassNames = names
                                    Command = ModelMetadata.command metadata
                                }
                            IsVerified = metadata.ContainsKey FileDigest.Key
                        })
                | Error reason, _
                | _, Error reason -> Error reason))
