module Cnn.Tests.Operations.DenseTests

open System.Numerics
open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Tests
open Cnn.Tests.WindowCases
open Cnn.Tests.Properties
open Cnn.Tests.Support

/// weight, bias, x and an output gradient: the sizes of a matrix product serve as those of a layer.
let private drawn (case: ProductCase) =
    integers case.Seed [ case.Depth; case.Columns ],
    integers (case.Seed + 1) [ case.Columns ],
    integers (case.Seed + 2) [ case.Rows; case.Depth ],
    integers (case.Seed + 3) [ case.Rows; case.Columns ]

let private agreesWithNaive<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (case: ProductCase) =
    let weight, bias, x, dy = drawn case
    let n, inputs, outputs = case.Rows, case.Depth, case.Columns
    let w, input, gradient = weight.ToArray(), x.ToArray(), dy.ToArray()
    let struct (y, cache) = Dense.forward (cast<'T> weight) (cast<'T> bias) (cast<'T> x)
    let g = Dense.backward (cast<'T> weight) cache (cast<'T> dy)

    let same what (shape: Shape) (expected: float[]) (actual: Tensor<'T>) =
        Expect.equal actual.Shape shape $"shape of the {what}, {typeof<'T>.Name}"
        Expect.sequenceEqual (numbers actual) expected $"{what}, {typeof<'T>.Name}"

    same "output" [ n; outputs ] (Naive.dense n inputs outputs w (bias.ToArray()) input) y
    same "input gradient" x.Shape (Naive.product n outputs inputs gradient (Naive.transpose inputs outputs w)) g.Input

    same
        "weight gradient"
        weight.Shape
        (Naive.product inputs n outputs (Naive.transpose n inputs input) gradient)
        g.Weight

    same "bias gradient" bias.Shape (Naive.product 1 n outputs (Array.create n 1.0) gradient) g.Bias

let tests =
    let zeros = Tensor.zeros<float>

    testList
        "dense"
        [
            property "agrees with the naive loops exactly, in both precisions" (fun (case: ProductCase) ->
                agreesWithNaive<float> case
                agreesWithNaive<float32> case)
            property "the input gradient is the adjoint" (fun (case: ProductCase) ->
                let weight, _, x, dy = drawn case
                let struct (y, cache) = Dense.forward weight (zeros [ case.Columns ]) x
                Expect.equal (dot y dy) (dot x (Dense.backward weight cache dy).Input) "inner products")
            property "the weight gradient is the adjoint in the weight" (fun (case: ProductCase) ->
                let weight, _, x, dy = drawn case
                let struct (y, cache) = Dense.forward weight (zeros [ case.Columns ]) x
                Expect.equal (dot y dy) (dot weight (Dense.backward weight cache dy).Weight) "inner products")
            test "by hand" {
                let weight = Tensor.ofSeq [ 2; 3 ] [ 1.0; 2.0; 3.0; 4.0; 5.0; 6.0 ]
                let x = Tensor.ofSeq [ 1; 2 ] [ 10.0; 1.0 ]
                let struct (y, cache) = Dense.forward weight (vector [ 0.5; 0.0; -0.5 ]) x
                y |> expectSame "output" (Tensor.ofSeq [ 1; 3 ] [ 14.5; 25.0; 35.5 ])
                let g = Dense.backward weight cache (Tensor.ofSeq [ 1; 3 ] [ 1.0; 0.0; 2.0 ])
                g.Input |> expectSame "input" (Tensor.ofSeq [ 1; 2 ] [ 7.0; 16.0 ])

                g.Weight
                |> expectSame "weight" (Tensor.ofSeq [ 2; 3 ] [ 10.0; 0.0; 20.0; 1.0; 0.0; 2.0 ])

                g.Bias |> expectSame "bias" (vector [ 1.0; 0.0; 2.0 ])
            }
            test "shapes that do not fit are refused" {
                expectRefusal "inputs of shape 2x3 do not fit weights of shape 4x5" (fun () ->
                    Dense.forward (zeros [ 4; 5 ]) (zeros [ 5 ]) (zeros [ 2; 3 ]))

                expectRefusal "expects shape 5, but gets 4" (fun () ->
                    Dense.forward (zeros [ 3; 5 ]) (zeros [ 4 ]) (zeros [ 2; 3 ]))
            }
        ]
