namespace Cnn.Fusion

open Cnn.Tensors
open Cnn.Kernels
open Cnn.Operations
open Cnn.Networks

/// One operation of a plan, which does the work of one layer or of several.
[<NoComparison>]
type Operation =
    /// A convolution, the ReLU behind it, and the max-pooling behind that.
    | FusedConvolution of FusedConvolution
    /// A dense layer, the flatten before it, and the ReLU behind it.
    | FusedDense of FusedDense
    /// A layer as it is.
    | Unfused of Layer

/// A step of a plan: which layers it stands for, and the shapes of one example around it.
[<NoComparison>]
type Stage =
    {
        FirstLayer: int
        /// The layers that are computed as one, in their order.
        Layers: Layer list
        Operation: Operation
        Input: Shape
        Output: Shape
    }

    /// The layer among them that learns, if one does.
    member stage.LearningLayer =
        stage.Layers
        |> List.tryFindIndex (fun layer -> (Layer.parameterShapes layer stage.Input).IsSome)
        |> Option.map (fun index -> stage.FirstLayer + index)

/// How a network is computed fast: the same function, in fewer and larger operations.
[<NoComparison>]
type Plan =
    private
        {
            PlannedNetwork: Network
            StageList: Stage list
        }

    member plan.Network = plan.PlannedNetwork
    member plan.Stages = plan.StageList

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

    /// As many of the next layers as can be computed as one, and how. ReLU and max-pooling may change places: a maximum of clamped
    /// numbers is the clamped maximum.
    let private fuse (layers: (Layer * Shape) list) : int * Operation =
        let rest = List.map fst layers.Tail

        match layers.Head with
        | (Conv2d _ | Conv1d _) as layer, input ->
            let conv = (convolution layer input).Value

            match rest with
            | Relu :: MaxPool2d pool :: _
            | MaxPool2d pool :: Relu :: _ -> 3, FusedConvolution { pooled pool conv with Relu = true }
            | Relu :: _ -> 2, FusedConvolution { conv with Relu = true }
            | MaxPool2d pool :: _ -> 2, FusedConvolution(pooled pool conv)
            | _ -> 1, FusedConvolution conv
        | (Dense d, input) ->
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
        | Flatten, channels :: extents when not rest.IsEmpty && rest.Head.IsDense ->
            let outputs =
                match rest.Head with
                | Dense d -> d.Outputs
                | _ -> 0

            let dense =
                {
                    Channels = channels
                    Cells = Shape.size extents
                    Outputs = outputs
                    Relu = false
                }

            match rest.Tail with
            | Relu :: _ -> 3, FusedDense { dense with Relu = true }
            | _ -> 2, FusedDense dense
        | layer, _ -> 1, Unfused layer

    /// The plan of a network.
    let ofNetwork (network: Network) : Plan =
        let rec stages (first: int) (layers: (Layer * Shape) list) =
            if layers.IsEmpty then
                []
            else
                let count, operation = fuse layers

                {
                    FirstLayer = first
                    Layers = layers |> List.take count |> List.map fst
                    Operation = operation
                    Input = snd layers.Head
                    Output = network.Outputs[first + count - 1]
                }
                :: stages (first + count) (List.skip count layers)

        {
            PlannedNetwork = network
            StageList = stages 0 (List.zip network.Layers network.Inputs)
        }

    /// What the stages are, each in the text form of its layers.
    let describe (plan: Plan) : string list =
        plan.Stages |> List.map (fun stage -> Architecture.format stage.Layers)
