namespace Cnn.Fusion

#nowarn "9"

open System
open System.Numerics
open Cnn.Tensors
open Cnn.Kernels
open Cnn.Networks

/// A plan as its kernels want it: tables that depend on the plan alone, made once, and memory for the parameters, which are packed
/// anew for each step of training and only once for a model that is to classify.
[<Sealed; AllowNullLiteral>]
type internal PreparedPlan<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (plan: Plan, forTraining: bool) =
    let memory = Workspace.Own()
    let stages = Array.ofList plan.Stages
    let layers = plan.Network.Layers.Length
    let struct (channels, extents) = StagePass.extents plan.Network.Input

    let prepared: Prepared<'T>[] =
        stages
        |> Array.mapFold
            (fun inStep stage ->
                let result =
                    StagePass.prepare memory forTraining (stage.FirstLayer > 0) inStep stage

                result, StagePass.outputStep result)
            channels
        |> fst

    let learning =
        stages |> Array.map (fun stage -> stage.LearningLayer |> Option.toValueOption)

    // stage and part of each piece of packing
    let packing =
        [|
            for i in 0 .. stages.Length - 1 do
                for part in 0 .. StagePass.packingParts prepared[i] - 1 -> struct (i, part)
        |]

    let border (i: int) =
        if i < stages.Length then
            StagePass.border stages[i]
        else
            struct (0, 0)

    member _.Plan = plan
    member _.ForTraining = forTraining
    member _.Stages = stages
    member _.Stage(i: int) = prepared[i]

    /// Numbers of one example.
    member val InputSize = Shape.size plan.Network.Input

    /// The parameters of each stage. Raises ArgumentException for those of another network.
    member _.Parts(parameters: Parameters<'T>) : Parameters<'T>[] =
        match parameters with
        | Block parts when parts.Length = layers ->
            let parts = Array.ofList parts

            learning
            |> Array.mapi (fun i layer ->
                match layer, StagePass.learned stages[i] with
                | ValueNone, _ -> Empty
                | ValueSome layer, ValueSome(struct (weight, bias)) ->
                    match parts[layer] with
                    | Affine p when p.Weight.Count = weight && p.Bias.Count = bias -> parts[layer]
                    | _ -> invalidArg (nameof parameters) "the parameters are those of another network"
                | ValueSome layer, ValueNone -> parts[layer])
        | _ -> invalidArg (nameof parameters) "the parameters are those of another network"

    /// Pieces of packing, which may be done at once.
    member _.PackingCount = packing.Length

    /// One piece of packing, given the parameters of each stage.
    member _.Pack (parts: Parameters<'T>[]) (piece: int) : unit =
        let struct (i, part) = packing[piece]
        StagePass.pack prepared[i] parts[i] part

    /// All of them.
    member p.PackAll(parameters: Parameters<'T>) : unit =
        let parts = p.Parts parameters

        for piece in 0 .. packing.Length - 1 do
            p.Pack parts piece

    /// Memory for what stage i reads, or for what the last one gives.
    member _.TakeInput(workspace: Workspace, i: int, examples: int) : FeatureMap<'T> =
        let struct (borderRows, borderColumns) = border i

        if i = 0 then
            let struct (rows, columns) = extents
            FeatureMap.take<'T> workspace examples channels channels (rows, columns) (borderRows, borderColumns)
        else
            StagePass.takeOutput workspace stages[i - 1] prepared[i - 1] (border i) examples

    interface IDisposable with
        member _.Dispose() = (memory :> IDisposable).Dispose()
