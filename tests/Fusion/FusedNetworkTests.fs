/// The law of fusion: a plan computes what the layers of its network compute one by one, values and gradients.
module Cnn.Tests.Fusion.FusedNetworkTests

open System
open System.Numerics
open Expecto
open FsCheck.FSharp
open Cnn.Tensors
open Cnn.Networks
open Cnn.Fusion
open Cnn.Tests.NetworkCases
open Cnn.Tests.Properties
open Cnn.Tests.Support

/// Biases too, which fresh networks have at 0.
let private draw<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (seed: int)
    (network: Network)
    : Parameters<'T> =
    let drawn: Parameters<'T> = Network.initialize He (Seed.ofInt seed) network

    drawn
    |> Parameters.map (fun tensor ->
        if tensor.Shape.Length = 1 then
            normals (seed + tensor.Count) tensor.Shape
            |> Tensor.map (fun v -> 0.3 * v)
            |> cast
        else
            tensor)

/// What a state may be after some steps.
let private drawState<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (seed: int)
    (network: Network)
    : LayerState<'T> =
    let rec walk (state: LayerState<float>) =
        match state with
        | Stateless -> Stateless
        | Running r ->
            let numbers = normals (seed + r.Mean.Count) r.Mean.Shape

            Running
                {
                    Mean = numbers |> Tensor.map (fun v -> 0.5 * v)
                    Variance = numbers |> Tensor.map (fun v -> 0.2 + v * v)
                }
        | States parts -> States(List.map walk parts)

    Network.start network |> walk |> LayerState.map cast

/// The smallest variance that batch normalisation saw. Where a channel is constant it divides rounding errors by sqrt(epsilon), and a few of
/// them in a row make numbers out of nothing, which no two ways of adding have in common.
let rec private leastVariance (observed: Observed<'T>) : float =
    match observed with
    | Nothing -> infinity
    | Moments m -> numbers m.Variance |> Array.min
    | Parts parts -> parts |> List.map leastVariance |> List.fold min infinity

let private labelsFor (network: Network) (batch: int) (seed: int) =
    Tensor.init [ batch ] (fun n -> (seed % 7 + 3 * n + 1) % network.Classes)

let private agrees<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (tolerance: float)
    (network: Network)
    (batch: int)
    (seed: int)
    =
    let parameters: Parameters<'T> = draw seed network
    let x: Tensor<'T> = normals seed (batch :: network.Input) |> cast
    let labels = labelsFor network batch seed
    let state: LayerState<'T> = drawState seed network
    let hasNormalization = (LayerState.named state).Length > 0
    let plan = Plan.ofNetwork network
    let expected = Network.lossAndGradients randomness network parameters x labels
    let actual = FusedNetwork.lossAndGradients randomness.Seed plan parameters x labels

    expectClose
        tolerance
        "logits"
        (numbers (Network.logits network parameters state x))
        (numbers (FusedNetwork.logits plan parameters state x))

    expectClose tolerance "loss" [| expected.Loss |] [| actual.Loss |]
    Expect.equal actual.Examples expected.Examples "examples"

    for (name, e), (name', a) in List.zip (Parameters.named expected.Gradients) (Parameters.named actual.Gradients) do
        Expect.equal (name', a.Shape) (name, e.Shape) "names and shapes of the gradients"
        // before batch normalisation the gradient of a bias is 0 but for rounding, which the others give the size of
        let scale =
            if hasNormalization then
                Parameters.named expected.Gradients
                |> Seq.collect (snd >> numbers)
                |> Seq.map abs
                |> Seq.max
            else
                numbers e |> Seq.map abs |> Seq.max |> max Double.Epsilon

        expectWithin scale tolerance $"gradient of {name}" (numbers e) (numbers a)

    // what they saw shows in what a state learns of it
    let learned observed =
        LayerState.update observed state
        |> LayerState.named
        |> List.map (snd >> numbers)

    for e, a in List.zip (learned expected.Observed) (learned actual.Observed) do
        expectClose tolerance "running statistics" e a

/// Networks of the shapes that fusion is for, with channels around the widths of vectors: one, a few, whole vectors and a rest.
let private wide =
    [
        [ 1; 28; 28 ],
        "conv 16 3 pad 1, relu, pool 2, conv 32 3 pad 1, relu, pool 2, flatten, dense 128, relu, dense 10"
        [ 1; 28; 28 ],
        "conv 6 5 pad 2, relu, pool 2, conv 16 5, relu, pool 2, flatten, dense 120, relu, dense 84, relu, dense 10"
        [ 3; 15; 17 ],
        "conv 12 5 stride 2 pad 2, relu, conv 20 3 pad 1, relu, pool 3 stride 2, flatten, dense 33, relu, dense 7"
        [ 3; 12; 10 ], "conv 33 3 pad 1, pool 2, relu, conv 17 3x2 stride 2x1 pad 1x0, relu, flatten, dense 17"
        [ 2; 11; 13 ], "conv 8 3, relu, pool 3 stride 2 pad 1, conv 9 2, pool 2, conv 5 2 stride 3, flatten, dense 5"
        [ 5; 9; 9 ],
        "conv 24 3 pad 2, relu, pool 2x3 stride 1x2, conv 40 1, relu, avgpool 2, flatten, relu, dense 16, dense 3"
        [ 4; 40 ], "conv1d 18 5 stride 2 pad 1, relu, conv1d 7 3, relu, flatten, dense 9, relu, dense 4"
        [ 1; 8; 8 ], "flatten, dense 40, relu, dense 10"
        // rows of several tiles, with and without a rest, behind cells with and without gaps
        [ 2; 9; 9 ], "conv 27 3 pad 1, relu, pool 2, flatten, dense 100, relu, dense 192, relu, dense 4"
        [ 3; 6; 7 ], "flatten, dense 64, relu, dense 5"
        [ 37 ], "relu, dense 20, relu, dense 3"
        // minimal filtering: odd extents, channels that are no whole vectors, overlapping and missing windows
        [ 34; 9; 11 ],
        "conv 40 3 pad 1, relu, pool 3 stride 2, conv 33 3 pad 1, relu, conv 35 3, relu, flatten, dense 5"
        [ 32; 7; 6 ], "conv 32 3 pad 2x1, relu, pool 3x2 stride 2x1 pad 1x0, flatten, dense 3"
        // gradients that are convolutions themselves: as minimal filtering, as stencils, with padding of all sizes
        [ 3; 12; 13 ], "conv 33 3 pad 2, relu, conv 32 3, conv 36 3 pad 1, relu, flatten, dense 3"
        [ 5; 14; 11 ],
        "conv 9 3 pad 1, relu, conv 12 5x3 pad 2x0, conv 7 2x4 pad 1x3, relu, conv 6 3 pad 4, flatten, dense 3"
        // behind pooling: more cells and filters than a word has bits, with and without the gradient of the input
        [ 4; 20; 22 ],
        "conv 8 5 pad 1, relu, pool 2, conv 40 3 pad 2, pool 2 stride 1, relu, conv 70 3, pool 3, flatten, dense 4"
        // one channel: kernels larger than a block, windows that leave a rest or overlap
        [ 1; 15; 18 ], "conv 17 7x6 pad 3x2, relu, pool 2, conv 5 2, flatten, dense 4"
        [ 1; 12; 13 ], "conv 3 4, pool 2 stride 3x2, conv 6 2, pool 2, flatten, dense 3"
        [ 1; 9; 9 ], "conv 4 3 pad 1, relu, pool 2 stride 1, flatten, dense 3"
        // a kernel smaller than its stride leaves cells that no place looks at
        [ 2; 13; 11 ], "conv 6 3 pad 1, relu, conv 7 2 stride 3, relu, conv 4 1 stride 2, relu, flatten, dense 4"
        // batch normalisation: behind pooling and before it, with and without an activation function, on signals and vectors
        [ 1; 14; 13 ],
        "conv 18 3 pad 1, pool 2, batchnorm, relu, conv 33 3 pad 1, batchnorm, gelu, conv 32 3, batchnorm, gap, dense 5"
        [ 3; 10; 12 ],
        "batchnorm, conv 7 3 stride 2, batchnorm, leakyrelu 0.1, pool 2, flatten, dropout 0.3, dense 20, batchnorm, silu, dense 4"
        [ 2; 30 ], "conv1d 9 3 pad 1, batchnorm, relu, conv1d 17 3 stride 2, silu, gap, dense 12, batchnorm, dense 3"
        [ 5; 8; 8 ],
        "conv 16 3 pad 1, batchnorm, relu, residual(conv 16 3 pad 1, batchnorm, relu, conv 16 3 pad 1, batchnorm), relu, \
        residual(conv 40 3 stride 2 pad 1, batchnorm, relu, conv 40 3 pad 1, batchnorm | conv 40 1 stride 2, batchnorm), relu, \
        gap, dense 5"
        [ 1; 9; 8 ],
        "residual(batchnorm, relu, residual(conv 1 3 pad 1, dropout 0.2), conv 1 3 pad 1 | conv 1 1), pool 3 stride 2, relu, flatten, dense 4"
        // more axes than an image has, and windows by themselves
        [ 2; 3; 4; 5 ], "batchnorm, relu, gap, dense 4"
        [ 3; 2; 3; 2 ], "leakyrelu 0.2, flatten, batchnorm, dense 5"
        [ 17; 9; 8 ], "batchnorm, pool 3 stride 2 pad 1, conv 5 3, silu, pool 2, flatten, dense 3"
        [ 2; 7; 7 ], "pool 2, gelu, pool 2 stride 1, flatten, dense 3"
        // an activation that is bounded: behind a convolution, behind normalisation and before pooling, between dense layers
        [ 1; 12; 13 ],
        "conv 18 3, tanh, avgpool 2, conv 33 3 pad 1, batchnorm, tanh, pool 2, flatten, dense 20, tanh, dense 4"
        [ 12 ], "residual(dense 12, relu, dropout 0.5 | batchnorm), batchnorm, gelu, dense 5"
    ]

let private shaped =
    testList
        "agrees with the layers"
        [
            for input, architecture in wide do
                // a vector by itself cannot be normalised
                for batch in
                    (if architecture.Contains "batchnorm" then
                         [ 5; 17 ]
                     else
                         [ 1; 3; 17 ]) do
                    test $"{Shape.format input}: {architecture}, batch {batch}" {
                        agrees<float> 1e-11 (network input architecture) batch 5
                        agrees<float32> 2e-4 (network input architecture) batch 6
                    }
        ]

/// With whole numbers everything but the softmax is exact, so that the two ways have to agree to the last bit. Ties come
/// up all the time here: the first of several maxima has to take the whole gradient in both.
let private exactLogits (case: NetworkCase) =
    let network = case.Network
    let random = Random case.Seed

    let parameters: Parameters<float> =
        (draw case.Seed network: Parameters<float>)
        |> Parameters.map (fun tensor -> integers (random.Next()) tensor.Shape |> Tensor.map (fun v -> float (sign v)))

    let isExact =
        case.Layers
        |> List.forall (function
            | AvgPool2d config -> BitOperations.IsPow2(fst config.Kernel * snd config.Kernel)
            | _ -> true)

    if isExact then
        let x = integers case.Seed (case.Batch :: case.Input)

        FusedNetwork.logits (Plan.ofNetwork network) parameters (Network.start network) x
        |> expectSame "logits" (Network.logits network parameters (Network.start network) x)

let tests =
    testList
        "fused network"
        [
            property "gives the loss and the gradients of the layers, in double precision" (fun (case: NetworkCase) ->
                agrees<float> 1e-10 case.Network case.Batch case.Seed)
            property "does so with layers of every kind" (fun (RichCase case) ->
                let network = case.Network
                let x = normals case.Seed (case.Batch :: network.Input)

                let step =
                    Network.lossAndGradients
                        randomness
                        network
                        (draw case.Seed network)
                        x
                        (labelsFor network case.Batch case.Seed)

                if leastVariance step.Observed > 1e-6 then
                    agrees<float> 1e-8 network case.Batch case.Seed)
            property "gives exactly the logits of the layers on whole numbers" exactLogits
            shaped
            test "a NaN anywhere in the input reaches the loss" {
                let network =
                    network [ 1; 12; 12 ] "conv 8 3 pad 1, relu, pool 2, conv 8 3, relu, pool 2, flatten, dense 4"

                let parameters: Parameters<float32> = draw 1 network
                let plan = Plan.ofNetwork network

                for place in 0..13..143 do
                    let x =
                        Tensor.init [ 1; 1; 12; 12 ] (fun i -> if i = place then nanf else float32 i / 144f)

                    let step =
                        FusedNetwork.lossAndGradients randomness.Seed plan parameters x (Tensor.ofSeq [ 1 ] [ 1 ])

                    Expect.isTrue (Double.IsNaN step.Loss) $"NaN at {place}"
            }
            test "what is refused by the layers is refused" {
                let network = network [ 1; 4; 4 ] "flatten, dense 3"
                let parameters: Parameters<float> = Network.initialize He (Seed.ofInt 1) network
                let plan = Plan.ofNetwork network

                expectRefusal "expects shape 2x1x4x4, but gets 2x1x4x5" (fun () ->
                    FusedNetwork.logits plan parameters (Network.start plan.Network) (Tensor.zeros [ 2; 1; 4; 5 ]))

                expectRefusal "another network" (fun () ->
                    FusedNetwork.logits
                        plan
                        (Block [ Empty ]: Parameters<float>)
                        (Network.start plan.Network)
                        (Tensor.zeros [ 2; 1; 4; 4 ]))
            }
        ]
