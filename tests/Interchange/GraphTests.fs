/// Models as graphs of operators and back, without the form of files.
module Cnn.Tests.Interchange.GraphTests

open Expecto
open Cnn.Tensors
open Cnn.Networks
open Cnn.Storage
open Cnn.Interchange
open Cnn.Tests.NetworkCases
open Cnn.Tests.Properties
open Cnn.Tests.Support
open Cnn.Tests.Interchange.GraphCases

let private expectSameModel (actual: TrainedNetwork) (expected: TrainedNetwork) =
    Expect.equal actual.Network.Input expected.Network.Input "input"
    Expect.equal actual.Network.Layers expected.Network.Layers "layers"
    Expect.equal (numbersOf actual) (numbersOf expected) "bits of the numbers"
    Expect.equal actual.Normalization expected.Normalization "normalisation"
    Expect.equal actual.ClassNames expected.ClassNames "names"
    Expect.equal actual.Command expected.Command "command"

let tests =
    testList
        "Interchange.Graph"
        [
            property "a model of ours comes back as it was, to the last bit" (fun (RichCase case) ->
                let model = modelOf case
                let imported = import (GraphExport.ofNetwork model)
                expectSameModel imported.Model model
                Expect.isEmpty imported.Remarks "remarks")
            property "from its nodes alone come the layers that compute, with the same bits" (fun (RichCase case) ->
                let model = modelOf case

                let imported =
                    import
                        { GraphExport.ofNetwork model with
                            Notes = []
                        }

                Expect.equal imported.Model.Network.Layers (visible model.Network) "layers"
                Expect.equal (numbersOf imported.Model) (numbersOf model) "bits of the numbers"

                let struct (mean, deviation) =
                    struct (imported.Model.Normalization.Mean, imported.Model.Normalization.StandardDeviation)

                Expect.floatClose Accuracy.medium mean model.Normalization.Mean "mean"
                Expect.floatClose Accuracy.medium deviation model.Normalization.StandardDeviation "deviation")
            test "a file of ours that somebody has changed is read by its nodes, not by its notes" {
                let model = model [ 1; 6; 6 ] "conv 2 3, relu, flatten, dropout 0.5, dense 3" 1
                let graph = GraphExport.ofNetwork model

                let changed =
                    { graph with
                        Nodes =
                            graph.Nodes
                            |> List.map (fun node ->
                                if node.Operator = "Relu" then
                                    { node with
                                        Operator = "LeakyRelu"
                                        Attributes = [ { Name = "alpha"; Value = Number 0.25f } ]
                                    }
                                else
                                    node)
                    }

                let imported = import changed
                Expect.exists imported.Remarks (fun line -> line.Contains "somebody has changed it") "remarks"
                let imported = imported.Model

                Expect.equal
                    (Architecture.format imported.Network.Layers)
                    "conv 2 3, leakyrelu 0.25, flatten, dense 3"
                    "layers"

                Expect.equal imported.Command "" "the command trained another model"
                Expect.equal imported.ClassNames model.ClassNames "names"
            }
            test "notes that ask for other tensors than are there are not believed" {
                let model = model [ 1; 6; 6 ] "conv 2 3, relu, flatten, dense 3" 2
                let graph = GraphExport.ofNetwork model

                for key, text in [ "architecture", "conv 9 3, dense 3"; "input", "1x9x9"; "mean", "x" ] do
                    let lying =
                        { graph with
                            Notes =
                                graph.Notes
                                |> List.map (fun note -> if note.Key = key then { note with Text = text } else note)
                        }

                    Expect.equal (import lying).Model.Network.Layers model.Network.Layers key
            }
        ]
