namespace Cnn.Networks

open System.Numerics
open Cnn.Tensors
open Cnn.Operations

/// A fully connected layer; Inputs may be left to shape inference.
type DenseConfig = { Inputs: int option; Outputs: int }

/// One layer of a network, as data: what it computes, without its numbers.
type Layer =
    | Conv1d of Conv1d.Config
    | Conv2d of Conv2d.Config
    | MaxPool2d of PoolConfig
    | AvgPool2d of PoolConfig
    | GlobalAveragePool
    | BatchNorm
    | Relu
    /// An activation function that learns nothing, beside ReLU, which has a case of its own.
    | Activation of Activation
    | Dropout of rate: float
    | Flatten
    | Dense of DenseConfig
    | Residual of ResidualConfig

/// body x + shortcut x (He et al. 2016, "Deep residual learning for image recognition", equations 1 and 2). A shortcut without layers
/// is x itself. What follows the sum, such as a ReLU, is a layer of its own.
and ResidualConfig =
    {
        Body: Layer list
        Shortcut: Layer list
    }

/// The shapes of what a layer learns, in the form of its Parameters.
type ParameterShapes =
    | NoParameters
    | WeightAndBias of weight: Shape * bias: Shape
    /// Of the parts of a composite, in order.
    | ShapesOfParts of ParameterShapes list

    /// Learnable numbers.
    member shapes.Count: bigint =
        match shapes with
        | NoParameters -> 0I
        | WeightAndBias(weight, bias) -> bigint (Shape.size weight) + bigint (Shape.size bias)
        | ShapesOfParts parts -> parts |> List.sumBy (fun part -> part.Count)

module Layer =

    /// The name that messages, summaries and the text form use.
    let name (layer: Layer) : string =
        match layer with
        | Conv1d _ -> "conv1d"
        | Conv2d _ -> "conv"
        | MaxPool2d _ -> "pool"
        | AvgPool2d _ -> "avgpool"
        | GlobalAveragePool -> "gap"
        | BatchNorm -> "batchnorm"
        | Relu
        | Activation Activation.Relu -> "relu"
        | Activation Activation.Identity -> "identity"
        | Activation(Activation.LeakyRelu _) -> "leakyrelu"
        | Activation Activation.Silu -> "silu"
        | Activation Activation.Gelu -> "gelu"
        | Activation Activation.Tanh -> "tanh"
        | Dropout _ -> "dropout"
        | Flatten -> "flatten"
        | Dense _ -> "dense"
        | Residual _ -> "residual"

    /// The shape of one example after the layer, given the shape of one before (both without the batch axis),
    /// or why the layer does not fit.
    let rec outputShape (layer: Layer) (input: Shape) : Result<Shape, string> =
        let pooled (config: PoolConfig) =
            PoolConfig.window config (1 :: input)
            |> Result.map (fun window -> [ input.Head; window.Rows.Output; window.Columns.Output ])

        match layer, input with
        | Conv1d config, [ _; length ] when config.Filters >= 1 ->
            Conv1d.outputLength config length |> Result.map (fun l -> [ config.Filters; l ])
        | Conv1d config, [ _; _ ] -> Error $"{config.Filters} filters; there must be at least 1"
        | Conv1d _, other -> Error $"expects channels x length, but gets {Shape.format other}"
        | (Conv2d _ | MaxPool2d _ | AvgPool2d _), other when other.Length <> 3 ->
            Error $"expects channels x rows x columns, but gets {Shape.format other}"
        | Conv2d config, _ ->
            Conv2d.shape config (1 :: input)
            |> Result.map (fun shape -> [ shape.OutChannels; shape.Window.Rows.Output; shape.Window.Columns.Output ])
        | MaxPool2d config, _
        | AvgPool2d config, _ -> pooled config
        | GlobalAveragePool, [ _ ] -> Error $"expects channels and places, but gets {Shape.format input}"
        | GlobalAveragePool, _ -> Ok [ input.Head ]
        | Dropout rate, _ when not (rate >= 0.0 && rate < 1.0) ->
            Error $"a rate of {rate} is not possible; it must be from 0 to below 1"
        | Activation(Activation.LeakyRelu slope), _ when not (abs slope <= 1.0) ->
            Error $"a slope of {slope} is not possible; it must be from -1 to 1"
        | (BatchNorm | Relu | Activation _ | Dropout _), _ -> Ok input
        | Flatten, _ -> Ok [ Shape.size input ]
        | Dense config, [ inputs ] ->
            match config.Inputs with
            | Some expected when expected <> inputs -> Error $"expects {expected} inputs, but gets {inputs}"
            | _ when config.Outputs < 1 -> Error $"{config.Outputs} outputs; there must be at least 1"
            | _ -> Ok [ config.Outputs ]
        | Dense _, other -> Error $"expects a flat input, but gets {Shape.format other}; put flatten before it"
        | Residual { Body = [] }, _ -> Error "its body has no layers"
        | Residual config, _ ->
            // "gets" becomes the name of whoever gives, where that is a layer of the block
            let within (part: string) (layers: Layer list) (index: int) (reason: string) =
                let reason =
                    if index > 0 then
                        reason.Replace("but gets", $"but {name layers[index - 1]} gives")
                    else
                        reason

                Error $"layer {index} of its {part}, {name layers[index]}: {reason}"

            match outputShapes config.Body input, outputShapes config.Shortcut input with
            | Error(index, reason), _ -> within "body" config.Body index reason
            | _, Error(index, reason) -> within "shortcut" config.Shortcut index reason
            | Ok body, Ok shortcut ->
                let output = List.last body
                let other = List.last (input :: shortcut)

                if output = other then
                    Ok output
                else
                    Error
                        $"its body gives {Shape.format output}, but its shortcut {Shape.format other}; the two are added, so they must be alike"

    /// The shape that each layer of a sequence gives, or the index of the first that does not fit and why.
    and outputShapes (layers: Layer list) (input: Shape) : Result<Shape list, int * string> =
        let fits (shape: Shape) (layer: Layer) (output: Shape) =
            // the layers in a block have been asked for theirs: asked again by every block around them, they would take long
            let learned =
                match layer with
                | Residual _ -> []
                | _ ->
                    match parameterShapes layer shape with
                    | WeightAndBias(weight, bias) -> [ weight; bias ]
                    | NoParameters
                    | ShapesOfParts _ -> []

            // convolution lays out the patches of an example as a matrix
            let patches =
                match layer, output with
                | Conv2d config, [ _; rows; columns ] ->
                    [ shape.Head :: fst config.Kernel :: snd config.Kernel :: [ rows; columns ] ]
                | Conv1d config, [ _; length ] -> [ [ shape.Head; config.Kernel; length ] ]
                | _ -> []

            match output :: learned @ patches |> List.tryFind (Shape.fitsInMemory >> not) with
            | Some tooLarge -> Error $"a tensor of {Shape.format tooLarge} is more than an array can hold"
            | None -> Ok output

        ((Ok [ input ]), List.indexed layers)
        ||> List.fold (fun before (index, layer) ->
            before
            |> Result.bind (fun shapes ->
                let shape = List.head shapes

                match outputShape layer shape |> Result.bind (fits shape layer) with
                | Ok output -> Ok(output :: shapes)
                | Error reason -> Error(index, reason)))
        |> Result.map (List.rev >> List.tail)

    /// The shapes of what the layer learns, for an input of this shape (without the batch axis) that it fits.
    and parameterShapes (layer: Layer) (input: Shape) : ParameterShapes =
        match layer with
        | Conv1d config -> WeightAndBias(Conv1d.weightShape config input.Head, [ config.Filters ])
        | Conv2d config -> WeightAndBias(Conv2d.weightShape config input.Head, [ config.Filters ])
        | Dense config -> WeightAndBias([ input.Head; config.Outputs ], [ config.Outputs ])
        | BatchNorm -> WeightAndBias([ input.Head ], [ input.Head ])
        | Residual config ->
            let parts (layers: Layer list) =
                List.map2 parameterShapes layers (inputShapes layers input) |> ShapesOfParts

            ShapesOfParts [ parts config.Body; parts config.Shortcut ]
        | MaxPool2d _
        | AvgPool2d _
        | GlobalAveragePool
        | Relu
        | Activation _
        | Dropout _
        | Flatten -> NoParameters

    /// What each layer of a sequence that fits gets, given what the first one gets.
    and inputShapes (layers: Layer list) (input: Shape) : Shape list =
        match outputShapes layers input with
        | Ok outputs -> input :: outputs |> List.take layers.Length
        | Error(index, reason) -> invalidArg (nameof layers) $"layer {index}, {name layers[index]}: {reason}"

    /// Fresh parameters for an input of this shape (without the batch axis): weights drawn from the seed, biases 0. Batch
    /// normalisation starts as it is, with weights of 1.
    let rec initialize (initializer: Initializer) (seed: Seed) (input: Shape) (layer: Layer) : Parameters<'T> =
        match layer, parameterShapes layer input with
        | Residual config, _ ->
            let parts (seed: Seed) (layers: Layer list) =
                List.zip layers (inputShapes layers input)
                |> List.mapi (fun i (layer, shape) -> initialize initializer (Seed.split i seed) shape layer)
                |> Block

            Block
                [
                    parts (Seed.split 0 seed) config.Body
                    parts (Seed.split 1 seed) config.Shortcut
                ]
        | BatchNorm, WeightAndBias(weight, bias) ->
            Affine
                {
                    Weight = Tensor.init weight (fun _ -> 'T.One)
                    Bias = Tensor.zeros bias
                }
        | _, WeightAndBias(weight, bias) ->
            let fanIn, fanOut =
                match weight with
                | [ inputs; outputs ] -> inputs, outputs
                | filters :: channels :: kernel -> channels * Shape.size kernel, filters * Shape.size kernel
                | other -> invalidOp $"a weight of shape {Shape.format other}"

            Affine
                {
                    Weight = Initializer.draw initializer seed fanIn fanOut weight
                    Bias = Tensor.zeros bias
                }
        | _ -> Empty

    /// The state before the first step, for an input of this shape (without the batch axis).
    let rec start (input: Shape) (layer: Layer) : LayerState<'T> =
        match layer with
        | BatchNorm -> Running(BatchNorm.Running.start input.Head)
        | Residual config ->
            let parts (layers: Layer list) =
                List.map2 start (inputShapes layers input) layers |> States

            States [ parts config.Body; parts config.Shortcut ]
        | _ -> Stateless

    /// Multiplications that one example costs going forward.
    let rec multiplyAdds (layer: Layer) (input: Shape) (output: Shape) : int64 =
        match layer, parameterShapes layer input with
        | Dense _, WeightAndBias(weight, _) -> int64 (Shape.size weight)
        | (Conv1d _ | Conv2d _), WeightAndBias(weight, _) -> int64 (Shape.size weight.Tail) * int64 (Shape.size output)
        | BatchNorm, _ -> int64 (Shape.size output)
        | Residual config, _ ->
            sequenceMultiplyAdds config.Body input
            + sequenceMultiplyAdds config.Shortcut input
        | _ -> 0L

    /// Multiplications of a sequence of layers that fits.
    and sequenceMultiplyAdds (layers: Layer list) (input: Shape) : int64 =
        match outputShapes layers input with
        | Ok outputs ->
            List.zip3 layers (input :: outputs |> List.take layers.Length) outputs
            |> List.sumBy (fun (layer, i, o) -> multiplyAdds layer i o)
        | Error(index, reason) -> invalidArg (nameof layers) $"layer {index}, {name layers[index]}: {reason}"
