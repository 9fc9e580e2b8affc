namespace Cnn.Interchange

open System
open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Cnn.Storage

/// A trained network as a graph of operators. It computes the logits as the network does in inference, from float32 pixels of 0 to
/// 255: the normalisation of the model is the first thing in it. Dropout, which does nothing in inference, leaves no node.
///
/// Constants have the names of Parameters.named and LayerState.named ("0.weight", "1.running_mean", …) and the shapes that they
/// have in a model file. The notes say what nodes cannot.
module GraphExport =

    /// The version of the operator set: the first that has Gelu.
    [<Literal>]
    let Opset = 20L

    /// The name of the input, float32 [ N; C; H; W ] with pixels of 0 to 255.
    [<Literal>]
    let Input = "images"

    /// The name of the output, float32 [ N; classes ].
    [<Literal>]
    let Output = "logits"

    /// The value of the note "format".
    [<Literal>]
    let internal Format = "functional-cnn"

    /// The nodes of a part of the network, and the value that it gives.
    type private Part =
        { Value: string; Nodes: GraphNode list }

    let private attribute (name: string) (value: GraphValue) : GraphAttribute = { Name = name; Value = value }

    /// Sizes along the axes of an image, or of a signal.
    let private sizes (name: string) (values: int list) : GraphAttribute =
        attribute name (Integers(List.map int64 values))

    /// kernel_shape, strides and pads: where each axis begins, then where each ends.
    let private window (kernel: int list) (strides: int list) (padding: int list) : GraphAttribute list =
        [
            sizes "kernel_shape" kernel
            sizes "strides" strides
            sizes "pads" (padding @ padding)
        ]

    let private node (name: string) (operator: string) (inputs: string list) (output: string) attributes : GraphNode =
        {
            Name = name
            Operator = operator
            Domain = ""
            Inputs = inputs
            Outputs = [ output ]
            Attributes = attributes
        }

    /// A layer without residual blocks: its operators one after the other, each with more inputs than the value before it.
    let private operators (path: string) (layer: Layer) : (string * string list * GraphAttribute list) list =
        let pair (rows: int, columns: int) = [ rows; columns ]
        let constants = List.map (fun name -> path + name)
        let alone operator = [ operator, [], [] ]

        match layer with
        | Conv1d c ->
            [
                "Conv", constants [ "weight"; "bias" ], window [ c.Kernel ] [ c.Stride ] [ c.Padding ]
            ]
        | Conv2d c ->
            [
                "Conv", constants [ "weight"; "bias" ], window (pair c.Kernel) (pair c.Stride) (pair c.Padding)
            ]
        | MaxPool2d c -> [ "MaxPool", [], window (pair c.Kernel) (pair c.Stride) (pair c.Padding) ]
        | AvgPool2d c ->
            [
                "AveragePool",
                [],
                window (pair c.Kernel) (pair c.Stride) (pair c.Padding)
                @ [ attribute "count_include_pad" (Integer 1L) ]
            ]
        | GlobalAveragePool -> alone "GlobalAveragePool" @ alone "Flatten"
        | BatchNorm ->
            [
                "BatchNormalization",
                constants [ "weight"; "bias"; "running_mean"; "running_var" ],
                [ attribute "epsilon" (Number(float32 BatchNorm.DefaultEpsilon)) ]
            ]
        | Relu
        | Activation Activation.Relu -> alone "Relu"
        | Activation Activation.Identity -> alone "Identity"
        | Activation(Activation.LeakyRelu slope) -> [ "LeakyRelu", [], [ attribute "alpha" (Number(float32 slope)) ] ]
        | Activation Activation.Tanh -> alone "Tanh"
        | Activation Activation.Gelu -> [ "Gelu", [], [ attribute "approximate" (Text "tanh") ] ]
        | Flatten -> alone "Flatten"
        | Dense _ -> [ "Gemm", constants [ "weight"; "bias" ], [] ]
        | Activation Activation.Silu
        | Dropout _
        | Residual _ -> []

    /// A layer that reads the value `input`; its names start with `path`, such as "3." or "4.0.1.".
    let rec private part (path: string) (input: string) (layer: Layer) : Part =
        let nodes value list = { Value = value; Nodes = list }

        let name (operator: string) = path + operator

        match layer with
        | Dropout _ -> nodes input []
        | Activation Activation.Silu ->
            let gate, output = name "gate", name "output"

            nodes
                output
                [
                    node (name "Sigmoid") "Sigmoid" [ input ] gate []
                    node (name "Mul") "Mul" [ input; gate ] output []
                ]
        | Residual config ->
            let body = sequence (path + "0.") input config.Body
            let shortcut = sequence (path + "1.") input config.Shortcut
            let output = name "output"

            nodes
                output
                (body.Nodes
                 @ shortcut.Nodes
                 @ [ node (name "Add") "Add" [ body.Value; shortcut.Value ] output [] ])
        | other ->
            let steps = operators path other

            (nodes input [], List.indexed steps)
            ||> List.fold (fun before (i, (operator, constants, attributes)) ->
                let output =
                    if i = steps.Length - 1 then
                        name "output"
                    else
                        name operator + ".output"

                nodes
                    output
                    (before.Nodes
                     @ [ node (name operator) operator (before.Value :: constants) output attributes ]))

    and private sequence (path: string) (input: string) (layers: Layer list) : Part =
        let parts =
            ((input, []), List.indexed layers)
            ||> List.fold (fun (value, parts) (i, layer) ->
                let next = part $"{path}{i}." value layer
                next.Value, next :: parts)

        {
            Value = fst parts
            Nodes = snd parts |> List.rev |> List.collect (fun next -> next.Nodes)
        }

    /// Pixels to inputs of the network, and the constants for it. A division by 255 alone gives the bits that the model computes with;
    /// a subtraction and a division in float32, where there is a mean or a deviation, are within rounding of them.
    let private normalization (normalization: Normalization) : Part * GraphTensor list =
        let scalar (name: string) (value: float) =
            GraphTensor.ofTensor name (Tensor.ofSeq [] [ float32 value ])

        let mean = scalar "pixels.mean" (255.0 * normalization.Mean)
        let deviation = scalar "pixels.deviation" (255.0 * normalization.StandardDeviation)
        let output = "pixels.output"

        let divide input =
            node "pixels.Div" "Div" [ input; deviation.Name ] output []

        if normalization.Mean = 0.0 then
            {
                Value = output
                Nodes = [ divide Input ]
            },
            [ deviation ]
        else
            let centred = "pixels.centred"
            let subtract = node "pixels.Sub" "Sub" [ Input; mean.Name ] centred []

            {
                Value = output
                Nodes = [ subtract; divide centred ]
            },
            [ mean; deviation ]

    let private documentation (network: Network) =
        String.Join(
            " ",
            [
                $"An image classifier, {Architecture.format network.Layers}."
                $"Input {Input}: float32, N x {Shape.format network.Input}, pixels from 0 to 255 as they are; the graph normalises them."
                $"Output {Output}: float32, N x {network.Classes}, before the softmax, one number for each name in class_names."
            ]
        )

    /// The graph of a model. The same model always gives the same graph.
    let ofNetwork (model: TrainedNetwork) : OperatorGraph =
        let network = model.Network
        let pixels, scalars = normalization model.Normalization
        let body = sequence "" pixels.Value network.Layers

        // the last value has the name of the output
        let rename (value: string) =
            if value = body.Value then Output else value

        let constants =
            Parameters.named model.Parameters @ LayerState.named model.State
            |> List.map (fun (name, tensor) -> GraphTensor.ofTensor name tensor)

        let port (name: string) (shape: Shape) : GraphPort =
            {
                Name = name
                Type = Float32
                Extents = Open "N" :: List.map (int64 >> Fixed) shape
            }

        {
            Name = "network"
            Documentation = documentation network
            Opset = Opset
            Nodes =
                pixels.Nodes @ body.Nodes
                |> List.map (fun node ->
                    { node with
                        Inputs = List.map rename node.Inputs
                        Outputs = List.map rename node.Outputs
                    })
            Initializers = scalars @ constants
            Inputs = [ port Input network.Input ]
            Outputs = [ port Output [ network.Classes ] ]
            Notes =
                ("format", Format) :: ModelMetadata.write model
                |> List.map (fun (key, text) -> { Key = key; Text = text })
        }
