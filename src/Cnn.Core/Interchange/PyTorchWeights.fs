namespace Cnn.Interchange

open System
open System.Collections.Generic
open Cnn.Tensors
open Cnn.Networks
open Cnn.Storage

/// The numbers of a network, from a file of PyTorch.
[<NoComparison; NoEquality>]
type ImportedWeights =
    {
        Parameters: Parameters<float32>
        State: LayerState<float32>
        /// Where they were found, in the order of the layers.
        Modules: MatchedModule list
    }

/// The state_dict of PyTorch as a safetensors file, such as `safetensors.torch.save_file(model.state_dict(), …)` writes. Only numbers are
/// in it: which network they are of must be known.
///
/// PyTorch's layouts are ours but for Linear, whose weight is [ out; in ] where ours is [ in; out ]. Flattening goes through channels,
/// rows and columns in both. A module without a bias (bias=False) has one of zeros here, and a BatchNorm without weight and bias
/// (affine=False) ones and zeros.
module PyTorchWeights =

    /// What a state_dict may hold.
    let private formats = NumberFormat.all

    /// Files of torch.save: zip archives today, bare pickles once.
    let internal isPickle (file: ReadOnlySpan<byte>) : bool =
        file.StartsWith(ReadOnlySpan "PK\003\004"B)
        || (file.Length > 2 && file[0] = 0x80uy && file[1] >= 2uy && file[1] <= 5uy)

    /// [ a; b ] as [ b; a ].
    let private transpose (x: Tensor<float32>) : Tensor<float32> =
        let rows, columns = x.Shape[0], x.Shape[1]

        Tensor.create
            [ columns; rows ]
            (Fill(fun target ->
                let source = x.Span

                for row in 0 .. rows - 1 do
                    for column in 0 .. columns - 1 do
                        target[column * rows + row] <- source[row * columns + column]))

    /// A module's tensors under the names that they have here.
    let private tensors (pair: MatchedModule) : (string * Tensor<float32>) list =
        let modul = pair.Module
        let outputs = [ modul.Form.Weight.Head ]
        let named (leaf: string) (tensor: Tensor<float32>) = $"{pair.Layer.Name}.{leaf}", tensor

        let weight =
            match modul.Weight with
            | Some stored when modul.Form.Kind = ModuleKind.Linear -> transpose (StoredTensor.numbers stored)
            | Some stored -> StoredTensor.numbers stored
            | None -> Tensor.init modul.Form.Weight (fun _ -> 1.0f)

        let bias =
            match modul.Bias with
            | Some stored -> StoredTensor.numbers stored
            | None -> Tensor.zeros outputs

        let running =
            match modul.Running with
            | Some(mean, variance) ->
                [
                    named "running_mean" (StoredTensor.numbers mean)
                    named "running_var" (StoredTensor.numbers variance)
                ]
            | None -> []

        named "weight" weight :: named "bias" bias :: running

    /// The numbers in the bytes of a file for a network, or why there are none, as the rest of a sentence that starts with the name of
    /// the file. `map` says where modules go that cannot be told apart otherwise: pairs of the name of a module ("features.0") and
    /// that of a layer ("0", or "3.0.1" in a residual block).
    let decode
        (map: (string * string) list)
        (network: Network)
        (file: ReadOnlyMemory<byte>)
        : Result<ImportedWeights, string> =
        match Safetensors.read formats file with
        | Error _ when isPickle file.Span ->
            Error
                "it was written by torch.save, and reading that may run code; write it with safetensors.torch.save_file(model.state_dict(), …)"
        | Error reason -> Error reason
        | Ok(_, stored) ->
            TorchModule.ofStateDict stored
            |> Result.bind (fun modules -> ModuleMatching.pair map modules (LearningLayer.ofNetwork network))
            |> Result.bind (fun pairs ->
                // only now that every shape is one of the network is memory taken for numbers
                ModelFile.numbers network (List.collect tensors pairs)
                |> Result.map (fun (parameters, state) ->
                    {
                        Parameters = parameters
                        State = state
                        Modules = pairs
                    }))

    /// The bytes of a file for PyTorch, whose modules have the names of our layers, as in a Sequential of the same layers, or those that
    /// `map` gives them: pairs of the name of a module and that of a layer, as in `decode`. num_batches_tracked is 0, for it is not
    /// known here; PyTorch needs the tensor, but uses its number only where momentum is None.
    let encode (map: (string * string) list) (model: TrainedNetwork) : Result<byte[], string> =
        let layers = LearningLayer.ofNetwork model.Network
        let known = HashSet(layers |> List.map (fun layer -> layer.Name))

        let name (layer: LearningLayer) =
            map
            |> List.tryPick (fun (modul, target) -> if target = layer.Name then Some modul else None)
            |> Option.defaultValue layer.Name

        let names = layers |> List.map name

        match map |> List.tryFind (fun (_, target) -> not (known.Contains target)) with
        | Some(_, target) ->
            let known = String.Join(", ", known)
            Error $"the network has no layer {Quotation.quote target} that learns; those are {known}"
        | None when (List.distinct names).Length < names.Length -> Error "two layers would have the same name"
        | None when map.Length > (List.distinctBy snd map).Length -> Error "a layer is given two names"
        | None ->
            let values =
                Parameters.named model.Parameters @ LayerState.named model.State |> dict

            let counters =
                layers
                |> List.filter (fun layer -> layer.Form.Kind = ModuleKind.BatchNorm)
                |> List.map (fun layer -> WrittenTensor.ofCounter $"{name layer}.num_batches_tracked" 0L)

            let tensors =
                layers
                |> List.collect (fun layer ->
                    let leaves =
                        match layer.Form.Kind with
                        | ModuleKind.BatchNorm -> [ "weight"; "bias"; "running_mean"; "running_var" ]
                        | _ -> [ "weight"; "bias" ]

                    leaves
                    |> List.map (fun leaf ->
                        let tensor = values[$"{layer.Name}.{leaf}"]

                        let tensor =
                            if leaf = "weight" && layer.Form.Kind = ModuleKind.Linear then
                                transpose tensor
                            else
                                tensor

                        WrittenTensor.ofNumbers $"{name layer}.{leaf}" tensor))

            // readers want every tensor to begin at a multiple of the size of its numbers: the widest come first
            let all = counters @ tensors

            if Safetensors.fitsWritten all then
                Ok(Safetensors.write (readOnlyDict [ "format", "pt" ]) all)
            else
                Error "its tensors would not fit into one file"
