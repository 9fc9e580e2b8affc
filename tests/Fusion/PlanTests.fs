/// What the fusion pass makes of networks, written out.
module Cnn.Tests.Fusion.PlanTests

open Expecto
open Cnn.Tensors
open Cnn.Networks
open Cnn.Fusion
open Cnn.Tests.NetworkCases
open Cnn.Tests.Properties
open Cnn.Tests.Support

let private plan (input: Shape) (architecture: string) =
    Plan.ofNetwork (network input architecture)

let private stages (input: Shape) (architecture: string) =
    plan input architecture |> Plan.describe

let tests =
    testList
        "plan"
        [
            test "the part-8 network is four operations" {
                let deep =
                    Architecture.presets 10 |> List.find (fun (name, _) -> name = "deep") |> snd

                Expect.equal
                    (stages [ 1; 28; 28 ] deep)
                    [
                        "conv 16 3 pad 1, relu, pool 2"
                        "conv 32 3 pad 1, relu, pool 2"
                        "flatten, dense 128, relu"
                        "dense 10"
                    ]
                    "stages"
            }
            test "ReLU and max-pooling fuse in either order; average pooling and a second ReLU stand alone" {
                Expect.equal
                    (stages
                        [ 2; 9; 9 ]
                        "conv 3 3, pool 2, relu, relu, conv 4 2, avgpool 2, relu, flatten, relu, dense 3")
                    [
                        "conv 3 3, pool 2, relu"
                        "relu"
                        "conv 4 2"
                        "avgpool 2"
                        "relu"
                        "flatten"
                        "relu"
                        "dense 3"
                    ]
                    "stages"
            }
            test "signals are images of one row" {
                let first = (plan [ 2; 12 ] "conv1d 4 3 pad 1, relu, flatten, dense 2").Stages.Head

                match first.Operation with
                | FusedConvolution conv ->
                    Expect.equal (conv.Window.Rows.Input, conv.Window.Columns.Input) (1, 12) "extents"
                    Expect.equal conv.Border (0, 1) "border"
                    Expect.isTrue conv.Relu "relu"
                | other -> failtest $"{other}"
            }
            property
                "the stages hold every layer once, in order, and their shapes follow each other"
                (fun (case: NetworkCase) ->
                    let plan = Plan.ofNetwork case.Network
                    Expect.equal (plan.Stages |> List.collect (fun s -> s.Layers)) case.Network.Layers "layers"

                    Expect.equal
                        (plan.Stages |> List.map (fun s -> s.Path.Head))
                        (plan.Stages
                         |> List.scan (fun n s -> n + s.Layers.Length) 0
                         |> List.take plan.Stages.Length)
                        "first layers"

                    Expect.equal
                        (plan.Stages |> List.map (fun s -> s.Input))
                        (case.Network.Input :: (plan.Stages |> List.map (fun s -> s.Output))
                         |> List.take plan.Stages.Length)
                        "shapes"

                    for stage in plan.Stages do
                        match stage.Operation with
                        | Unfused layer ->
                            Expect.equal (Layer.parameterShapes layer stage.Input) NoParameters "what learns is fused"
                        | _ -> ())
        ]
