namespace Cnn.Interchange

open System.Collections.Generic
open Cnn.Networks

/// Why a module belongs to a layer.
[<RequireQualifiedAccess>]
type MatchedBy =
    /// Somebody said so.
    | Map
    /// All modules have the names of our layers.
    | Name
    /// No other module and no other layer has this form.
    | Form
    /// Others have the same form; they go by the natural order of their names.
    | Order

/// A module of a file and the layer that takes its numbers.
[<NoComparison; NoEquality>]
type MatchedModule =
    {
        Module: TorchModule
        Layer: LearningLayer
        By: MatchedBy
    }

/// Finds the layer of each module.
module ModuleMatching =

    let private expectFit (by: MatchedBy) (modul: TorchModule) (layer: LearningLayer) : Result<MatchedModule, string> =
        if modul.Form = layer.Form then
            Ok
                {
                    Module = modul
                    Layer = layer
                    By = by
                }
        else
            Error
                $"its {TorchModule.describe modul.Name} is {ModuleForm.describe modul.Form}, but {LearningLayer.describe layer}, asks for {ModuleForm.describe layer.Form}"

    let private collect (results: Result<'A, string> list) : Result<'A list, string> =
        (results, Ok [])
        ||> List.foldBack (fun next after ->
            match next, after with
            | Error reason, _ -> Error reason
            | Ok _, Error reason -> Error reason
            | Ok item, Ok items -> Ok(item :: items))

    let private repeated (names: string list) : string option =
        names
        |> List.countBy id
        |> List.tryPick (fun (name, count) -> if count > 1 then Some name else None)

    /// The pairs that were asked for.
    let private mapped
        (map: (string * string) list)
        (modules: TorchModule list)
        (layers: LearningLayer list)
        : Result<MatchedModule list, string> =
        match repeated (List.map fst map), repeated (List.map snd map) with
        | Some name, _ -> Error $"its {TorchModule.describe name} is mapped twice"
        | _, Some name -> Error $"two of its modules are mapped to layer {Quotation.quote name}"
        | None, None ->
            map
            |> List.map (fun (name, target) ->
                match
                    modules |> List.tryFind (fun modul -> modul.Name = name),
                    layers |> List.tryFind (fun layer -> layer.Name = target)
                with
                | Some modul, Some layer -> expectFit MatchedBy.Map modul layer
                | None, _ ->
                    let known =
                        modules
                        |> List.truncate 20
                        |> List.map (fun modul -> Quotation.quote modul.Name)
                        |> String.concat ", "

                    Error $"it has no {TorchModule.describe name}; its modules are {known}"
                | _, None ->
                    let known = layers |> List.map (fun layer -> layer.Name) |> String.concat ", "
                    Error $"the network has no layer {Quotation.quote target} that learns; those are {known}")
            |> collect

    /// Modules and layers of the same form, in order, and what is left of either.
    let private byForm (modules: TorchModule list) (layers: LearningLayer list) =
        let waiting = Dictionary<ModuleForm, Queue<TorchModule>>()

        for modul in modules do
            match waiting.TryGetValue modul.Form with
            | true, queue -> queue.Enqueue modul
            | _ -> waiting[modul.Form] <- Queue [ modul ]

        let sharing = layers |> List.countBy (fun layer -> layer.Form) |> dict

        let pairs =
            layers
            |> List.map (fun layer ->
                match waiting.TryGetValue layer.Form with
                | true, queue when queue.Count > 0 ->
                    layer,
                    Some
                        {
                            Module = queue.Dequeue()
                            Layer = layer
                            By =
                                if sharing[layer.Form] > 1 then
                                    MatchedBy.Order
                                else
                                    MatchedBy.Form
                        }
                | _ -> layer, None)

        let found = List.choose snd pairs
        let placed = HashSet(found |> List.map (fun pair -> pair.Module.Name))

        found,
        modules |> List.filter (fun modul -> not (placed.Contains modul.Name)),
        pairs
        |> List.choose (fun (layer, pair) -> if pair.IsNone then Some layer else None)

    /// Pairs every module with a layer and every layer with a module, in the order of the layers: first those of the map, a list
    /// of module and layer; then by name, if all others have the names of our layers; else by form. The Error is the rest of a
    /// sentence that starts with the name of the file.
    let pair
        (map: (string * string) list)
        (modules: TorchModule list)
        (layers: LearningLayer list)
        : Result<MatchedModule list, string> =
        mapped map modules layers
        |> Result.bind (fun chosen ->
            let chosenModules = HashSet(chosen |> List.map (fun pair -> pair.Module.Name))
            let chosenLayers = HashSet(chosen |> List.map (fun pair -> pair.Layer.Name))

            let modules =
                modules |> List.filter (fun modul -> not (chosenModules.Contains modul.Name))

            let rest =
                layers |> List.filter (fun layer -> not (chosenLayers.Contains layer.Name))

            let own = modules |> List.map (fun modul -> modul.Name, modul) |> dict

            let others =
                if
                    own.Count = rest.Length
                    && rest |> List.forall (fun layer -> own.ContainsKey layer.Name)
                then
                    rest
                    |> List.map (fun layer -> expectFit MatchedBy.Name own[layer.Name] layer)
                    |> collect
                else
                    match byForm modules rest with
                    | pairs, [], [] -> Ok pairs
                    | _, modul :: _, [] ->
                        Error
                            $"no layer is left for its {TorchModule.describe modul.Name}, {ModuleForm.describe modul.Form}"
                    | _, modules, layer :: _ ->
                        // one of the same kind was meant for it, most likely
                        match modules |> List.tryFind (fun modul -> modul.Form.Kind = layer.Form.Kind) with
                        | Some modul -> expectFit MatchedBy.Form modul layer |> Result.map List.singleton
                        | None ->
                            Error
                                $"it has no module for {LearningLayer.describe layer}, which asks for {ModuleForm.describe layer.Form}"

            others
            |> Result.map (fun others ->
                let place = layers |> List.mapi (fun i layer -> layer.Name, i) |> dict
                chosen @ others |> List.sortBy (fun pair -> place[pair.Layer.Name])))
