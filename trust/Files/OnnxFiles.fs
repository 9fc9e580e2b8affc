/// The reader of ONNX files.
module Cnn.Trust.Files.OnnxFiles

open System
open Cnn
open Cnn.Host.Onnx
open Cnn.Interchange
open Cnn.Tensors
open Cnn.Trust.Files.Mutation

let private models: Model list =
    [
        ModelFiles.create "conv 2 3 pad 1, relu, pool 2, flatten, dense 3" (1, 6, 5)
        ModelFiles.create "conv 2 3, batchnorm, leakyrelu 0.1, gap, dense 2" (2, 5, 5)
        ModelFiles.create
            "residual(conv 2 3 pad 1, batchnorm, silu, conv 1 1 | conv 1 1), gelu, flatten, dense 2"
            (1, 4, 4)
        ModelFiles.create "avgpool 2 pad 1, tanh, flatten, dropout 0.5, dense 2" (1, 3, 3)
    ]

/// As this program writes them.
let ours: byte[] list = models |> List.map (ModelGraph.Export >> OnnxWriter.Encode)

/// The same without what only this program writes: read by its nodes alone.
let bare: byte[] list =
    models
    |> List.map (fun model ->
        OnnxWriter.Encode
            { ModelGraph.Export model with
                Notes = []
                Documentation = ""
            })

let private node
    (operator: string)
    (inputs: string list)
    (output: string)
    (attributes: GraphAttribute list)
    : GraphNode =
    {
        Name = ""
        Operator = operator
        Domain = ""
        Inputs = inputs
        Outputs = [ output ]
        Attributes = attributes
    }

let private whole (name: string) (number: int64) : GraphTensor =
    {
        Name = name
        Type = Int64
        Extents = [ 1L ]
        Bytes = ReadOnlyMemory(BitConverter.GetBytes number)
    }

/// As another program might: the shape of the flat layer is computed, weights stand the other way round, a softmax ends it.
let foreign: byte[] =
    let port (name: string) (extents: Extent list) : GraphPort =
        {
            Name = name
            Type = Float32
            Extents = extents
        }

    OnnxWriter.Encode
        {
            Name = "main_graph"
            Documentation = ""
            Opset = 17L
            Nodes =
                [
                    node "Div" [ "x"; "k" ] "p" []
                    node
                        "Conv"
                        [ "p"; "w" ]
                        "c"
                        [
                            {
                                Name = "auto_pad"
                                Value = Text "SAME_UPPER"
                            }
                        ]
                    node "Shape" [ "c" ] "s" []
                    node
                        "Constant"
                        []
                        "zero"
                        [
                            {
                                Name = "value_int"
                                Value = Integer 0L
                            }
                        ]
                    node "Gather" [ "s"; "zero" ] "n" []
                    node "Unsqueeze" [ "n"; "first" ] "u" []
                    node "Concat" [ "u"; "rest" ] "t" [ { Name = "axis"; Value = Integer 0L } ]
                    node "Reshape" [ "c"; "t" ] "f" []
                    node "Gemm" [ "f"; "v" ] "l" [ { Name = "transB"; Value = Integer 1L } ]
                    node "Softmax" [ "l" ] "y" []
                ]
            Initializers =
                [
                    GraphTensor.ofTensor "k" (Tensor.ofSeq [] [ 255.0f ])
                    GraphTensor.ofTensor "w" (Tensor.init [ 2; 1; 3; 3 ] (fun i -> float32 i))
                    whole "first" 0L
                    whole "rest" -1L
                    GraphTensor.ofTensor "v" (Tensor.init [ 3; 32 ] (fun i -> float32 (i % 7)))
                ]
            Inputs = [ port "x" [ Open "N"; Fixed 1L; Fixed 4L; Fixed 4L ] ]
            Outputs = [ port "y" [ Open "N"; Fixed 3L ] ]
            Notes = []
        }

/// What begins the name of an operator in a file; there is one for each node at least.
let private operatorTag = byte (4 <<< 3 ||| 2)

/// Layers that nodes, or the architecture in the notes, can have.
let private layers (file: byte[]) : int =
    ModelFiles.layersOf (ReadOnlySpan file) + file.AsSpan().Count operatorTag

let files: Reader =
    let seeds = Array.ofList (foreign :: ours @ bare)

    {
        Name = "onnx"
        Generate =
            fun random ->
                {
                    Bytes = mutate random seeds
                    IsSigned = true
                }
        Prepare = fun _ _ -> ()
        Read =
            fun _ input ->
                let imported = OnnxFile.Decode("net.onnx", input.Bytes, null)

                {
                    Held = 0L
                    Fault = fun () -> ModelFiles.faultOf imported.Model
                }
        Constant = 65_536L
        Factor = 32L
        Unpacked = fun bytes -> int64 bytes.Length
        Layers = layers
    }
