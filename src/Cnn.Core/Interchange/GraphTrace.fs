namespace Cnn.Interchange

open Cnn.Tensors
open Cnn.Networks

/// A value of a graph that depends on its input, as the layers that make it: the last of them, and the value before that.
[<ReferenceEquality>]
type GraphTrace =
    {
        /// None for the pixels themselves.
        Before: GraphTrace option
        Pixels: PixelScale
        Layer: Layer
        Parameters: Parameters<float32>
        State: LayerState<float32>
        /// Of one example, without the batch axis.
        Shape: Shape
        /// Values before it.
        Depth: int
        /// Layers so far, with those inside of blocks.
        Layers: int
        /// Blocks in each other that its layer is.
        Nesting: int
        /// Global average pooling as operators have it: with an axis of one place for each that was there.
        KeepsPlaces: bool
        /// Whether a constant that is added now is a bias that the layer lacks.
        LacksBias: bool
    }

module GraphTrace =

    /// The pixels, changed by nodes at the start.
    let start (shape: Shape) (pixels: PixelScale) : GraphTrace =
        {
            Before = None
            Pixels = pixels
            Layer = Layer.Activation Cnn.Operations.Activation.Identity
            Parameters = Empty
            State = Stateless
            Shape = shape
            Depth = 0
            Layers = 0
            Nesting = 0
            KeepsPlaces = false
            LacksBias = false
        }

    /// The value that a layer with these numbers makes of another. `count` is that of the layer and those within it.
    let private add
        (count: int)
        (nesting: int)
        (layer: Layer)
        (parameters: Parameters<float32>)
        (state: LayerState<float32>)
        (before: GraphTrace)
        : Result<GraphTrace, string> =
        if before.KeepsPlaces then
            Error "GlobalAveragePool must be followed by Flatten here"
        elif before.Layers + count > Network.MostLayers then
            Error $"with it the network has more than {Network.MostLayers} layers"
        elif nesting > Network.DeepestNesting then
            Error $"with it residual blocks stand in each other to a depth of more than {Network.DeepestNesting}"
        else
            Layer.outputShapes [ layer ] before.Shape
            |> Result.mapError snd
            |> Result.map (fun shapes ->
                {
                    Before = Some before
                    Pixels = before.Pixels
                    Layer = layer
                    Parameters = parameters
                    State = state
                    Shape = List.last shapes
                    Depth = before.Depth + 1
                    Layers = before.Layers + count
                    Nesting = nesting
                    KeepsPlaces = false
                    LacksBias = false
                })

    /// The value that a layer makes of another, or why it cannot.
    let layer (layer: Layer) (parameters: Parameters<float32>) (before: GraphTrace) : Result<GraphTrace, string> =
        add 1 0 layer parameters Stateless before

    /// The value that batch normalisation by these statistics makes of another, or why it cannot.
    let normalized parameters (running: Cnn.Operations.BatchNorm.Running<float32>) (before: GraphTrace) =
        add 1 0 BatchNorm parameters (Running running) before

    /// Global average pooling whose axes of places are still there, with one place each.
    let pooledPlaces (before: GraphTrace) : Result<GraphTrace, string> =
        layer GlobalAveragePool Empty before
        |> Result.map (fun trace -> { trace with KeepsPlaces = true })

    /// The layers after `start`, in order, each with what it has learned.
    let private since (start: GraphTrace) (trace: GraphTrace) : GraphTrace list =
        let rec walk (found: GraphTrace list) (trace: GraphTrace) =
            if obj.ReferenceEquals(trace, start) then
                found
            else
                match trace.Before with
                | Some before -> walk (trace :: found) before
                | None -> found

        walk [] trace

    /// The last value that both depend on through layers.
    let private fork (a: GraphTrace) (b: GraphTrace) : GraphTrace option =
        let rec walk (a: GraphTrace) (b: GraphTrace) =
            match a.Before, b.Before with
            | _ when obj.ReferenceEquals(a, b) -> Some a
            | None, None when a.Pixels = b.Pixels -> Some a
            | None, None -> None
            | Some before, _ when a.Depth >= b.Depth -> walk before b
            | _, Some before -> walk a before
            | _ -> None

        walk a b

    let private numbersOf (traces: GraphTrace list) =
        Block(traces |> List.map (fun t -> t.Parameters)), States(traces |> List.map (fun t -> t.State))

    /// The sum of two values: a residual block from the value at which their ways part. Of two ways with layers the first is the body.
    let sum (a: GraphTrace) (b: GraphTrace) : Result<GraphTrace, string> =
        match fork a b with
        | None -> Error "it adds the pixels to themselves, each normalised otherwise"
        | Some _ when a.KeepsPlaces || b.KeepsPlaces -> Error "GlobalAveragePool must be followed by Flatten here"
        | Some start ->
            let identity =
                { start with
                    Before = Some start
                    Layer = Layer.Activation Cnn.Operations.Activation.Identity
                    Parameters = Empty
                    State = Stateless
                    Nesting = 0
                }

            let body, shortcut =
                match since start a, since start b with
                | [], [] -> [ identity ], []
                | [], other -> other, []
                | body, shortcut -> body, shortcut

            let layers (traces: GraphTrace list) = traces |> List.map (fun t -> t.Layer)
            let bodyParameters, bodyState = numbersOf body
            let shortcutParameters, shortcutState = numbersOf shortcut
            let inside = a.Layers + b.Layers - 2 * start.Layers
            let deepest = body @ shortcut |> List.map (fun t -> t.Nesting) |> List.max

            add
                (1 + max 1 inside)
                (1 + deepest)
                (Residual
                    {
                        Body = layers body
                        Shortcut = layers shortcut
                    })
                (Block [ bodyParameters; shortcutParameters ])
                (States [ bodyState; shortcutState ])
                start

    /// The layers from the pixels on, and their numbers in the forms of a network.
    let network (trace: GraphTrace) : Shape * Layer list * Parameters<float32> * LayerState<float32> =
        let rec root (t: GraphTrace) =
            match t.Before with
            | Some before -> root before
            | None -> t

        let start = root trace
        let traces = since start trace
        let parameters, state = numbersOf traces
        start.Shape, traces |> List.map (fun t -> t.Layer), parameters, state
