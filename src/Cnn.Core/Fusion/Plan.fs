namespace Cnn.Fusion

open Cnn.Tensors
open Cnn.Kernels
open Cnn.Operations
open Cnn.Networks

/// How a network is computed fast: the same function, in fewer and larger operations.
[<NoComparison>]
type Plan =
    private
        {
            PlannedNetwork: Network
            TrainingStages: Stage list
            InferenceStages: Stage list
        }

    member plan.Network = plan.PlannedNetwork

    /// Examples that a shard has to have: batch normalisation of a vector, not an image, cannot do with one.
    member plan.LeastExamples =
        let isOfVectors (stage: Stage) =
            stage.Operation.IsNormalization && Shape.size stage.Input.Tail = 1

        if List.exists isOfVectors plan.TrainingStages then 2 else 1

    /// What a step of training runs.
    member plan.Stages = plan.TrainingStages

    /// What classification runs: dropout is left out, and batch normalisation is taken into the weights before it.
    member plan.StagesOfInference = plan.InferenceStages

/// A network is data, so to make it fast is to match patterns in a list.
module Plan =

    let private single (extent: int) : Axis =
        {
            Input = extent
            Kernel = 1
            Stride = 1
            Padding = 0
            Output = extent
        }

    /// Windows of one cell: no pooling.
    let private noPool (window: Window) : Window =
        {
            Rows = single window.Rows.Output
            Columns = single window.Columns.Output
        }

    let private orFail (result: Result<'R, string>) : 'R =
        match result with
        | Ok value -> value
        | Error reason -> invalidOp $"a network whose layers fit has one that does not: {reason}"

    /// The convolution of an image, or of a signal, which is an image of one row.
    let private convolution (layer: Layer) (input: Shape) : FusedConvolution option =
        let fused filters window =
            Some
                {
                    InChannels = input.Head
                    Filters = filters
                    Window = window
                    Relu = false
                    Pool = noPool window
                }

        match layer, input with
        | Conv2d c, [ _; rows; columns ] ->
            Window.create (rows, columns) c.Kernel c.Stride c.Padding
            |> orFail
            |> fused c.Filters
        | Conv1d c, [ _; length ] ->
            Window.create (1, length) (1, c.Kernel) (1, c.Stride) (0, c.Padding)
            |> orFail
            |> fused c.Filters
        | _ -> None

    let private pooled (config: PoolConfig) (conv: FusedConvolution) : FusedConvolution =
        let rows, columns = conv.Window.Rows.Output, conv.Window.Columns.Output

        { conv with
            Pool = PoolConfig.window config [ 1; conv.Filters; rows; columns ] |> orFail
        }

    /// A layer and where it stands.
    [<NoComparison>]
    type private Placed =
        {
            Index: int
            Layer: Layer
            Input: Shape
            Output: Shape
        }

    /// As many of the next layers as can be computed as one, and how. ReLU and max-pooling may change places: a maximum of clamped
    /// numbers is the clamped maximum.
    let private fuse (layer: Layer) (input: Shape) (rest: Layer list) : int * Operation =
        match layer with
        | Conv2d _
        | Conv1d _ ->
            let conv = (convolution layer input).Value

            match rest with
            | Relu :: MaxPool2d pool :: _
            | MaxPool2d pool :: Relu :: _ -> 3, FusedConvolution { pooled pool conv with Relu = true }
            | Relu :: _ -> 2, FusedConvolution { conv with Relu = true }
            | MaxPool2d pool :: _ -> 2, FusedConvolution(pooled pool conv)
            | _ -> 1, FusedConvolution conv
        | Dense d ->
            let dense =
                {
                    Channels = input.Head
                    Cells = 1
                    Outputs = d.Outputs
                    Relu = false
                }

            match rest with
            | Relu :: _ -> 2, FusedDense { dense with Relu = true }
            | _ -> 1, FusedDense dense
        | Flatten when not rest.IsEmpty && rest.Head.IsDense ->
            let outputs =
                match rest.Head with
                | Dense d -> d.Outputs
                | _ -> 0

            let dense =
                {
                    Channels = input.Head
                    Cells = Shape.size input.Tail
                    Outputs = outputs
                    Relu = false
                }

            match rest.Tail with
            | Relu :: _ -> 3, FusedDense { dense with Relu = true }
            | _ -> 2, FusedDense dense
        | BatchNorm ->
            match rest with
            | Relu :: _ -> 2, Normalization Activation.Relu
            | Layer.Activation activation :: _ -> 2, Normalization activation
            | _ -> 1, Normalization Activation.Identity
        | Relu -> 1, Pointwise Activation.Relu
        | Layer.Activation activation -> 1, Pointwise activation
        | Dropout rate -> 1, Dropping rate
        | MaxPool2d config -> 1, Pooling(PoolConfig.window config (1 :: input) |> orFail)
        | GlobalAveragePool -> 1, GlobalAverage
        | AvgPool2d _
        | Flatten
        | Residual _ -> 1, Unfused layer

    /// Whether the layers start with one whose weights can take in the batch normalisation behind it, and how many come before that.
    let private folds (layers: Layer list) : int option =
        match layers with
        | (Conv2d _ | Conv1d _ | Dense _) :: BatchNorm :: _ -> Some 1
        | Flatten :: Dense _ :: BatchNorm :: _ -> Some 2
        | _ -> None

    let private stagesOf (forTraining: bool) (network: Network) : Stage list =
        let stages = ResizeArray<Stage>()

        let add (stage: Stage) : int =
            stages.Add stage
            stages.Count

        let place (layers: Layer list) (input: Shape) : Placed list =
            let outputs = Layer.outputShapes layers input |> Result.mapError snd |> orFail

            List.zip3 layers (input :: outputs |> List.take layers.Length) outputs
            |> List.mapi (fun i (layer, input, output) ->
                {
                    Index = i
                    Layer = layer
                    Input = input
                    Output = output
                })
            |> List.filter (fun placed -> forTraining || not placed.Layer.IsDropout)

        // gives the map that holds what the last of the layers gives
        let rec run (path: int list) (source: int) (layers: Placed list) : int =
            match layers with
            | [] -> source
            | {
                  Layer = Residual config
                  Index = index
                  Input = input
                  Output = output
              } :: rest ->
                let own = path @ [ index ]

                let holder operation source other output =
                    {
                        Path = own
                        Layers = []
                        Operation = operation
                        Source = source
                        Other = other
                        Learning = None
                        Folded = None
                        Input = input
                        Output = output
                    }

                // the copy comes first, so that on the way back its gradient is added to that of the body, which is written before
                let aside = add (holder Aside source -1 input)
                let body = run (own @ [ 0 ]) source (place config.Body input)
                let shortcut = run (own @ [ 1 ]) aside (place config.Shortcut input)

                let sum =
                    add
                        { holder Join body shortcut output with
                            Input = output
                        }

                run path sum rest
            | first :: _ ->
                // no stage takes more than convolution, normalisation, activation and pooling
                let all = layers |> List.truncate 4 |> List.map (fun placed -> placed.Layer)
                let fold = if forTraining then None else folds all

                // without the batch normalisation that is folded away
                let left =
                    match fold with
                    | Some before -> List.take before all @ List.skip (before + 1) all
                    | None -> all

                let count, operation = fuse first.Layer first.Input left.Tail
                let taken = count + (if fold.IsSome then 1 else 0)
                let own = List.take taken layers
                let at (placed: Placed) = path @ [ placed.Index ]

                let learning =
                    own
                    |> List.tryFind (fun placed ->
                        match Layer.parameterShapes placed.Layer placed.Input with
                        | WeightAndBias _ -> true
                        | NoParameters
                        | ShapesOfParts _ -> false)
                    |> Option.map at

                let map =
                    add
                        {
                            Path = at first
                            Layers = own |> List.map (fun placed -> placed.Layer)
                            Operation = operation
                            Source = source
                            Other = -1
                            Learning = learning
                            Folded = fold |> Option.map (fun before -> at own[before])
                            Input = first.Input
                            Output = (List.last own).Output
                        }

                run path map (List.skip taken layers)

        run [] 0 (place network.Layers network.Input) |> ignore
        List.ofSeq stages

    /// The plan of a network.
    let ofNetwork (network: Network) : Plan =
        {
            PlannedNetwork = network
            TrainingStages = stagesOf true network
            InferenceStages = stagesOf false network
        }

    /// A stage in the text form of its layers.
    let describeStage (stage: Stage) : string =
        match stage.Operation with
        | Aside -> "residual: aside"
        | Join -> "residual: sum"
        | _ -> Architecture.format stage.Layers

    /// What the stages are, each in the text form of its layers.
    let describe (plan: Plan) : string list = plan.Stages |> List.map describeStage

    /// Builds what belongs to each layer, from where the layer stands.
    let internal observed (at: int list -> Observed<'T>) (network: Network) : Observed<'T> =
        let rec walk (path: int list) (layers: Layer list) : Observed<'T> =
            layers
            |> List.mapi (fun i layer ->
                let own = path @ [ i ]

                match layer with
                | BatchNorm -> at own
                | Residual config -> Parts [ walk (own @ [ 0 ]) config.Body; walk (own @ [ 1 ]) config.Shortcut ]
                | _ -> Nothing)
            |> Parts

        walk [] network.Layers
