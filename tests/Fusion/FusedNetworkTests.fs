/// The law of fusion: a plan computes what the layers of its network compute one by one, values and gradients.
module Cnn.Tests.Fusion.FusedNetworkTests

open System.Numerics
open Expecto
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

let private agrees<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (tolerance: float)
    (network: Network)
    (batch: int)
    (seed: int)
    =
    let parameters: Parameters<'T> = draw seed network
    let x: Tensor<'T> = normals seed (batch :: network.Input) |> cast

    let labels =
        Tensor.init [ batch ] (fun n -> (seed % 7 + 3 * n + 1) % network.Classes)

    let plan = Plan.ofNetwork network
    let expected = Network.lossAndGradients network parameters x labels
    let actual = FusedNetwork.lossAndGradients plan parameters x labels

    expectClose
        tolerance
        "logits"
        (numbers (Network.logits network parameters x))
        (numbers (FusedNetwork.logits plan parameters x))

    expectClose tolerance "loss" [| expected.Loss |] [| actual.Loss |]
    Expect.equal actual.Examples expected.Examples "examples"

    for (name, e), (name', a) in List.zip (Parameters.named expected.Gradients) (Parameters.named actual.Gradients) do
        Expect.equal (name', a.Shape) (name, e.Shape) "names and shapes of the gradients"
        expectClose tolerance $"gradient of {name}" (numbers e) (numbers a)

let tests =
    testList
        "fused network"
        [
            property "gives the loss and the gradients of the layers, in double precision" (fun (case: NetworkCase) ->
                agrees<float> 1e-10 case.Network case.Batch case.Seed)
        ]
