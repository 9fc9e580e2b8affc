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

let private back =
    testList
        "there and back"
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

/// Layers that an architecture gives as text.
let private layersOf (imported: ImportedNetwork) =
    Architecture.format imported.Model.Network.Layers

let private foreign =
    testList
        "graphs of other programs"
        [
            test "a residual Add, in either order, of paths that part once or twice" {
                let block (name: string) (input: string) first =
                    let sum =
                        if first then
                            [ input; name + "c" ]
                        else
                            [ name + "c"; input ]

                    [
                        node "Conv" [ input; name + "w" ] (name + "a") [ "pads", Integers [ 1L; 1L; 1L; 1L ] ]
                        node "Relu" [ name + "a" ] (name + "b") []
                        node "Identity" [ name + "b" ] (name + "c") []
                        node "Add" sum name []
                    ]

                let imported =
                    graph
                        (images 2 5 5)
                        (block "p" "x" true
                         @ block "q" "p" false
                         @ [ node "GlobalAveragePool" [ "q" ] "g" []; node "Flatten" [ "g" ] "y" [] ])
                        [ constant "pw" [ 2; 2; 3; 3 ] 1; constant "qw" [ 2; 2; 3; 3 ] 2 ]
                    |> import

                Expect.equal
                    (layersOf imported)
                    "residual(conv 2 3 pad 1, relu), residual(conv 2 3 pad 1, relu), gap"
                    "layers"
            }
            test "the shape of a batch of flat examples, as exporters compute it" {
                let flattened target nodes constants =
                    graph
                        (images 1 3 4)
                        (nodes
                         @ [
                             node "Relu" [ "x" ] "r" []
                             node "Reshape" [ "r"; target ] "f" []
                             node "Gemm" [ "f"; "w" ] "y" []
                         ])
                        (constant "w" [ 12; 3 ] 1 :: constants)

                let computed =
                    [
                        node "Shape" [ "x" ] "s" []
                        node
                            "Constant"
                            []
                            "zero"
                            [ "value", TensorOf(whole "" [ 0L ] |> fun t -> { t with Extents = [] }) ]
                        node "Gather" [ "s"; "zero" ] "n" [ "axis", Integer 0L ]
                        node "Unsqueeze" [ "n"; "axes" ] "nn" []
                        node "Constant" [] "rest" [ "value_ints", Integers [ -1L ] ]
                        node "Concat" [ "nn"; "rest" ] "target" [ "axis", Integer 0L ]
                    ]

                for name, graph in
                    [
                        "computed", flattened "target" computed [ whole "axes" [ 0L ] ]
                        "-1", flattened "t" [] [ whole "t" [ -1L; 12L ] ]
                        "0", flattened "t" [] [ whole "t" [ 0L; -1L ] ]
                        "a batch of one",
                        { flattened "t" [] [ whole "t" [ 1L; -1L ] ] with
                            Inputs =
                                [
                                    {
                                        Name = "x"
                                        Type = Float32
                                        Extents = [ Fixed 1L; Fixed 1L; Fixed 3L; Fixed 4L ]
                                    }
                                ]
                        }
                    ] do
                    Expect.equal (layersOf (import graph)) "relu, flatten, dense 3" name
            }
            test "pixels: bytes where nodes scale them down, else parts of 255, unless somebody says otherwise" {
                let of' nodes constants =
                    graph
                        (images 1 2 2)
                        (nodes @ [ node "Flatten" [ "p" ] "f" []; node "Gemm" [ "f"; "w" ] "y" [] ])
                        (constant "w" [ 4; 2 ] 1 :: constants)

                let plain = of' [ node "Identity" [ "x" ] "p" [] ] []

                let standardized =
                    of'
                        [ node "Sub" [ "x"; "m" ] "c" []; node "Div" [ "c"; "s" ] "p" [] ]
                        [ scalar "m" 0.25f; scalar "s" 0.5f ]

                let scaled =
                    of'
                        [ node "Mul" [ "k"; "x" ] "c" []; node "Add" [ "c"; "b" ] "p" [] ]
                        [ scalar "k" (1.0f / 128.0f); scalar "b" -0.5f ]

                let expect given graph mean deviation =
                    match GraphImport.ofGraph given graph with
                    | Error reason -> failtest reason
                    | Ok imported ->
                        Expect.equal imported.Model.Normalization.Mean mean "mean"
                        Expect.equal imported.Model.Normalization.StandardDeviation deviation "deviation"

                        Expect.equal
                            (imported.Remarks |> List.exists (fun line -> line.Contains "--pixels"))
                            (Option.isNone given)
                            "what was taken for granted is said"

                let given =
                    {
                        Mean = 0.125
                        StandardDeviation = 0.75
                    }

                expect None plain 0.0 1.0
                expect None standardized 0.25 0.5
                // 255/128 byte/255 - 1/2 = (byte/255 - 64/255) / (128/255)
                expect None scaled (0.5 * (1.0 / 255.0) / (1.0 / 128.0)) (1.0 / 255.0 / (1.0 / 128.0))
                expect (Some given) plain 0.125 0.75
                expect (Some given) standardized (0.125 + 0.25 * 0.75) (0.75 * 0.5)
            }
            test "factors of a product are taken into its weights" {
                let imported =
                    graph
                        (images 1 2 2)
                        [
                            node "Flatten" [ "x" ] "f" [ "axis", Integer -3L ]
                            node
                                "Gemm"
                                [ "f"; "w"; "b" ]
                                "y"
                                [ "alpha", Number 0.5f; "beta", Number 2.0f; "transB", Integer 1L ]
                        ]
                        [
                            GraphTensor.ofTensor "w" (Tensor.ofSeq [ 2; 4 ] [ 1.f; 2.f; 3.f; 4.f; 5.f; 6.f; 7.f; 8.f ])
                            scalar "b" 3.0f
                        ]
                    |> import

                match imported.Model.Parameters with
                | Block [ _; Affine dense ] ->
                    Expect.equal
                        (dense.Weight.ToArray())
                        [| 0.5f; 2.5f; 1.0f; 3.0f; 1.5f; 3.5f; 2.0f; 4.0f |]
                        "weight [ In; Out ], halved"

                    Expect.equal (dense.Bias.ToArray()) [| 6.0f; 6.0f |] "bias, doubled"
                | other -> failtest $"{other}"
            }
            test "a swish is a silu, and axes of one place may be squeezed away" {
                let imported =
                    graph
                        (images 3 4 6)
                        [
                            node "Swish" [ "x" ] "s" []
                            node
                                "MaxPool"
                                [ "s" ]
                                "p"
                                [
                                    "auto_pad", Text "VALID"
                                    "kernel_shape", Integers [ 2L; 3L ]
                                    "strides", Integers [ 1L; 3L ]
                                ]
                            node "ReduceMean" [ "p" ] "g" [ "axes", Integers [ -1L; -2L ] ]
                            node "Squeeze" [ "g" ] "y" [ "axes", Integers [ 2L; 3L ] ]
                        ]
                        []
                    |> import

                Expect.equal (layersOf imported) "silu, pool 2x3 stride 1x3, gap" "layers"
            }
            test "a part of a shape, cut out of it" {
                let reshaped nodes constants =
                    graph
                        (images 2 3 4)
                        (nodes
                         @ [
                             node "Concat" [ "n"; "rest" ] "t" [ "axis", Integer 0L ]
                             node "Reshape" [ "x"; "t" ] "y" []
                         ])
                        (whole "rest" [ -1L ] :: constants)

                for name, graph in
                    [
                        "by Shape itself",
                        reshaped [ node "Shape" [ "x" ] "n" [ "start", Integer 0L; "end", Integer 1L ] ] []
                        "by Slice",
                        reshaped
                            [ node "Shape" [ "x" ] "s" []; node "Slice" [ "s"; "first"; "last" ] "n" [] ]
                            [ whole "first" [ 0L ]; whole "last" [ -3L ] ]
                    ] do
                    Expect.equal (layersOf (import graph)) "flatten" name
            }
            test "another epsilon is made up for by the variances, where they suffice" {
                let normalized (epsilon: float32) (variance: float32) =
                    graph
                        (images 1 2 2)
                        [
                            node
                                "BatchNormalization"
                                [ "x"; "one"; "zero"; "zero"; "v" ]
                                "n"
                                [ "epsilon", Number epsilon ]
                            node "Flatten" [ "n" ] "y" []
                        ]
                        [
                            for name, value in [ "one", 1.0f; "zero", 0.0f; "v", variance ] do
                                GraphTensor.ofTensor name (Tensor.ofSeq [ 1 ] [ value ])
                        ]

                let variance graph =
                    match (import graph).Model.State with
                    | States(Running running :: _) -> running.Variance[0]
                    | other -> failtest $"{other}"

                Expect.equal (variance (normalized 1e-5f 0.25f)) 0.25f "ours"
                Expect.equal (variance (normalized 1e-3f 0.25f)) 0.25099f "a larger one"
                Expect.equal (variance (normalized 0.0f 0.25f)) 0.24999f "none"

                match GraphImport.ofGraph None (normalized 0.0f 1e-6f) with
                | Ok _ -> failtest "a negative variance"
                | Error reason -> Expect.stringContains reason "too small to make up for that" "reason"
            }
            test "what a graph means to us is said of softmax, and asked of nothing" {
                let imported =
                    graph
                        (images 1 2 2)
                        [
                            node "Flatten" [ "x" ] "f" []
                            node "MatMul" [ "f"; "w" ] "m" []
                            node "Add" [ "b"; "m" ] "l" []
                            node "Softmax" [ "l" ] "y" [ "axis", Integer 1L ]
                            // nobody reads this
                            node "Einsum" [ "x" ] "dead" []
                        ]
                        [ constant "w" [ 4; 3 ] 1; constant "b" [ 1; 3 ] 2 ]
                    |> import

                Expect.equal (layersOf imported) "flatten, dense 3" "layers"
                Expect.exists imported.Remarks (fun line -> line.Contains "softmax") "remarks"

                match imported.Model.Parameters with
                | Block [ _; Affine dense ] ->
                    Expect.equal (bits dense.Bias) ((constant "b" [ 1; 3 ] 2).Bytes.ToArray()) "bias"
                | other -> failtest $"{other}"
            }
        ]

/// A graph of one node between pixels and flat logits, and what the refusal must say.
let private refusals: (string * OperatorGraph) list =
    let single operator inputs attributes constants =
        graph
            (images 1 8 8)
            [
                node operator ("x" :: inputs) "a" attributes
                node "GlobalAveragePool" [ "a" ] "g" []
                node "Flatten" [ "g" ] "y" []
            ]
            constants

    let convolution attributes =
        single "Conv" [ "w" ] attributes [ constant "w" [ 2; 1; 3; 3 ] 1 ]

    let pool operator attributes =
        single operator [] (("kernel_shape", Integers [ 2L; 2L ]) :: attributes) []

    let plain = single "Relu" [] [] []

    [
        "node '/a' (ConvTranspose): no layer here is this operator", single "ConvTranspose" [] [] []
        "its transA is 1",
        graph
            (images 1 2 2)
            [
                node "Flatten" [ "x" ] "f" []
                node "Gemm" [ "f"; "w" ] "y" [ "transA", Integer 1L ]
            ]
            [ constant "w" [ 4; 2 ] 1 ]
        "goes on after the softmax",
        graph
            (images 1 2 2)
            [
                node "Flatten" [ "x" ] "f" []
                node "Softmax" [ "f" ] "s" []
                node "Relu" [ "s" ] "y" []
            ]
            []
        "half of a silu",
        graph
            (images 1 2 2)
            [
                node "Flatten" [ "x" ] "f" []
                node "Sigmoid" [ "f" ] "s" []
                node "Relu" [ "s" ] "y" []
            ]
            []
        "ends in a sigmoid", graph (images 1 2 2) [ node "Flatten" [ "x" ] "f" []; node "Sigmoid" [ "f" ] "y" [] ] []
        "its weights are computed", graph (images 1 2 2) [ node "MatMul" [ "x"; "x" ] "y" [] ] []
        "another type than float32", single "Cast" [] [ "to", Integer 10L ] []
        "not the mean over all places", single "ReduceMean" [] [ "axes", Integers [ 1L ] ] []
        "the batch stays", graph (images 1 2 2) [ node "Flatten" [ "x" ] "y" [ "axis", Integer 2L ] ] []
        "has the name of another value",
        graph (images 1 2 2) [ node "Flatten" [ "x" ] "y" []; node "Flatten" [ "y" ] "y" [] ] []
        "its group is 2", convolution [ "group", Integer 2L ]
        "its dilations are", convolution [ "dilations", Integers [ 2L; 2L ] ]
        "differ between the sides", convolution [ "pads", Integers [ 0L; 0L; 1L; 1L ] ]
        "one side more than the other", convolution [ "auto_pad", Text "SAME_UPPER"; "strides", Integers [ 2L; 2L ] ]
        "'frobnicate' is not known", convolution [ "frobnicate", Integer 1L ]
        "its pads has -1", convolution [ "pads", Integers [ -1L; 0L; 0L; 0L ] ]
        "3 numbers for 2 axes", convolution [ "strides", Integers [ 1L; 1L; 1L ] ]
        "must be at least 1", convolution [ "strides", Integers [ 0L; 1L ] ]
        "is not that of its weights", convolution [ "kernel_shape", Integers [ 5L; 5L ] ]
        "its weights are for 4 channels", single "Conv" [ "w" ] [] [ constant "w" [ 2; 4; 3; 3 ] 1 ]
        "its input 'w' is not there", single "Conv" [ "w" ] [] []
        "ceil_mode", pool "MaxPool" [ "ceil_mode", Integer 1L; "strides", Integers [ 5L; 5L ] ]
        "count_include_pad", pool "AveragePool" [ "pads", Integers [ 1L; 1L; 1L; 1L ] ]
        "the exact GELU", single "Gelu" [] [] []
        "is not possible; it must be from -1 to 1", single "LeakyRelu" [] [ "alpha", Number 3.0f ] []
        "of 'com.microsoft'",
        { plain with
            Nodes = plain.Nodes |> List.map (fun node -> { node with Domain = "com.microsoft" })
        }
        "operator set 99", { plain with Opset = 99L }
        "leaves open how large", graph [ Open "N"; Fixed 1L; Open "H"; Fixed 2L ] plain.Nodes []
        "2 outputs",
        { plain with
            Outputs = plain.Outputs @ plain.Outputs
        }
        "2 inputs",
        { plain with
            Inputs = plain.Inputs @ plain.Inputs
        }
        "is of float16",
        single
            "Conv"
            [ "w" ]
            []
            [
                { constant "w" [ 2; 1; 3; 3 ] 1 with
                    Type = OtherType "float16"
                }
            ]
        "not what its shape asks for",
        single
            "Conv"
            [ "w" ]
            []
            [
                { constant "w" [ 2; 1; 3; 3 ] 1 with
                    Extents = [ 1L <<< 40; 1L <<< 40 ]
                }
            ]
        "followed by Flatten",
        graph (images 1 4 4) [ node "GlobalAveragePool" [ "x" ] "g" []; node "Relu" [ "g" ] "y" [] ] []
        "it normalises each channel by a number of its own", single "Div" [ "s" ] [] [ constant "s" [ 1; 1; 2; 1 ] 1 ]
        "turns them round", single "Mul" [ "s" ] [] [ scalar "s" -1.0f ]
        "neither a product nor a convolution",
        graph (images 1 4 4) [ node "Relu" [ "x" ] "r" []; node "Add" [ "r"; "b" ] "y" [] ] [ scalar "b" 1.0f ]
        "needs flat ones", graph (images 1 4 4) [ node "Gemm" [ "x"; "w" ] "y" [] ] [ constant "w" [ 4; 2 ] 1 ]
        "a classifier must end in a flat layer", graph (images 1 4 4) [ node "Relu" [ "x" ] "y" [] ] []
        "no node gives its output", graph (images 1 4 4) [ node "Relu" [ "x" ] "z" [] ] []
        "makes 0x5 of examples of 1x4x4",
        graph (images 1 4 4) [ node "Reshape" [ "x"; "t" ] "y" [] ] [ whole "t" [ 0L; 5L ] ]
        "not finite",
        graph
            (images 1 1 1)
            [ node "Flatten" [ "x" ] "f" []; node "Gemm" [ "f"; "w" ] "y" [] ]
            [ GraphTensor.ofTensor "w" (Tensor.ofSeq [ 1; 2 ] [ nanf; 1.0f ]) ]
        "in training mode",
        graph
            (images 1 4 4)
            [ node "Dropout" [ "x"; ""; "t" ] "d" []; node "Flatten" [ "d" ] "y" [] ]
            [
                {
                    Name = "t"
                    Type = OtherType "bool"
                    Extents = []
                    Bytes = System.ReadOnlyMemory [| 1uy |]
                }
            ]
        "more than 1000 layers",
        graph
            (images 1 4 4)
            [
                node "Relu" [ "x" ] "r0" []
                for i in 1..1000 do
                    node "Relu" [ $"r{i - 1}" ] (if i = 1000 then "y" else $"r{i}") []
            ]
            []
        // each sum of the two before it holds those of both: as many layers as rabbits
        "to a depth of more than 4",
        graph
            (images 1 4 4)
            [
                node "Relu" [ "x" ] "s0" []
                node "Relu" [ "s0" ] "s1" []
                for i in 2..40 do
                    node "Add" [ $"s{i - 1}"; $"s{i - 2}" ] (if i = 40 then "y" else $"s{i}") []
            ]
            []
    ]

let tests =
    testList
        "Interchange"
        [
            back
            foreign
            testList
                "what is refused"
                [
                    for part, graph in refusals do
                        test part {
                            match GraphImport.ofGraph None graph with
                            | Ok imported -> failtest $"it was taken for {layersOf imported}"
                            | Error reason ->
                                Expect.stringContains reason part "reason"
                                Expect.isFalse (reason.Contains '\n') "one line"
                        }
                ]
        ]
