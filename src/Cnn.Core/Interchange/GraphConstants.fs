namespace Cnn.Interchange

open System
open Cnn.Tensors
open Cnn.Interchange.NodeReading

/// What is known of a named value of a graph.
[<NoComparison>]
type internal GraphKnown =
    | Constant of GraphTensor
    /// A shape, or a part of one.
    | ShapeOf of Extent list
    /// Made from the pixels by layers.
    | Traced of GraphTrace
    /// sigmoid(x), half of a silu.
    | Gate of GraphTrace
    /// The softmax of logits, or its logarithm.
    | Probabilities of GraphTrace

/// Values that do not depend on the pixels: constants, and shapes that are computed.
module internal GraphConstants =

    /// What is said of a node that is no layer here.
    let unknown =
        "no layer here is this operator, or has these inputs; those read are Conv, MaxPool, AveragePool, GlobalAveragePool, ReduceMean, "
        + "BatchNormalization, Relu, LeakyRelu, Sigmoid with Mul, Swish, Gelu, Tanh, Identity, Dropout, Flatten, Reshape, Gemm, MatMul, Add and Softmax"

    /// Numbers of a constant that shapes are computed with.
    let extents (value: GraphKnown) : Result<Extent list, string> =
        match value with
        | ShapeOf extents -> Ok extents
        | Constant tensor -> GraphTensor.integers NodeShapes.Most tensor |> Result.map (List.map Fixed)
        | _ -> Error "it computes a shape from the pixels"

    /// Whole numbers that a node is told by an input, where it is there.
    let told (value: GraphKnown option) : Result<int64 list option, string> =
        match value with
        | Some(Constant tensor) -> GraphTensor.integers NodeShapes.Most tensor |> Result.map Some
        | Some _ -> Error "it reads the numbers of an axis from what is computed"
        | None -> Ok None

    /// Nodes on shapes and constants.
    let ofNode (node: GraphNode) (inputs: GraphKnown option list) =
        let all = inputs |> List.choose id

        match node.Operator, all with
        | "Gather", [ from; indices ] ->
            result {
                let! from = extents from
                let! indices = extents indices
                return! NodeShapes.gather node from indices |> Result.map ShapeOf
            }
        | "Concat", parts ->
            result {
                let! parts = each extents parts
                return! NodeShapes.concat node parts |> Result.map ShapeOf
            }
        | "Slice", [ from; Constant first; Constant last ] ->
            result {
                let! from = extents from
                let! first = GraphTensor.integers 1 first
                let! last = GraphTensor.integers 1 last

                match first, last with
                | [ first ], [ last ] -> return ShapeOf(NodeShapes.slice from first last)
                | _ -> return! Error "it slices along more than one axis"
            }
        | "Identity", [ value ] -> Ok value
        // a number is its own list
        | ("Unsqueeze" | "Squeeze" | "Cast"), value :: _ -> extents value |> Result.map ShapeOf
        | _ -> Error unknown

    /// What a node of the operator Constant holds.
    let ofConstant (node: GraphNode) : Result<GraphKnown, string> =
        let numbers (shape: int64 list) (values: int64 list) =
            let bytes = values |> List.map BitConverter.GetBytes |> Array.concat

            Constant
                {
                    Name = List.tryHead node.Outputs |> Option.defaultValue ""
                    Type = ElementType.Int64
                    Extents = shape
                    Bytes = ReadOnlyMemory bytes
                }

        let singles (shape: Shape) (values: float32 list) =
            Tensor.ofSeq shape values
            |> GraphTensor.ofTensor (List.tryHead node.Outputs |> Option.defaultValue "")
            |> Constant

        match node.Attributes with
        | [ {
                Name = "value"
                Value = TensorOf tensor
            } ] -> Ok(Constant tensor)
        | [ {
                Name = "value_float"
                Value = Number value
            } ] -> Ok(singles [] [ value ])
        | [ {
                Name = "value_floats"
                Value = Numbers values
            } ] -> Ok(singles [ values.Length ] values)
        | [ {
                Name = "value_int"
                Value = Integer value
            } ] -> Ok(numbers [] [ value ])
        | [ {
                Name = "value_ints"
                Value = Integers values
            } ] -> Ok(numbers [ int64 values.Length ] values)
        | _ -> Error "it holds no tensor of numbers"
