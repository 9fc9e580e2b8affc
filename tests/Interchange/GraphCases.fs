/// Graphs for the tests of export and import.
module Cnn.Tests.Interchange.GraphCases

open System
open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Networks
open Cnn.Storage
open Cnn.Interchange
open Cnn.Tests.NetworkCases
open Cnn.Tests.Support

/// Statistics as a training might leave them: means about 0, variances about 1.
let rec private drawn (seed: int) (state: LayerState<float32>) : LayerState<float32> =
    match state with
    | Stateless -> Stateless
    | Running running ->
        Running
            {
                Mean = normals seed running.Mean.Shape |> cast
                Variance =
                    normals (seed + 1) running.Variance.Shape
                    |> Tensor.map (fun value -> 0.5 + value * value)
                    |> cast
            }
    | States states -> states |> List.mapi (fun i state -> drawn (seed + 7 * (i + 1)) state) |> States

/// Parameters that are not what they start as: biases too, and what batch normalisation learns.
let private moved (seed: int) (parameters: Parameters<float32>) : Parameters<float32> =
    parameters
    |> Parameters.map (fun tensor ->
        let noise: Tensor<float32> = normals (seed + tensor.Count) tensor.Shape |> cast
        Tensor.init tensor.Shape (fun i -> tensor[i] + 0.1f * noise[i]))

/// A model of a random network, none of whose numbers is trivial.
let modelOf (case: NetworkCase) : TrainedNetwork =
    let network = case.Network

    {
        Network = network
        Parameters = Network.initialize He (Seed.ofInt case.Seed) network |> moved case.Seed
        State = Network.start network |> drawn case.Seed
        Normalization =
            if case.Seed % 2 = 0 then
                Normalization.unit
            else
                {
                    Mean = 0.1307
                    StandardDeviation = 0.3081
                }
        ClassNames = [ for i in 1 .. network.Classes -> $"class {i}" ]
        Command = $"cnn train --seed {case.Seed}"
    }

/// A model of these layers.
let model (input: Shape) (architecture: string) (seed: int) : TrainedNetwork =
    modelOf
        {
            Input = input
            Layers = (network input architecture).Layers
            Batch = 1
            Seed = seed
        }

/// Bytes as pixels, and the logits of our kernels for them.
let pixelsOf (model: TrainedNetwork) (examples: int) (seed: int) : byte[] =
    let bytes: byte[] = Array.zeroCreate (examples * Shape.size model.Network.Input)
    Random(seed).NextBytes bytes
    bytes

let logitsOf (model: TrainedNetwork) (pixels: byte[]) : float32[] =
    let table = Normalization.table model.Normalization
    let size = Shape.size model.Network.Input

    let x =
        Tensor.init (pixels.Length / size :: model.Network.Input) (fun i -> table[int pixels[i]])

    (Network.logits model.Network model.Parameters model.State x).ToArray()

/// The same computation without layers that leave no trace in a graph: what nodes alone can tell of a network.
let rec private seen (layers: Layer list) : Layer list =
    layers
    |> List.collect (fun layer ->
        match layer with
        | Dropout _
        | Activation Activation.Identity -> []
        | Activation Activation.Relu -> [ Relu ]
        | Dense config -> [ Dense { config with Inputs = None } ]
        | Residual block ->
            match seen block.Body, seen block.Shortcut with
            | [], [] ->
                [
                    Residual
                        {
                            Body = [ Activation Activation.Identity ]
                            Shortcut = []
                        }
                ]
            | [], other -> [ Residual { Body = other; Shortcut = [] } ]
            | body, shortcut -> [ Residual { Body = body; Shortcut = shortcut } ]
        | other -> [ other ])

let visible (network: Network) : Layer list = seen network.Layers

let numbersOf (model: TrainedNetwork) : byte[] list =
    Parameters.named model.Parameters @ LayerState.named model.State
    |> List.map (snd >> bits)

/// The model that a graph is, which has to be one.
let import (graph: OperatorGraph) : ImportedNetwork =
    match GraphImport.ofGraph None graph with
    | Ok imported -> imported
    | Error reason -> failtest reason

let node
    (operator: string)
    (inputs: string list)
    (output: string)
    (attributes: (string * GraphValue) list)
    : GraphNode =
    {
        Name = $"/{output}"
        Operator = operator
        Domain = ""
        Inputs = inputs
        Outputs = [ output ]
        Attributes = [ for name, value in attributes -> { Name = name; Value = value } ]
    }

let private port (name: string) (extents: Extent list) : GraphPort =
    {
        Name = name
        Type = Float32
        Extents = extents
    }

/// A graph as another program might write it: input "x", output "y".
let graph (input: Extent list) (nodes: GraphNode list) (constants: GraphTensor list) : OperatorGraph =
    {
        Name = "main_graph"
        Documentation = ""
        Opset = 20L
        Nodes = nodes
        Initializers = constants
        Inputs = [ port "x" input ]
        Outputs = [ port "y" [ Open "N"; Open "" ] ]
        Notes = []
    }

let images (channels: int) (rows: int) (columns: int) : Extent list =
    [ Open "batch"; Fixed(int64 channels); Fixed(int64 rows); Fixed(int64 columns) ]

/// A constant of normal numbers.
let constant (name: string) (shape: Shape) (seed: int) : GraphTensor =
    let fan =
        max 1 (Shape.size shape / max 1 (List.tryHead shape |> Option.defaultValue 1))

    normals seed shape
    |> Tensor.map (fun value -> value / sqrt (float fan))
    |> cast
    |> GraphTensor.ofTensor name

let whole (name: string) (numbers: int64 list) : GraphTensor =
    {
        Name = name
        Type = Int64
        Extents = [ int64 numbers.Length ]
        Bytes = ReadOnlyMemory(numbers |> List.map BitConverter.GetBytes |> Array.concat)
    }

let scalar (name: string) (number: float32) : GraphTensor =
    GraphTensor.ofTensor name (Tensor.ofSeq [] [ number ])
