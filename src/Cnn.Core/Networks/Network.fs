namespace Cnn.Networks

open System
open System.Numerics
open Cnn.Tensors
open Cnn.Operations

/// A network whose layers are known to fit: the shape of one input example, the layers, and the shape that each
/// gives. Made by Network.create alone.
[<NoComparison>]
type Network =
    private
        {
            InputShape: Shape
            LayerList: Layer list
            OutputShapes: Shape list
        }

    /// One input example, without the batch axis: [ C; H; W ] or [ C; L ].
    member network.Input = network.InputShape
    member network.Layers = network.LayerList

    /// What each layer gives, without the batch axis.
    member network.Outputs = network.OutputShapes

    /// What each layer gets.
    member network.Inputs =
        network.InputShape :: network.OutputShapes |> List.take network.LayerList.Length

    /// Classes that the network tells apart: the width of its last layer.
    member network.Classes = (List.last network.OutputShapes).Head

/// What one pass over some examples gives. Loss and gradients are sums over the examples: divide once, at the end.
type Step<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> =
    {
        Loss: float
        Correct: int
        Examples: int
        Gradients: Parameters<'T>
    }

module Network =

    /// Shapes are kept below what an array can hold.
    let private fitsInMemory (shape: Shape) =
        (1I, shape) ||> List.fold (fun size extent -> size * bigint extent)
        <= bigint Array.MaxLength

    /// The same layers, each convolution padded so that it keeps the size of its input.
    let private padded (layers: Layer list) =
        layers
        |> List.map (function
            | Conv2d c ->
                Conv2d
                    { c with
                        Padding = ((fst c.Kernel - 1) / 2, (snd c.Kernel - 1) / 2)
                    }
            | Conv1d c -> Conv1d { c with Padding = (c.Kernel - 1) / 2 }
            | other -> other)

    /// Layers of a network, at most: far more than anyone trains, few enough for any text to be judged at once.
    [<Literal>]
    let private MostLayers = 1000

    /// The shape that each layer gives, or the index of the first that does not fit and why.
    let private infer (input: Shape) (layers: Layer list) : Result<Shape list, int * string> =
        let fits (shape: Shape) (layer: Layer) (output: Shape) =
            let weights =
                match Layer.parameterShapes layer shape with
                | Some(weight, bias) -> [ weight; bias ]
                | None -> []

            // convolution lays out the patches of an example as a matrix
            let patches =
                match layer, output with
                | Conv2d config, [ _; rows; columns ] ->
                    [ shape.Head :: fst config.Kernel :: snd config.Kernel :: [ rows; columns ] ]
                | Conv1d config, [ _; length ] -> [ [ shape.Head; config.Kernel; length ] ]
                | _ -> []

            match output :: weights @ patches |> List.tryFind (fitsInMemory >> not) with
            | Some tooLarge -> Error $"a tensor of {Shape.format tooLarge} is more than an array can hold"
            | None -> Ok output

        ((Ok [ input ]), List.indexed layers)
        ||> List.fold (fun before (index, layer) ->
            before
            |> Result.bind (fun shapes ->
                let shape = List.head shapes

                match Layer.outputShape layer shape |> Result.bind (fits shape layer) with
                | Ok output -> Ok(output :: shapes)
                | Error reason -> Error(index, reason)))
        |> Result.map (List.rev >> List.tail)

    /// Numbers that a network may learn: they and a header have to fit into one array, the model file.
    let private MostParameters = (Array.MaxLength - (1 <<< 24)) / sizeof<float32>

    /// How many numbers the layers learn.
    let private parameterCount (layers: Layer list) (inputs: Shape list) : bigint =
        List.zip layers inputs
        |> List.sumBy (fun (layer, input) ->
            match Layer.parameterShapes layer input with
            | Some(weight, bias) -> bigint (Shape.size weight) + bigint (Shape.size bias)
            | None -> 0I)

    /// A network of these layers for examples of this shape, or a sentence that names the first layer that does not
    /// fit and both shapes. Layers count from 0, as in the names of their parameters.
    let create (input: Shape) (layers: Layer list) : Result<Network, string> =
        let hint (index: int) =
            match layers[index] with
            | Dense { Inputs = Some _ } when (infer input (padded (List.take (index + 1) layers))).IsOk ->
                let paddings =
                    padded layers
                    |> List.choose (function
                        | Conv2d c -> Some(max (fst c.Padding) (snd c.Padding))
                        | Conv1d c -> Some c.Padding
                        | _ -> None)
                    |> List.distinct
                    |> List.map string

                let paddings = String.Join(" and ", paddings)
                $"; did you mean padding {paddings}?"
            | _ -> ""

        let describe (index: int) (reason: string) =
            let giver =
                if index = 0 then
                    "the input"
                else
                    Layer.name layers[index - 1]
            // "gets" becomes the name of whoever gives
            let reason = reason.Replace("but gets", $"but {giver} gives")
            $"layer {index}, {Layer.name layers[index]}: {reason}{hint index}"

        if layers.IsEmpty then
            Error "the network has no layers"
        elif layers.Length > MostLayers then
            Error $"the network has {layers.Length} layers; there may be {MostLayers}"
        elif
            input.IsEmpty
            || input |> List.exists (fun extent -> extent < 1)
            || not (fitsInMemory input)
        then
            Error $"an input of shape {Shape.format input} is not possible"
        else
            match infer input layers with
            | Error(index, reason) -> Error(describe index reason)
            | Ok outputs ->
                let count = parameterCount layers (input :: List.take (layers.Length - 1) outputs)

                match List.last outputs with
                | _ when count > bigint MostParameters ->
                    Error $"the network has {count} parameters, more than a model file can hold"
                | [ _ ] ->
                    Ok
                        {
                            InputShape = input
                            LayerList = layers
                            OutputShapes = outputs
                        }
                | other ->
                    Error
                        $"the network ends in {Shape.format other}; a classifier must end in a flat layer, such as flatten and then dense 10"

    /// Fresh parameters; layer i draws from its own child of the seed.
    let initialize (initializer: Initializer) (seed: Seed) (network: Network) : Parameters<'T> =
        List.zip network.Layers network.Inputs
        |> List.mapi (fun i (layer, input) -> Layer.initialize initializer (Seed.split i seed) input layer)
        |> Block

    /// Parameters whose tensors are asked for by name ("0.weight") and shape; the first Error ends it.
    let assemble
        (find: string -> Shape -> Result<Tensor<'T>, string>)
        (network: Network)
        : Result<Parameters<'T>, string> =
        (Ok [], List.zip network.Layers network.Inputs |> List.indexed)
        ||> List.fold (fun built (i, (layer, input)) ->
            built
            |> Result.bind (fun before ->
                match Layer.parameterShapes layer input with
                | None -> Ok(Empty :: before)
                | Some(weightShape, biasShape) ->
                    match find $"{i}.weight" weightShape, find $"{i}.bias" biasShape with
                    | Ok weight, Ok bias -> Ok(Affine { Weight = weight; Bias = bias } :: before)
                    | Error reason, _
                    | _, Error reason -> Error reason))
        |> Result.map (List.rev >> Block)

    /// Runs every layer in turn; the last one's output are the logits [ N; classes ].
    let forward (network: Network) (parameters: Parameters<'T>) (x: Tensor<'T>) : LayerForward<'T> list =
        match parameters with
        | Block parts when parts.Length = network.Layers.Length ->
            Expect.shape "network input" (x.Shape.Head :: network.Input) x

            (([], x), List.zip network.Layers parts)
            ||> List.fold (fun (before, x) (layer, p) ->
                let result = Layer.forward layer p x
                (result :: before, result.Output))
            |> fst
            |> List.rev
        | _ -> invalidArg (nameof parameters) "the parameters are those of another network"

    /// The logits [ N; classes ] for a batch.
    let logits (network: Network) (parameters: Parameters<'T>) (x: Tensor<'T>) : Tensor<'T> =
        (forward network parameters x |> List.last).Output

    /// Runs the layers backward from the gradient of the logits; the bottom layer is spared the gradient of its input.
    let backward (trace: LayerForward<'T> list) (dlogits: Tensor<'T>) : Parameters<'T> =
        let rec walk (dy: Tensor<'T>) (above: Parameters<'T> list) (below: LayerForward<'T> list) =
            match below with
            | [] -> above
            | [ bottom ] -> bottom.ParameterGradient dy :: above
            | layer :: rest ->
                let gradient = layer.Backward dy
                walk gradient.Input (gradient.Parameters :: above) rest

        Block(walk dlogits [] (List.rev trace))

    /// The gradient of the network's input, from the gradient of the logits.
    let inputGradient (trace: LayerForward<'T> list) (dlogits: Tensor<'T>) : Tensor<'T> =
        (dlogits, List.rev trace)
        ||> List.fold (fun dy layer -> (layer.Backward dy).Input)

    /// Summed loss and its gradient for a batch x [ N; … ] with labels [ N ], in one go on the calling thread.
    let lossAndGradients
        (network: Network)
        (parameters: Parameters<'T>)
        (x: Tensor<'T>)
        (labels: Tensor<int>)
        : Step<'T> =
        let trace = forward network parameters x
        let logits = (List.last trace).Output
        let struct (loss, cache) = SoftmaxCrossEntropy.forward labels logits

        {
            Loss = loss
            Correct = Classification.correct logits labels
            Examples = labels.Count
            Gradients = backward trace (SoftmaxCrossEntropy.backward cache 1.0).Logits
        }
