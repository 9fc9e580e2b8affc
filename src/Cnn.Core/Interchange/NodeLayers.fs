namespace Cnn.Interchange

open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Cnn.Interchange.NodeReading

/// Nodes that are layers: from the value before and the constants of a node to the value that it gives.
module internal NodeLayers =

    let private affine (weight: Tensor<float32>) (bias: Tensor<float32>) = Affine { Weight = weight; Bias = bias }

    let private pair (sizes: int list) = sizes[0], sizes[1]

    let convolution (node: GraphNode) (before: GraphTrace) (weight: GraphTensor) (bias: GraphTensor option) =
        result {
            do! only [ "auto_pad"; "dilations"; "group"; "kernel_shape"; "pads"; "strides" ] node
            do! integerIs "group" 1L node
            let! weight = GraphTensor.singles weight

            match before.Shape, weight.Shape with
            | channels :: places, filters :: inputs :: kernel when
                kernel.Length = places.Length && (kernel.Length = 1 || kernel.Length = 2)
                ->
                do! refuseUnless (inputs = channels) $"its weights are for {inputs} channels, but it gets {channels}"
                let! window = NodeWindow.read node places (Some kernel)
                let! numbers = NodeNumbers.perChannel "bias" filters bias

                let layer =
                    if kernel.Length = 1 then
                        Conv1d
                            {
                                Filters = filters
                                Kernel = kernel.Head
                                Stride = window.Stride.Head
                                Padding = window.Padding.Head
                            }
                    else
                        Conv2d
                            {
                                Filters = filters
                                Kernel = pair kernel
                                Stride = pair window.Stride
                                Padding = pair window.Padding
                            }

                let! trace = GraphTrace.layer layer (affine weight numbers) before
                return { trace with LacksBias = bias.IsNone }
            | example, weight ->
                return!
                    Error
                        $"it has weights of {Shape.format weight} for examples of {Shape.format example}; convolutions here have one axis of places or two"
        }

    let private pool (node: GraphNode) (before: GraphTrace) (layer: PoolConfig -> Layer) =
        result {
            match before.Shape with
            | [ _; _; _ ] ->
                let! window = NodeWindow.read node before.Shape.Tail None
                do! NodeWindow.refuseCeiling node before.Shape.Tail window

                let config: PoolConfig =
                    {
                        Kernel = pair window.Kernel
                        Stride = pair window.Stride
                        Padding = pair window.Padding
                    }

                return! GraphTrace.layer (layer config) Empty before
            | other ->
                return! Error $"it pools examples of {Shape.format other}; here they are channels x rows x columns"
        }

    let private poolAttributes =
        [ "auto_pad"; "ceil_mode"; "dilations"; "kernel_shape"; "pads"; "strides" ]

    let maxPool (node: GraphNode) (before: GraphTrace) =
        result {
            do! only ("storage_order" :: poolAttributes) node
            do! refuseUnless (node.Outputs.Length = 1) "it gives indices as well, which have no place here"
            return! pool node before MaxPool2d
        }

    let averagePool (node: GraphNode) (before: GraphTrace) =
        result {
            do! only ("count_include_pad" :: poolAttributes) node
            let! counts = integer "count_include_pad" 0L node
            let! trace = pool node before AvgPool2d

            match trace.Layer with
            | AvgPool2d config ->
                do!
                    refuseUnless
                        (counts = 1L || config.Padding = (0, 0))
                        "its count_include_pad is 0, and it pads; here padding counts as zeros"
            | _ -> ()

            return trace
        }

    let globalAveragePool (node: GraphNode) (before: GraphTrace) =
        only [] node |> Result.bind (fun () -> GraphTrace.pooledPlaces before)

    /// A mean over all axes of places, by its axes as attribute or as input.
    let reduceMean (node: GraphNode) (before: GraphTrace) (given: int64 list option) =
        result {
            do! only [ "axes"; "keepdims"; "noop_with_empty_axes" ] node
            let! attribute = integers "axes" node
            let! keeps = integer "keepdims" 1L node
            let rank = int64 (before.Shape.Length + 1)

            let axes =
                Option.orElse attribute given
                |> Option.defaultValue []
                |> List.map (fun axis -> if axis < 0L then axis + rank else axis)
                |> List.sort

            do!
                refuseUnless
                    (before.Shape.Length > 1 && axes = [ 2L .. rank - 1L ])
                    "it is not the mean over all places of each channel, for which there is gap"

            let! pooled = GraphTrace.pooledPlaces before

            return
                { pooled with
                    KeepsPlaces = keeps <> 0L
                }
        }

    let batchNormalization (node: GraphNode) (before: GraphTrace) (constants: GraphTensor list) =
        result {
            do! only [ "epsilon"; "momentum"; "spatial"; "training_mode" ] node
            do! integerIs "training_mode" 0L node
            do! integerIs "spatial" 1L node
            let! epsilon = number "epsilon" 1e-5f node

            match constants with
            | [ weight; bias; mean; variance ] ->
                let read (what: string) (constant: GraphTensor) =
                    NodeNumbers.perChannel what before.Shape.Head (Some constant)

                let! weight = read "scale" weight
                let! bias = read "bias" bias
                let! mean = read "mean" mean
                let! variance = read "variance" variance
                let! variance = NodeNumbers.variance epsilon variance
                return! GraphTrace.normalized (affine weight bias) { Mean = mean; Variance = variance } before
            | _ -> return! Error "it needs scale, bias, mean and variance"
        }

    let private activation (kind: Activation) (before: GraphTrace) =
        GraphTrace.layer (Layer.Activation kind) Empty before

    let relu (node: GraphNode) (before: GraphTrace) =
        only [] node |> Result.bind (fun () -> GraphTrace.layer Relu Empty before)

    let leakyRelu (node: GraphNode) (before: GraphTrace) =
        result {
            do! only [ "alpha" ] node
            let! slope = number "alpha" 0.01f node
            return! activation (Activation.LeakyRelu(NodeNumbers.shortest slope)) before
        }

    let silu (before: GraphTrace) = activation Activation.Silu before

    let swish (node: GraphNode) (before: GraphTrace) =
        result {
            do! only [ "alpha" ] node
            let! alpha = number "alpha" 1.0f node
            do! refuseUnless (alpha = 1.0f) $"its alpha is {alpha}; silu has 1"
            return! silu before
        }

    let gelu (node: GraphNode) (before: GraphTrace) =
        result {
            do! only [ "approximate" ] node
            let! form = text "approximate" "none" node

            do!
                refuseUnless
                    (form = "tanh")
                    "it is the exact GELU; ours is the one by tanh, in PyTorch GELU(approximate='tanh')"

            return! activation Activation.Gelu before
        }

    let tanh (node: GraphNode) (before: GraphTrace) =
        only [] node |> Result.bind (fun () -> activation Activation.Tanh before)

    let flatten (before: GraphTrace) : Result<GraphTrace, string> =
        if before.KeepsPlaces then
            Ok { before with KeepsPlaces = false }
        else
            GraphTrace.layer Flatten Empty before

    let private dense (before: GraphTrace) (weight: Tensor<float32>) (bias: Tensor<float32>) =
        GraphTrace.layer
            (Dense
                {
                    Inputs = None
                    Outputs = weight.Shape[1]
                })
            (affine weight bias)
            before

    let private flat (before: GraphTrace) : Result<int, string> =
        match before.Shape with
        | [ inputs ] when not before.KeepsPlaces -> Ok inputs
        | other -> Error $"it gets examples of {Shape.format other}; a dense layer needs flat ones"

    let gemm (node: GraphNode) (before: GraphTrace) (weight: GraphTensor) (bias: GraphTensor option) =
        result {
            do! only [ "alpha"; "beta"; "transA"; "transB" ] node
            do! integerIs "transA" 0L node
            let! transB = integer "transB" 0L node
            let! alpha = number "alpha" 1.0f node
            let! beta = number "beta" 1.0f node
            let! inputs = flat before
            let! weight = NodeNumbers.matrix inputs (transB <> 0L) alpha weight
            let! bias = NodeNumbers.rowBias weight.Shape[1] beta bias
            return! dense before weight bias
        }

    let product (node: GraphNode) (before: GraphTrace) (weight: GraphTensor) =
        result {
            do! only [] node
            let! inputs = flat before
            let! weight = NodeNumbers.matrix inputs false 1.0f weight
            let! trace = dense before weight (Tensor.zeros [ weight.Shape[1] ])
            return { trace with LacksBias = true }
        }

    /// A constant added to the product or the convolution before it.
    let addBias (before: GraphTrace) (constant: GraphTensor) =
        result {
            let! numbers = GraphTensor.singles constant

            match before.Parameters with
            | Affine learned when before.LacksBias ->
                let! bias = NodeNumbers.spread before.Shape.Head before.Shape.Tail.Length numbers

                return
                    { before with
                        Parameters = affine learned.Weight bias
                        LacksBias = false
                    }
            | _ ->
                return!
                    Error
                        "it adds a constant to what is neither a product nor a convolution without a bias; no layer does that"
        }
