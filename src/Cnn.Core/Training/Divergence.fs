namespace Cnn.Training

open System.Numerics
open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks

/// What was the first number of a step that is not finite.
type FirstFault =
    /// In what a layer made of its input.
    | OutputOf of layer: int
    /// In the loss, though all logits are finite.
    | OfLoss
    /// In the gradient that came out of a layer, for its input or its parameters.
    | GradientOf of layer: int
    /// In the new parameters of a layer, in their averages, or in what the layer keeps.
    | UpdateOf of layer: int
    /// Nowhere: each operation by itself stays finite.
    | NotFound

/// Where a step of training left the finite numbers. A step is a pure function of the state before it, which still exists: it is
/// gone through again, one operation after the other and shard by shard, and the first that gives a number that is not finite is named.
module Divergence =

    let private ofForward (trace: LayerForward<'T> list) : FirstFault option =
        trace
        |> List.tryFindIndex (fun layer -> not (Tensor.isFinite layer.Output))
        |> Option.map OutputOf

    /// From the last layer down.
    let private ofBackward (trace: LayerForward<'T> list) (dlogits: Tensor<'T>) : FirstFault option =
        let rec walk (dy: Tensor<'T>) (below: (int * LayerForward<'T>) list) =
            match below with
            | [] -> None
            // nobody asks for the gradient of the input
            | [ (index, bottom) ] when not (Parameters.isFinite (bottom.ParameterGradient dy)) -> Some(GradientOf index)
            | [ _ ] -> None
            | (index, layer) :: rest ->
                let gradient = layer.Backward dy

                if Tensor.isFinite gradient.Input && Parameters.isFinite gradient.Parameters then
                    walk gradient.Input rest
                else
                    Some(GradientOf index)

        walk dlogits (List.rev (List.indexed trace))

    let private ofShard
        (state: TrainingState<'T>)
        (x: Tensor<'T>)
        (labels: Tensor<int>)
        (start: int, count: int)
        : FirstFault option =
        let randomness =
            {
                Seed = TrainingState.draws state
                FirstExample = start
            }

        let trace =
            Network.forward (Training randomness) state.Plan.Network state.Parameters (Tensor.slice start count x)

        match ofForward trace with
        | Some fault -> Some fault
        | None ->
            let struct (loss, cache) =
                SoftmaxCrossEntropy.forwardSmoothed
                    state.Options.LabelSmoothing
                    (Tensor.slice start count labels)
                    (List.last trace).Output

            if System.Double.IsFinite loss then
                ofBackward trace (SoftmaxCrossEntropy.backward cache 1.0).Logits
            else
                Some OfLoss

    /// Whether the numbers that belong to a layer in this state are finite.
    let private isFiniteAt (state: TrainingState<'T>) (layer: int) : bool =
        let part (parameters: Parameters<'T>) =
            match parameters with
            | Block parts when layer < parts.Length -> Parameters.isFinite parts[layer]
            | _ -> true

        let kept =
            match state.State with
            | States parts when layer < parts.Length -> LayerState.isFinite parts[layer]
            | _ -> true

        kept
        && part state.Parameters
        && part state.OptimizerState.First
        && part state.OptimizerState.Second

    /// Where the step from `before`, with these examples, to `after` left the finite numbers.
    let firstFault
        (x: Tensor<'T>)
        (labels: Tensor<int>)
        (before: TrainingState<'T>)
        (after: TrainingState<'T>)
        : FirstFault =
        let inShards =
            DataParallel.shards labels.Count |> List.map (ofShard before x labels)

        /// The one that a step meets first, whatever the shard: forward before backward.
        let earliest =
            [
                yield!
                    inShards
                    |> List.choose (function
                        | Some(OutputOf i) -> Some i
                        | _ -> None)
                    |> List.sort
                    |> List.map OutputOf
                if List.contains (Some OfLoss) inShards then
                    OfLoss
                yield!
                    inShards
                    |> List.choose (function
                        | Some(GradientOf i) -> Some i
                        | _ -> None)
                    |> List.sortDescending
                    |> List.map GradientOf
                yield!
                    [ 0 .. before.Plan.Network.Layers.Length - 1 ]
                    |> List.filter (not << isFiniteAt after)
                    |> List.map UpdateOf
            ]

        earliest |> List.tryHead |> Option.defaultValue NotFound
