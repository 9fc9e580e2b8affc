namespace Cnn

open System
open System.Collections.Generic
open Cnn.Tensors
open Cnn.Networks
open Cnn.Interchange

/// A module of PyTorch and the layer that took its numbers.
[<Sealed>]
type ImportedModule internal (pair: MatchedModule) =
    /// The name of the module in the file, "features.0", shortened and fit to be shown.
    member _.Name = Quotation.shorten pair.Module.Name

    /// Linear, Conv1d, Conv2d or BatchNorm.
    member _.Kind = ModuleKind.name pair.Module.Form.Kind

    /// The shape of its weight in PyTorch's layout: "84x120".
    member _.WeightShape = Shape.format pair.Module.Form.Weight

    /// Whether it has a bias; else that of the layer is 0.
    member _.HasBias = pair.Module.Bias.IsSome

    /// Whether another module has the same form, so that their names decided by their order.
    member _.IsByOrder = pair.By = MatchedBy.Order

    /// The layer as in the names of its parameters: "0", or "3.0.1" in a residual block.
    member _.Layer = pair.Layer.Name

    /// The layer in the text form.
    member _.LayerText = Architecture.formatLayer pair.Layer.Layer

/// A model with the numbers of a file of PyTorch.
[<Sealed>]
type ImportedStateDict internal (model: Model, modules: MatchedModule list) =
    /// The model.
    member _.Model = model

    /// In the order of the layers.
    member _.Modules: IReadOnlyList<ImportedModule> =
        modules |> List.map ImportedModule |> Array.ofList :> _

/// Numbers to and from PyTorch: a state_dict as a safetensors file, see PyTorchWeights.
[<AbstractClass; Sealed>]
type StateDict =

    static let pairs (map: IEnumerable<KeyValuePair<string, string>>) : (string * string) list =
        [ for KeyValue(modul, layer) in map -> modul, layer ]

    /// The same network with the numbers in the bytes of a file. `map` gives modules, by name, to layers, by name; those that it leaves
    /// out find theirs by name or shape. Raises CnnException with the rest of a sentence that starts with the name of the file.
    static member Import
        (model: Model, file: ReadOnlyMemory<byte>, map: IEnumerable<KeyValuePair<string, string>>)
        : ImportedStateDict =
        match PyTorchWeights.decode (pairs map) model.Trained.Network file with
        | Ok imported -> ImportedStateDict(model.With(imported.Parameters, imported.State), imported.Modules)
        | Error reason -> raise (CnnException reason)

    /// Whether a file starts as those of torch.save, which may run code when they are read, and are not read here.
    static member IsPickle(file: ReadOnlyMemory<byte>) : bool = PyTorchWeights.isPickle file.Span

    /// The bytes of a file for PyTorch. Its modules have the names of our layers, or those that `map` has for them. Raises CnnException
    /// for a map that names a layer that is not there, or makes two names the same.
    static member Export(model: Model, map: IEnumerable<KeyValuePair<string, string>>) : byte[] =
        match PyTorchWeights.encode (pairs map) model.Trained with
        | Ok bytes -> bytes
        | Error reason -> raise (CnnException reason)
