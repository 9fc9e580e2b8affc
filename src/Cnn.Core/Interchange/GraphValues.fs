namespace Cnn.Interchange

open System.Collections.Generic
open Cnn.Networks
open Cnn.Interchange.NodeReading

/// One node after the other: what each makes of the values before it.
module internal GraphValues =

    let private fixedAxis (axis: int64) (rank: int) : Result<unit, string> =
        let counted = if axis < 0L then axis + int64 rank else axis
        refuseUnless (counted = 1L) $"its axis is {axis}; here it is 1, so that the batch stays"

    let private sizeOf (batch: Extent) (trace: GraphTrace) : Extent list =
        let places =
            match trace.Before with
            | Some before when trace.KeepsPlaces -> List.replicate (before.Shape.Length - 1) 1
            | _ -> []

        batch :: List.map (int64 >> Fixed) (trace.Shape @ places)

    let private softmax (node: GraphNode) (trace: GraphTrace) =
        result {
            do! only [ "axis" ] node
            let! axis = integer "axis" -1L node
            let rank = trace.Shape.Length + 1
            do! refuseUnless (rank = 2) "it is not the softmax over the classes of flat examples"
            do! fixedAxis axis rank
            return Probabilities trace
        }

    let private traced = Result.map Traced

    /// Nodes with a value that depends on the pixels first among their inputs.
    let private ofTrace (batch: Extent) (node: GraphNode) (trace: GraphTrace) (others: GraphKnown option list) =
        let constants =
            others
            |> List.choose (function
                | Some(Constant tensor) -> Some tensor
                | _ -> None)

        let areConstant =
            others
            |> List.forall (function
                | Some(Constant _)
                | None -> true
                | _ -> false)

        match node.Operator, others with
        | "Conv", Some(Constant weight) :: _ when areConstant ->
            NodeLayers.convolution node trace weight (List.tryItem 1 constants) |> traced
        | "Gemm", Some(Constant weight) :: _ when areConstant ->
            NodeLayers.gemm node trace weight (List.tryItem 1 constants) |> traced
        | "MatMul", [ Some(Constant weight) ] -> NodeLayers.product node trace weight |> traced
        | ("Conv" | "Gemm" | "MatMul"), _ -> Error "its weights are computed in the graph; here they are constants"
        | "MaxPool", _ -> NodeLayers.maxPool node trace |> traced
        | "AveragePool", _ -> NodeLayers.averagePool node trace |> traced
        | "GlobalAveragePool", _ -> NodeLayers.globalAveragePool node trace |> traced
        | "ReduceMean", _ ->
            GraphConstants.told (List.tryHead others |> Option.flatten)
            |> Result.bind (NodeLayers.reduceMean node trace)
            |> traced
        | "BatchNormalization", _ when areConstant && node.Outputs.Length = 1 ->
            NodeLayers.batchNormalization node trace constants |> traced
        | "BatchNormalization", _ -> Error "it normalises by the batch, as in training; here by its running statistics"
        | "Relu", [] -> NodeLayers.relu node trace |> traced
        | "LeakyRelu", [] -> NodeLayers.leakyRelu node trace |> traced
        | "Swish", [] -> NodeLayers.swish node trace |> traced
        | "Gelu", [] -> NodeLayers.gelu node trace |> traced
        | "Tanh", [] -> NodeLayers.tanh node trace |> traced
        | "Sigmoid", [] -> only [] node |> Result.map (fun () -> Gate trace)
        | ("Softmax" | "LogSoftmax"), [] -> softmax node trace
        | "Flatten", [] ->
            result {
                do! only [ "axis" ] node
                let! axis = integer "axis" 1L node
                do! fixedAxis axis (sizeOf batch trace).Length
                return! NodeLayers.flatten trace |> traced
            }
        | "Reshape", [ Some target ] ->
            result {
                do! only [ "allowzero" ] node
                let! allow = integer "allowzero" 0L node
                let! target = GraphConstants.extents target
                do! NodeShapes.expectFlat batch (allow = 0L) trace.Shape target
                return! NodeLayers.flatten trace |> traced
            }
        | "Squeeze", _ when trace.KeepsPlaces ->
            result {
                do! only [ "axes" ] node
                let! attribute = integers "axes" node
                let! input = GraphConstants.told (List.tryHead others |> Option.flatten)
                let rank = (sizeOf batch trace).Length

                let axes =
                    Option.orElse attribute input
                    |> Option.defaultValue []
                    |> List.map (fun axis -> if axis < 0L then axis + int64 rank else axis)
                    |> List.sort

                do! refuseUnless (axes = [ 2L .. int64 rank - 1L ]) "it drops other axes than those of places"
                return! NodeLayers.flatten trace |> traced
            }
        | "Shape", [] ->
            result {
                do! only [ "start"; "end" ] node
                let! first = integer "start" 0L node
                let! last = integer "end" System.Int64.MaxValue node
                return ShapeOf(NodeShapes.slice (sizeOf batch trace) first last)
            }
        // in inference both leave the value as it is; Dropout may say how much it would drop, and that this is no training
        | ("Identity" | "Dropout"), _ when node.Outputs.Length = 1 ->
            result {
                let! training =
                    match List.tryItem 1 others |> Option.flatten with
                    | Some(Constant tensor) -> Ok(tensor.Bytes.ToArray() |> Array.exists ((<>) 0uy))
                    | Some _ -> Ok true
                    | None -> Ok false

                do! refuseUnless (not training) "it is in training mode; export the model in evaluation mode"
                return Traced trace
            }
        | "Cast", [] ->
            result {
                do! only [ "to"; "saturate"; "round_mode" ] node
                let! kind = integer "to" 1L node
                do! refuseUnless (kind = 1L) "it turns numbers into another type than float32"
                return Traced trace
            }
        | "Add", [ Some(Traced other) ] -> only [] node |> Result.bind (fun () -> GraphTrace.sum trace other |> traced)
        | "Mul", [ Some(Gate other) ] when obj.ReferenceEquals(trace, other) -> NodeLayers.silu trace |> traced
        | ("Add" | "Sub" | "Mul" | "Div") as operator, [ Some(Constant constant) ] when trace.Before.IsNone ->
            PixelScale.apply operator true constant trace.Pixels
            |> Result.map (GraphTrace.start trace.Shape)
            |> traced
        | "Add", [ Some(Constant constant) ] -> NodeLayers.addBias trace constant |> traced
        | ("Add" | "Sub" | "Mul" | "Div"), _ ->
            Error
                "no layer does that; what is read are a residual Add, a bias, x * sigmoid(x), and a normalisation of the pixels"
        | _ -> Error GraphConstants.unknown

    /// What a node gives, from what is known so far; the Error says why it is nothing that this program has.
    let ofNode
        (batch: Extent)
        (values: IReadOnlyDictionary<string, GraphKnown>)
        (node: GraphNode)
        : Result<GraphKnown, string> =
        let find (name: string) =
            if name = "" then
                Ok None
            else
                match values.TryGetValue name with
                | true, value -> Ok(Some value)
                | _ -> Error $"its input {Quotation.quote name} is not there"

        result {
            do!
                refuseUnless
                    (node.Domain = "" || node.Domain = "ai.onnx")
                    $"its operator is of {Quotation.quote node.Domain}, not of ONNX itself"

            let! inputs = each find node.Inputs

            match node.Operator, inputs with
            | "Constant", [] -> return! GraphConstants.ofConstant node
            | _, Some(Traced trace) :: others -> return! ofTrace batch node trace others
            // sums and products of two may have the pixels second
            | ("Add" | "Mul"), [ (Some _ as other); Some(Traced trace) ] -> return! ofTrace batch node trace [ other ]
            | ("Sub" | "Div"), [ Some(Constant constant); Some(Traced trace) ] when trace.Before.IsNone ->
                return!
                    PixelScale.apply node.Operator false constant trace.Pixels
                    |> Result.map (GraphTrace.start trace.Shape >> Traced)
            | _, Some(Probabilities _) :: _ -> return! Error "it goes on after the softmax; a classifier ends there"
            | _, Some(Gate _) :: _ -> return! Error "it reads a sigmoid, which is read as half of a silu alone"
            | _ -> return! GraphConstants.ofNode node inputs
        }
