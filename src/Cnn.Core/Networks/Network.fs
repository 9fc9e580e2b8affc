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
        /// What the state of the layers may learn from.
        Observed: Observed<'T>
    }

module Network =

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
    let MostLayers = 1000

    /// Residual blocks inside of residual blocks, at most: the shape of each is asked for again by those around it.
    [<Literal>]
    let DeepestNesting = 4

    let rec private depth (layers: Layer list) : int =
        layers
        |> List.map (function
            | Residual config -> 1 + max (depth config.Body) (depth config.Shortcut)
            | _ -> 0)
        |> List.fold max 0

    /// The layers, and those inside of them.
    let rec private count (layers: Layer list) : int =
        layers
        |> List.sumBy (function
            | Residual config -> 1 + count config.Body + count config.Shortcut
            | _ -> 1)

    /// Numbers that a network may learn: they and a header have to fit into one array, the model file.
    let private MostParameters = (Array.MaxLength - (1 <<< 24)) / sizeof<float32>

    /// How many numbers the layers learn.
    let private parameterCount (layers: Layer list) (inputs: Shape list) : bigint =
        List.map2 Layer.parameterShapes layers inputs
        |> List.sumBy (fun shapes -> shapes.Count)

    /// A network of these layers for examples of this shape, or a sentence that names the first layer that does not
    /// fit and both shapes. Layers count from 0, as in the names of their parameters.
    let create (input: Shape) (layers: Layer list) : Result<Network, string> =
        let hint (index: int) =
            match layers[index] with
            | Dense { Inputs = Some _ } when (Layer.outputShapes (padded (List.take (index + 1) layers)) input).IsOk ->
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
        elif depth layers > DeepestNesting then
            Error
                $"the network has residual blocks in each other to a depth of {depth layers}; there may be {DeepestNesting}"
        elif count layers > MostLayers then
            Error $"the network has {count layers} layers; there may be {MostLayers}"
        elif
            input.IsEmpty
            || input |> List.exists (fun extent -> extent < 1)
            || not (Shape.fitsInMemory input)
        then
            Error $"an input of shape {Shape.format input} is not possible"
        else
            match Layer.outputShapes layers input with
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

    /// The state before the first step.
    let start (network: Network) : LayerState<'T> =
        List.map2 Layer.start network.Inputs network.Layers |> States

    /// Goes through a list as long as nothing fails.
    let private traverse (f: 'A -> Result<'B, string>) (items: 'A list) : Result<'B list, string> =
        (Ok [], items)
        ||> List.fold (fun before item ->
            before
            |> Result.bind (fun built -> f item |> Result.map (fun next -> next :: built)))
        |> Result.map List.rev

    /// Parameters whose tensors are asked for by name ("0.weight") and shape; the first Error ends it.
    let assemble
        (find: string -> Shape -> Result<Tensor<'T>, string>)
        (network: Network)
        : Result<Parameters<'T>, string> =
        let rec build (prefix: string) (shapes: ParameterShapes) : Result<Parameters<'T>, string> =
            match shapes with
            | NoParameters -> Ok Empty
            | WeightAndBias(weightShape, biasShape) ->
                find (prefix + "weight") weightShape
                |> Result.bind (fun weight ->
                    find (prefix + "bias") biasShape
                    |> Result.map (fun bias -> Affine { Weight = weight; Bias = bias }))
            | ShapesOfParts parts ->
                parts
                |> List.indexed
                |> traverse (fun (i, part) -> build $"{prefix}{i}." part)
                |> Result.map Block

        List.map2 Layer.parameterShapes network.Layers network.Inputs
        |> ShapesOfParts
        |> build ""

    /// A state whose tensors are asked for by name ("1.running_mean") and shape; the first Error ends it.
    let assembleState
        (find: string -> Shape -> Result<Tensor<'T>, string>)
        (network: Network)
        : Result<LayerState<'T>, string> =
        let rec build (prefix: string) (state: LayerState<'T>) : Result<LayerState<'T>, string> =
            match state with
            | Stateless -> Ok Stateless
            | Running r ->
                find (prefix + "running_mean") r.Mean.Shape
                |> Result.bind (fun mean ->
                    find (prefix + "running_var") r.Variance.Shape
                    |> Result.map (fun variance -> Running { Mean = mean; Variance = variance }))
            | States parts ->
                parts
                |> List.indexed
                |> traverse (fun (i, part) -> build $"{prefix}{i}." part)
                |> Result.map States

        build "" (start network)

    /// Runs every layer in turn; the last one's output are the logits [ N; classes ].
    let forward
        (mode: Mode<'T>)
        (network: Network)
        (parameters: Parameters<'T>)
        (x: Tensor<'T>)
        : LayerForward<'T> list =
        match parameters with
        | Block parts ->
            Expect.shape "network input" (x.Shape.Head :: network.Input) x
            LayerPass.sequence mode network.Layers parts x
        | _ -> invalidArg (nameof parameters) "the parameters are those of another network"

    /// The logits [ N; classes ] for a batch.
    let logits (network: Network) (parameters: Parameters<'T>) (state: LayerState<'T>) (x: Tensor<'T>) : Tensor<'T> =
        (forward (Inference state) network parameters x |> List.last).Output

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

    /// What the layers saw, for LayerState.update.
    let observed (trace: LayerForward<'T> list) : Observed<'T> =
        trace |> List.map (fun layer -> layer.Observed) |> Parts

    /// Summed loss and its gradient for a batch x [ N; … ] with labels [ N ] in training, in one go on the calling thread.
    let lossAndGradients
        (randomness: Randomness)
        (network: Network)
        (parameters: Parameters<'T>)
        (x: Tensor<'T>)
        (labels: Tensor<int>)
        : Step<'T> =
        let trace = forward (Training randomness) network parameters x
        let logits = (List.last trace).Output
        let struct (loss, cache) = SoftmaxCrossEntropy.forward labels logits

        {
            Loss = loss
            Correct = Classification.correct logits labels
            Examples = labels.Count
            Gradients = backward trace (SoftmaxCrossEntropy.backward cache 1.0).Logits
            Observed = observed trace
        }
