/// Batch normalisation taken into the weights before it.
module Cnn.Tests.Operations.BatchNormFoldingTests

open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Tests.WindowCases
open Cnn.Tests.Properties
open Cnn.Tests.Support

/// The layer then `infer`, and the folded layer alone.
let private expectFolded
    (channels: int)
    seed
    (weightShape: Shape)
    (run: Tensor<float> -> Tensor<float> -> Tensor<float>)
    =
    let draw k = normals (seed + k) [ channels ]
    let weight, bias, mean, layerBias = draw 0, draw 1, draw 2, draw 3
    let variance = draw 4 |> Tensor.map (fun v -> v * v)
    let layerWeight = normals (seed + 5) weightShape

    let struct (foldedWeight, foldedBias) =
        BatchNorm.fold 0.1 weight bias mean variance layerWeight layerBias

    let expected =
        run layerWeight layerBias |> BatchNorm.infer 0.1 weight bias mean variance

    let actual = run foldedWeight foldedBias
    Expect.equal actual.Shape expected.Shape "shape"
    expectClose 1e-12 "output" (expected.ToArray()) (actual.ToArray())

let tests =
    testList
        "folded batch normalisation"
        [
            property "a convolution with folded weights is the convolution and its batch normalisation" (fun case ->
                let case: ConvolutionCase = case
                let x = normals (case.Seed + 9) case.InputShape

                expectFolded case.Extents.O case.Seed case.WeightShape (fun weight bias ->
                    Conv2d.forward case.Config weight bias x |> outputOf))
            test "a convolution of signals" {
                let config: Conv1d.Config =
                    {
                        Filters = 4
                        Kernel = 3
                        Stride = 2
                        Padding = 1
                    }

                let x = normals 9 [ 2; 3; 8 ]

                expectFolded 4 1 (Conv1d.weightShape config 3) (fun weight bias ->
                    Conv1d.forward config weight bias x |> outputOf)
            }
            property "so too a dense layer, square or not" (fun case ->
                let case: ProductCase = case
                let x = normals (case.Seed + 9) [ case.Rows; case.Depth ]

                for inputs in [ case.Depth; case.Columns ] do
                    let x =
                        if inputs = case.Depth then
                            x
                        else
                            normals case.Seed [ 2; inputs ]

                    expectFolded case.Columns case.Seed [ inputs; case.Columns ] (fun weight bias ->
                        Dense.forward weight bias x |> outputOf))
        ]
