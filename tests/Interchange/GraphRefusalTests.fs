/// Graphs that are no model here, and what is said of them.
module Cnn.Tests.Interchange.GraphRefusalTests

open Expecto
open Cnn.Tensors
open Cnn.Interchange
open Cnn.Tests.Interchange.GraphCases

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
        "'alpha' is not known", single "Tanh" [] [ "alpha", Number 1.7159f ] []
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
        "Interchange.Refusals"
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
