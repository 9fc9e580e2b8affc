namespace Cnn.Interchange

open Cnn.Tensors
open Cnn.Networks
open Cnn.Storage

/// The modules of PyTorch that learn what layers here learn.
[<RequireQualifiedAccess>]
type ModuleKind =
    /// weight [ out; in ], ours transposed
    | Linear
    /// weight [ out; in; length ], as ours
    | Conv1d
    /// weight [ out; in; rows; columns ], as ours
    | Conv2d
    /// BatchNorm1d or BatchNorm2d: weight, running_mean and running_var [ channels ], as ours
    | BatchNorm

module ModuleKind =

    /// As PyTorch calls it. (The name that F# itself gives a case is looked up while a program runs, which a native one cannot do.)
    let name (kind: ModuleKind) : string =
        match kind with
        | ModuleKind.Linear -> "Linear"
        | ModuleKind.Conv1d -> "Conv1d"
        | ModuleKind.Conv2d -> "Conv2d"
        | ModuleKind.BatchNorm -> "BatchNorm"

/// What tells modules apart: two of the same form can take each other's numbers.
[<Struct>]
type ModuleForm =
    {
        Kind: ModuleKind
        /// The shape of the weight, as PyTorch has it.
        Weight: Shape
    }

module ModuleForm =

    /// "a Linear with a weight of 84x120"
    let describe (form: ModuleForm) : string =
        $"a {ModuleKind.name form.Kind} with a weight of {Shape.format form.Weight}"

/// A layer of ours that learns, as a module of PyTorch.
type LearningLayer =
    {
        /// As in the names of its parameters: "0", or "3.0.1" in a residual block.
        Name: string
        Layer: Layer
        Form: ModuleForm
    }

module LearningLayer =

    /// "layer 9, dense 84"
    let describe (layer: LearningLayer) : string =
        $"layer {layer.Name}, {Architecture.formatLayer layer.Layer}"

    let rec private within (prefix: string) (layers: Layer list) (input: Shape) : LearningLayer list =
        List.zip layers (Layer.inputShapes layers input)
        |> List.indexed
        |> List.collect (fun (i, (layer, input)) ->
            let name = $"{prefix}{i}"

            let one (kind: ModuleKind) (weight: Shape) =
                [
                    {
                        Name = name
                        Layer = layer
                        Form = { Kind = kind; Weight = weight }
                    }
                ]

            match layer, Layer.parameterShapes layer input with
            | Residual config, _ ->
                within $"{name}.0." config.Body input
                @ within $"{name}.1." config.Shortcut input
            | Dense _, WeightAndBias(weight, _) -> one ModuleKind.Linear (List.rev weight)
            | Conv1d _, WeightAndBias(weight, _) -> one ModuleKind.Conv1d weight
            | Conv2d _, WeightAndBias(weight, _) -> one ModuleKind.Conv2d weight
            | BatchNorm, WeightAndBias(weight, _) -> one ModuleKind.BatchNorm weight
            | (Dense _ | Conv1d _ | Conv2d _ | BatchNorm), _ ->
                invalidOp $"{Layer.name layer} learns a weight and a bias"
            // none by default: a new layer that learns must not be left out
            | (MaxPool2d _ | AvgPool2d _ | GlobalAveragePool | Relu | Activation _ | Dropout _ | Flatten), _ -> [])

    /// Those of a network, in order.
    let ofNetwork (network: Network) : LearningLayer list = within "" network.Layers network.Input

/// A module, as the tensors of a state_dict show it.
[<NoComparison; NoEquality>]
type TorchModule =
    {
        /// What its tensors have in front: "features.0"; empty where they have nothing.
        Name: string
        Form: ModuleForm
        Weight: StoredTensor option
        Bias: StoredTensor option
        /// running_mean and running_var of a BatchNorm.
        Running: (StoredTensor * StoredTensor) option
    }

module TorchModule =

    /// "module 'fc2'"
    let describe (name: string) : string = $"module {Quotation.quote name}"

    /// The name of the module, and that of a tensor in it.
    let private split (name: string) : string * string =
        match name.LastIndexOf '.' with
        | -1 -> "", name
        | dot -> name.Substring(0, dot), name.Substring(dot + 1)

    let private known =
        set [ "weight"; "bias"; "running_mean"; "running_var"; "num_batches_tracked" ]

    let private form (name: string) (find: string -> StoredTensor option) : Result<ModuleForm, string> =
        let form kind (weight: Shape) = Ok { Kind = kind; Weight = weight }

        match find "weight", find "running_mean", find "running_var" with
        | None, Some mean, Some _ -> form ModuleKind.BatchNorm mean.Shape
        | Some weight, Some _, Some _ -> form ModuleKind.BatchNorm weight.Shape
        | _, Some _, None -> Error $"its {describe name} has a running_mean, but no running_var"
        | _, None, Some _ -> Error $"its {describe name} has a running_var, but no running_mean"
        | None, None, None -> Error $"its {describe name} has no weight"
        | Some weight, None, None ->
            match weight.Shape with
            | [ _; _ ] -> form ModuleKind.Linear weight.Shape
            | [ _; _; _ ] -> form ModuleKind.Conv1d weight.Shape
            | [ _; _; _; _ ] -> form ModuleKind.Conv2d weight.Shape
            | [ _ ] ->
                Error
                    $"its {describe name} has a weight of one axis without running_mean and running_var, which a BatchNorm has"
            | shape ->
                Error
                    $"its {describe name} has a weight of {Shape.format shape}, which no Linear, Conv1d, Conv2d or BatchNorm has"

    /// Every tensor but the weight has a number for each output.
    let private expectVectors (modul: TorchModule) : Result<TorchModule, string> =
        let vectors =
            Option.toList modul.Bias
            @ (modul.Running
               |> Option.toList
               |> List.collect (fun (mean, variance) -> [ mean; variance ]))

        match
            vectors
            |> List.tryFind (fun tensor -> tensor.Shape <> [ modul.Form.Weight.Head ])
        with
        | Some tensor ->
            Error
                $"its tensor {Quotation.quote tensor.Name} is {Shape.format tensor.Shape}, but should be {modul.Form.Weight.Head}, as the weight is {Shape.format modul.Form.Weight}"
        | None when modul.Form.Kind = ModuleKind.BatchNorm && modul.Form.Weight.Length <> 1 ->
            Error
                $"its {describe modul.Name} has running_mean, but a weight of {Shape.format modul.Form.Weight}; a BatchNorm has one of one axis"
        | None -> Ok modul

    let private ofTensors (name: string, tensors: (string * StoredTensor) list) : Result<TorchModule, string> =
        let find (leaf: string) =
            tensors
            |> List.tryPick (fun (own, tensor) -> if own = leaf then Some tensor else None)

        form name find
        |> Result.bind (fun form ->
            if form.Weight.IsEmpty then
                Error $"its {describe name} has a weight without axes"
            else
                expectVectors
                    {
                        Name = name
                        Form = form
                        Weight = find "weight"
                        Bias = find "bias"
                        Running =
                            Option.map2
                                (fun mean variance -> mean, variance)
                                (find "running_mean")
                                (find "running_var")
                    })

    /// The modules that some tensors belong to, in the natural order of their names, or what is wrong, as the rest of a sentence that
    /// starts with the name of the file.
    let ofStateDict (tensors: StoredTensor list) : Result<TorchModule list, string> =
        let named = tensors |> List.map (fun tensor -> split tensor.Name, tensor)

        let strange =
            named
            |> List.tryPick (fun ((_, leaf), tensor) ->
                if not (known.Contains leaf) then
                    Some
                        $"its tensor {Quotation.quote tensor.Name} is none of a Linear, Conv1d, Conv2d or BatchNorm: those are called weight, bias, running_mean, running_var and num_batches_tracked"
                elif tensor.Format = NumberFormat.I64 && leaf <> "num_batches_tracked" then
                    Some
                        $"its tensor {Quotation.quote tensor.Name} holds whole numbers, but should hold F32, F64, F16 or BF16"
                else
                    None)

        match strange with
        | Some reason -> Error reason
        | None ->
            let modules =
                named
                |> List.groupBy (fun ((name, _), _) -> name)
                |> List.map (fun (name, group) -> name, group |> List.map (fun ((_, leaf), tensor) -> leaf, tensor))
                |> List.sortWith (fun (a, _) (b, _) -> NaturalOrder.compare a b)

            (Ok [], modules)
            ||> List.fold (fun before item ->
                before
                |> Result.bind (fun built -> ofTensors item |> Result.map (fun next -> next :: built)))
            |> Result.map List.rev
