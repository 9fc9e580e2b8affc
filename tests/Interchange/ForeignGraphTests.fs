/// Graphs as other programs write them.
module Cnn.Tests.Interchange.ForeignGraphTests

open Expecto
open Cnn.Tensors
open Cnn.Networks
open Cnn.Storage
open Cnn.Interchange
open Cnn.Tests.Support
open Cnn.Tests.Interchange.GraphCases

let tests =
    testList
        "Interchange.Foreign"
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
            test "a constant may go by another name" {
                let imported =
                    graph
                        (images 1 2 2)
                        [
                            node "Identity" [ "w" ] "v" []
                            node "Flatten" [ "x" ] "f" []
                            node "MatMul" [ "f"; "v" ] "y" []
                        ]
                        [ constant "w" [ 4; 3 ] 1 ]
                    |> import

                Expect.equal (layersOf imported) "flatten, dense 3" "layers"
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
