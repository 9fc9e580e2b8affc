/// Whole networks against the naive loops, layer by layer and back.
module Cnn.Tests.Networks.NetworkTests

open System.Numerics
open Expecto
open Cnn.Tensors
open Cnn.Networks
open Cnn.Operations
open Cnn.Tests
open Cnn.Tests.NetworkCases
open Cnn.Tests.Properties
open Cnn.Tests.Support

/// What the naive loops need to know of a layer that slides a window over an input of this shape.
let private extents (batch: int) (layer: Layer) (input: Shape) : Naive.Extents =
    let create filters (kh, kw) (sh, sw) (ph, pw) (rows, columns) : Naive.Extents =
        {
            N = batch
            C = input.Head
            H = rows
            W = columns
            O = filters
            KH = kh
            KW = kw
            SH = sh
            SW = sw
            PH = ph
            PW = pw
        }

    match layer with
    | Conv2d c -> create c.Filters c.Kernel c.Stride c.Padding (input[1], input[2])
    | Conv1d c -> create c.Filters (1, c.Kernel) (1, c.Stride) (0, c.Padding) (1, input[1])
    | MaxPool2d c
    | AvgPool2d c -> create input.Head c.Kernel c.Stride c.Padding (input[1], input[2])
    | other -> failwith $"{Layer.name other} has no window"

let private naiveForward batch (layer: Layer, input: Shape) (parameters: Parameters<float>) (x: float[]) : float[] =
    match layer, parameters with
    | (Conv1d _ | Conv2d _), Affine p ->
        Naive.conv2d (extents batch layer input) (p.Weight.ToArray()) (p.Bias.ToArray()) x
    | MaxPool2d _, _ -> Naive.maxPool (extents batch layer input) x
    | AvgPool2d _, _ -> Naive.avgPool (extents batch layer input) x
    | Dense d, Affine p -> Naive.dense batch input.Head d.Outputs (p.Weight.ToArray()) (p.Bias.ToArray()) x
    | Relu, _ -> Array.map (max 0.0) x
    | _ -> x

/// The gradient for the input, and those for weight and bias where there are any.
let private naiveBackward
    batch
    (layer: Layer, input: Shape)
    (parameters: Parameters<float>)
    (x: float[])
    (dy: float[])
    =
    match layer, parameters with
    | (Conv1d _ | Conv2d _), Affine p ->
        let e = extents batch layer input

        Naive.conv2dInputGradient e (p.Weight.ToArray()) dy,
        [ Naive.conv2dWeightGradient e x dy; Naive.conv2dBiasGradient e dy ]
    | MaxPool2d _, _ -> Naive.maxPoolGradient (extents batch layer input) x dy, []
    | AvgPool2d _, _ -> Naive.avgPoolGradient (extents batch layer input) dy, []
    | Dense d, Affine p ->
        let transposed = Naive.transpose input.Head d.Outputs (p.Weight.ToArray())

        Naive.product batch d.Outputs input.Head dy transposed,
        [
            Naive.product input.Head batch d.Outputs (Naive.transpose batch input.Head x) dy
            Naive.product 1 batch d.Outputs (Array.create batch 1.0) dy
        ]
    | Relu, _ -> Array.map2 (fun v g -> if v > 0.0 then g else 0.0) x dy, []
    | _ -> dy, []

/// Averages over 2, 4 or 8 cells are exact in binary; others become maxima, which leaves every shape as it is.
let private exact (case: NetworkCase) =
    let powerOfTwo (kernel: int * int) =
        BitOperations.IsPow2(fst kernel * snd kernel)

    { case with
        Layers =
            case.Layers
            |> List.map (function
                | AvgPool2d config when not (powerOfTwo config.Kernel) -> MaxPool2d config
                | other -> other)
    }

/// Small whole numbers for every parameter: -1, 0 or 1, so that sums stay exact through many layers.
let private drawParameters (case: NetworkCase) : Parameters<float> =
    let seeds = System.Random case.Seed
    let any: Parameters<float> = Network.initialize He (Seed.ofInt 0) case.Network

    any
    |> Parameters.map (fun tensor -> integers (seeds.Next()) tensor.Shape |> Tensor.map (fun v -> float (sign v)))

/// The same in double and in single precision: outputs of all layers, gradients of all parameters and of the input.
let private agreesWithNaive (written: NetworkCase) =
    let case = exact written
    let network, parameters = case.Network, drawParameters case

    let x, dlogits =
        integers case.Seed (case.Batch :: case.Input), integers (case.Seed + 1) [ case.Batch; case.Network.Classes ]

    let parts =
        match parameters with
        | Block parts -> parts
        | other -> failtest $"the parameters of a network are a block, not {other}"

    let layers = List.zip (List.zip network.Layers network.Inputs) parts

    let outputs =
        (x.ToArray(), layers)
        ||> List.scan (fun x (layer, p) -> naiveForward case.Batch layer p x)

    let inputGradient, gradients =
        (List.zip layers (List.take layers.Length outputs), (dlogits.ToArray(), []))
        ||> List.foldBack (fun ((layer, p), x) (dy, above) ->
            let dx, own = naiveBackward case.Batch layer p x dy
            dx, own @ above)

    let trace = Network.forward training network parameters x

    for layer, expected, shape in List.zip3 trace outputs.Tail network.Outputs do
        layer.Output
        |> expectSame "output of a layer" (Tensor.ofSeq (case.Batch :: shape) expected)

    let found = Parameters.named (Network.backward trace dlogits)
    Expect.equal (List.map fst found) (List.map fst (Parameters.named parameters)) "names of the gradients"

    for (name, gradient), expected in List.zip found gradients do
        Expect.sequenceEqual (gradient.ToArray()) expected $"gradient of {name}"

    Expect.sequenceEqual ((Network.inputGradient trace dlogits).ToArray()) inputGradient "gradient of the input"

    // single precision is exact as long as everything fits 24 bits, which shallow networks do
    if case.Layers.Length <= 4 then
        let single =
            Network.forward training network (Parameters.map (cast<float32>) parameters) (cast<float32> x)

        expectClose 1e-6 "float32 logits" (List.last outputs) (numbers (List.last single).Output)

        for (name, gradient), expected in
            List.zip (Parameters.named (Network.backward single (cast<float32> dlogits))) gradients do
            expectClose 1e-6 $"float32 gradient of {name}" expected (numbers gradient)

let tests =
    testList
        "network"
        [
            property "agrees with the naive loops, forward and backward, through any layers" agreesWithNaive
            property "gives the shapes that were inferred, also for the parameters" (fun (case: NetworkCase) ->
                let network = case.Network

                let parameters: Parameters<float32> =
                    Network.initialize Glorot (Seed.ofInt case.Seed) network

                let trace =
                    Network.forward training network parameters (normals 1 (case.Batch :: case.Input) |> cast)

                Expect.equal
                    [ for layer in trace -> layer.Output.Shape ]
                    [ for shape in network.Outputs -> case.Batch :: shape ]
                    "shapes"

                let gradients = Network.backward trace (List.last trace).Output

                let shapes p =
                    Parameters.named p |> List.map (fun (name, tensor) -> name, tensor.Shape)

                Expect.equal (shapes gradients) (shapes parameters) "shapes of the gradients")
            test "loss, hits and gradients are those of the pieces" {
                let network = network [ 2; 6; 6 ] "conv 3 3, relu, pool 2, flatten, dense 4"
                let parameters: Parameters<float> = Network.initialize He (Seed.ofInt 1) network
                let x, labels = normals 2 [ 5; 2; 6; 6 ], Tensor.ofSeq [ 5 ] [ 0; 1; 2; 3; 0 ]
                let step = Network.lossAndGradients randomness network parameters x labels
                let trace = Network.forward training network parameters x
                let logits = Network.logits network parameters (Network.start network) x
                let struct (loss, cache) = SoftmaxCrossEntropy.forward labels logits
                logits |> expectSame "logits" (List.last trace).Output
                Expect.equal step.Loss loss "loss"
                Expect.equal step.Examples 5 "examples"
                Expect.equal step.Correct (Classification.correct logits labels) "correct"

                Expect.equal
                    step.Gradients
                    (Network.backward trace (SoftmaxCrossEntropy.backward cache 1.0).Logits)
                    "gradients"
            }
            test "an input of another shape or parameters of another network are refused" {
                let network = network [ 1; 4; 4 ] "flatten, dense 3"
                let parameters: Parameters<float> = Network.initialize He (Seed.ofInt 1) network

                expectRefusal "expects shape 2x1x4x4, but gets 2x1x4x5" (fun () ->
                    Network.logits network parameters (Network.start network) (Tensor.zeros [ 2; 1; 4; 5 ]))

                expectRefusal "another network" (fun () ->
                    Network.logits
                        network
                        (Block [ Empty ]: Parameters<float>)
                        (Network.start network)
                        (Tensor.zeros [ 2; 1; 4; 4 ]))

                expectRefusal "another layer" (fun () ->
                    Network.logits
                        network
                        (Block [ Empty; Empty ]: Parameters<float>)
                        (Network.start network)
                        (Tensor.zeros [ 2; 1; 4; 4 ]))
            }
        ]
