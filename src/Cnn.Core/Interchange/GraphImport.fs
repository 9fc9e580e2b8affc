namespace Cnn.Interchange

open System.Collections.Generic
open Cnn.Tensors
open Cnn.Networks
open Cnn.Storage
open Cnn.Interchange.NodeReading

/// A model from a graph, and what its user should know of how it was read.
[<NoComparison>]
type ImportedNetwork =
    {
        Model: TrainedNetwork
        /// Lines without a full stop.
        Remarks: string list
    }

/// A graph of operators as a trained network, where every node that its output depends on is one of our layers; the Error is the rest of a
/// sentence that starts with the file's name. Nothing of the graph is trusted.
module GraphImport =

    /// Versions of the operator set that are read: the operators have the same meaning in all of them.
    [<Literal>]
    let OldestOpset = 7L

    [<Literal>]
    let NewestOpset = 25L

    /// Nodes, at most: a network has 1000 layers at most.
    [<Literal>]
    let MostNodes = 5000

    /// The nodes that the output depends on, in their order.
    let private needed (output: string) (nodes: GraphNode list) : GraphNode list =
        let wanted = HashSet [ output ]

        ([], List.rev nodes)
        ||> List.fold (fun found node ->
            if node.Outputs |> List.exists wanted.Contains then
                node.Inputs |> List.iter (wanted.Add >> ignore)
                node :: found
            else
                found)

    /// The extents of one example, which must be fixed, and that of the batch.
    let private example (input: GraphPort) : Result<struct (Extent * Shape), string> =
        let what = $"its input {Quotation.quote input.Name}"

        let extent (extent: Extent) =
            match extent with
            | Fixed cells when cells >= 1L && cells <= int64 System.Int32.MaxValue -> Ok(int cells)
            | Fixed cells -> Error $"{what} has an axis of {cells}"
            | Open _ -> Error $"{what} leaves open how large an image is; export it for one size"

        result {
            do! refuseUnless (input.Type = Float32 || input.Type = UInt8) $"{what} is neither of float32 nor of uint8"

            match input.Extents with
            | batch :: (_ :: _ as places) when places.Length < GraphTensor.MostAxes ->
                let! shape = each extent places
                do! refuseUnless (Shape.fitsInMemory shape) $"{what} is more than an array can hold"
                return struct (batch, shape)
            | _ -> return! Error $"{what} is not a batch of images, such as N x 1 x 28 x 28"
        }

    /// The one input that is not a constant, and the one output.
    let private ports (graph: OperatorGraph) : Result<GraphPort * GraphPort, string> =
        let constants =
            graph.Initializers |> List.map (fun tensor -> tensor.Name) |> HashSet

        match graph.Inputs |> List.filter (fun input -> not (constants.Contains input.Name)), graph.Outputs with
        | [ input ], [ output ] -> Ok(input, output)
        | [ _ ], outputs -> Error $"it has {outputs.Length} outputs; a classifier has one"
        | inputs, _ -> Error $"it has {inputs.Length} inputs; a classifier has one"

    /// The values that are there before any node.
    let private constants (graph: OperatorGraph) : Dictionary<string, GraphKnown> =
        let values = Dictionary<string, GraphKnown>()

        for tensor in graph.Initializers do
            values[tensor.Name] <- Constant tensor

        values

    /// The value of the output, made from the pixels by layers.
    let private trace (graph: OperatorGraph) : Result<GraphTrace * bool, string> =
        result {
            do!
                refuseUnless
                    (graph.Opset >= OldestOpset && graph.Opset <= NewestOpset)
                    $"it is of operator set {graph.Opset}; those from {OldestOpset} to {NewestOpset} are read"

            do! refuseUnless (graph.Nodes.Length <= MostNodes) $"it has more than {MostNodes} nodes"
            let! input, output = ports graph
            let! struct (batch, shape) = example input
            let values = constants graph
            values[input.Name] <- Traced(GraphTrace.start shape PixelScale.none)

            let! _ =
                (Ok(), needed output.Name graph.Nodes)
                ||> List.fold (fun before node ->
                    before
                    |> Result.bind (fun () ->
                        match GraphValues.ofNode batch values node, node.Outputs with
                        | Ok value, name :: _ when values.TryAdd(name, value) -> Ok()
                        | Ok _, _ -> Error $"{describe node}: its output has the name of another value"
                        | Error reason, _ -> Error $"{describe node}: {reason}"))

            match values.TryGetValue output.Name with
            | true, Traced trace -> return trace, false
            | true, Probabilities trace -> return trace, true
            | true, Gate _ -> return! Error "it ends in a sigmoid; a classifier here ends in logits, or their softmax"
            | _ -> return! Error $"no node gives its output {Quotation.quote output.Name} from its input"
        }

    let private notes (graph: OperatorGraph) : IReadOnlyDictionary<string, string> =
        let table = Dictionary<string, string>()

        for note in graph.Notes do
            table[note.Key] <- note.Text

        table :> _

    let private isOurs (notes: IReadOnlyDictionary<string, string>) : bool =
        match notes.TryGetValue "format" with
        | true, format -> format = GraphExport.Format
        | _ -> false

    /// The model that the notes and constants of a file of ours tell of, if the graph is just the one that it is exported as.
    let private ofNotes (graph: OperatorGraph) (notes: IReadOnlyDictionary<string, string>) : TrainedNetwork option =
        let tensors =
            graph.Initializers
            |> List.filter (fun tensor -> not (tensor.Name.StartsWith("pixels.", System.StringComparison.Ordinal)))

        let model =
            result {
                let! network = ModelMetadata.network notes
                let! normalization = ModelMetadata.normalization notes
                let! names = ModelMetadata.classNames network.Classes notes

                let! numbers =
                    tensors
                    |> each (fun tensor ->
                        GraphTensor.singles tensor |> Result.map (fun numbers -> tensor.Name, numbers))

                let! parameters, state = ModelFile.numbers network numbers

                return
                    {
                        Network = network
                        Parameters = parameters
                        State = state
                        Normalization = normalization
                        ClassNames = names
                        Command = ModelMetadata.command notes
                    }
            }

        match model with
        | Ok model when isOurs notes && GraphExport.ofNetwork model = graph -> Some model
        | _ -> None

    let private format (normalization: Normalization) =
        if normalization = Normalization.unit then
            "byte / 255"
        else
            $"(byte / 255 - {normalization.Mean:``0.######``}) / {normalization.StandardDeviation:``0.######``}"

    /// The model that nodes alone tell of.
    let private ofNodes
        (given: Normalization option)
        (graph: OperatorGraph)
        (notes: IReadOnlyDictionary<string, string>)
        =
        result {
            let! trace, hasSoftmax = trace graph
            let input, layers, parameters, state = GraphTrace.network trace
            let! network = Network.create input layers

            let! parameters, state =
                ModelFile.numbers network (Parameters.named parameters @ LayerState.named state)

            let said = given |> Option.defaultValue (PixelScale.assumed trace.Pixels)
            let normalization = PixelScale.compose said trace.Pixels

            let! _ =
                ModelMetadata.normalization (
                    readOnlyDict
                        [
                            "mean", ModelMetadata.exact normalization.Mean
                            "standard_deviation", ModelMetadata.exact normalization.StandardDeviation
                        ]
                )

            let! names = ModelMetadata.classNames network.Classes notes

            return
                {
                    Model =
                        {
                            Network = network
                            Parameters = parameters
                            State = state
                            Normalization = normalization
                            ClassNames = names
                            Command = ""
                        }
                    Remarks =
                        [
                            if hasSoftmax then
                                "its softmax is left out: the model gives logits, and this program takes their softmax where it is wanted"
                            if given.IsNone then
                                let source =
                                    if trace.Pixels = PixelScale.none then
                                        "it does not say how pixels become its inputs"
                                    else
                                        "pixels become its inputs by nodes of its own"

                                $"{source}; taken as {format normalization}, which --pixels can change"
                            elif trace.Pixels <> PixelScale.none then
                                $"nodes of its own change pixels as well; together they are {format normalization}"
                        ]
                }
        }

    /// The model of a graph. `given` says what the graph is given for a byte of an image, where somebody knows: for bytes 0 .. 255 as
    /// they are PixelScale.bytes, for parts of 255 Normalization.unit, else the mean and the deviation that its trainer normalised by.
    let ofGraph (given: Normalization option) (graph: OperatorGraph) : Result<ImportedNetwork, string> =
        let notes = notes graph

        match given, ofNotes graph notes with
        | None, Some model -> Ok { Model = model; Remarks = [] }
        | Some _, Some _ -> Error "it says by itself how bytes become its inputs; leave out what pixels are"
        | None, None when isOurs notes ->
            ofNodes given graph notes
            |> Result.map (fun imported ->
                { imported with
                    Remarks =
                        "its notes tell of another model than its nodes: somebody has changed it; the nodes were taken"
                        :: imported.Remarks
                })
        | _ -> ofNodes given graph notes
