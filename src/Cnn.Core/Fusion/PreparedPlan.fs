namespace Cnn.Fusion

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Operations
open Cnn.Networks

/// A plan as its kernels want it: tables that depend on the plan alone, made once, and memory for the parameters, which are packed
/// anew for each step of training and only once for a model that is to classify.
[<Sealed; AllowNullLiteral>]
type internal PreparedPlan<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (plan: Plan, forTraining: bool) =
    let memory = Workspace.Own()

    let stages =
        Array.ofList (if forTraining then plan.Stages else plan.StagesOfInference)

    let struct (channels, extents) = PreparedStage.extents plan.Network.Input

    // of stage i; map 0 has as many numbers a cell as the input has channels
    let prepared: Prepared<'T>[] = Array.zeroCreate stages.Length

    let step (map: int) =
        if map = 0 then
            channels
        else
            PreparedStage.outputStep prepared[map - 1]

    do
        for i in 0 .. stages.Length - 1 do
            prepared[i] <- PreparedStage.prepare memory forTraining (step stages[i].Source) stages[i]

    // stage and part of each piece of packing
    let packing =
        [|
            for i in 0 .. stages.Length - 1 do
                for part in 0 .. PreparedStage.packingParts prepared[i] - 1 -> struct (i, part)
        |]

    // a map is read by one stage, but for those that take it with any border
    let borders =
        Array.init (stages.Length + 1) (fun map ->
            stages
            |> Array.filter (fun stage -> stage.Source = map)
            |> Array.map PreparedStage.border
            |> Array.tryFind (fun border -> border.IsSome)
            |> Option.map (fun border -> border.Value)
            |> Option.defaultValue (struct (0, 0)))

    let rec parametersAt (path: int list) (parameters: Parameters<'T>) : Parameters<'T> voption =
        match path, parameters with
        | [], found -> ValueSome found
        | i :: rest, Block parts when i < parts.Length -> parametersAt rest parts[i]
        | _ -> ValueNone

    let rec stateAt (path: int list) (state: LayerState<'T>) : LayerState<'T> voption =
        match path, state with
        | [], found -> ValueSome found
        | i :: rest, States parts when i < parts.Length -> stateAt rest parts[i]
        | _ -> ValueNone

    let other () =
        invalidArg "parameters" "the parameters, or the state, are those of another network"

    /// What batch normalisation by kept statistics makes of a layer before it, or of its input.
    let folded (state: LayerState<'T>) (norm: Parameters<'T>) (layer: Affine<'T>) : Affine<'T> =
        match norm, state with
        | Affine n, Running r when n.Weight.Count = layer.Bias.Count && r.Mean.Shape = n.Weight.Shape ->
            let struct (weight, bias) =
                BatchNorm.fold BatchNorm.DefaultEpsilon n.Weight n.Bias r.Mean r.Variance layer.Weight layer.Bias

            { Weight = weight; Bias = bias }
        | _ -> other ()

    /// What is to be packed for a stage, given the state in inference.
    let part (parameters: Parameters<'T>) (state: LayerState<'T> voption) (stage: Stage) : Parameters<'T> =
        match stage.Learning, PreparedStage.learned stage with
        | Some path, ValueSome(struct (weight, bias)) ->
            match parametersAt path parameters with
            | ValueSome(Affine p as own) when p.Weight.Count = weight && p.Bias.Count = bias ->
                let kept path =
                    state |> ValueOption.bind (stateAt path) |> ValueOption.defaultWith other

                match stage.Folded, stage.Operation with
                | Some norm, _ ->
                    let norm' = parametersAt norm parameters |> ValueOption.defaultWith other
                    Affine(folded (kept norm) norm' p)
                | None, Normalization _ when not forTraining ->
                    // a layer that gives what it gets, folded: scale and shift
                    let channels = p.Weight.Count

                    let same =
                        {
                            Weight = Tensor.init [ channels; 1; 1 ] (fun _ -> 'T.One)
                            Bias = Tensor.zeros [ channels ]
                        }

                    Affine(folded (kept path) own same)
                | _ -> own
            | _ -> other ()
        | _ -> Empty

    member _.Plan = plan
    member _.ForTraining = forTraining
    member _.Stages = stages
    member _.Stage(i: int) = prepared[i]

    /// Numbers of one example.
    member val InputSize = Shape.size plan.Network.Input

    /// What is to be packed for each stage; inference needs the state. Raises ArgumentException for those of another network.
    member _.Parts(parameters: Parameters<'T>, state: LayerState<'T> voption) : Parameters<'T>[] =
        match parameters with
        | Block parts when parts.Length = plan.Network.Layers.Length -> stages |> Array.map (part parameters state)
        | _ -> other ()

    /// Pieces of packing, which may be done at once.
    member _.PackingCount = packing.Length

    /// One piece of packing, given the parameters of each stage.
    member _.Pack (parts: Parameters<'T>[]) (piece: int) : unit =
        let struct (i, part) = packing[piece]
        PreparedStage.pack prepared[i] parts[i] part

    /// All of them.
    member p.PackAll(parameters: Parameters<'T>, state: LayerState<'T> voption) : unit =
        let parts = p.Parts(parameters, state)

        for piece in 0 .. packing.Length - 1 do
            p.Pack parts piece

    /// Memory for a map.
    member _.TakeMap(workspace: Workspace, map: int, examples: int) : FeatureMap<'T> =
        if map = 0 then
            let struct (rows, columns) = extents
            let struct (borderRows, borderColumns) = borders[0]
            FeatureMap.take<'T> workspace examples channels channels (rows, columns) (borderRows, borderColumns)
        else
            PreparedStage.takeOutput workspace stages[map - 1] prepared[map - 1] borders[map] examples

    /// The map that the last stage gives.
    member _.LastMap = stages.Length

    interface IDisposable with
        member _.Dispose() = (memory :> IDisposable).Dispose()
