module Cnn.Tests.Operations.PoolingTests

open System
open System.Numerics
open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Tests
open Cnn.Tests.WindowCases
open Cnn.Tests.Properties
open Cnn.Tests.Support

let private same<'T when 'T :> IBinaryFloatingPointIeee754<'T>>
    what
    (shape: Shape)
    (expected: float[])
    (actual: Tensor<'T>)
    =
    Expect.equal actual.Shape shape $"shape of the {what}, {typeof<'T>.Name}"
    Expect.sequenceEqual (numbers actual) expected $"{what}, {typeof<'T>.Name}"

/// Integers from -4 to 4 leave many ties, which is what a wrong choice among equals would show in.
let private maximumAgrees<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (case: PoolingCase) =
    let x, dy =
        integers case.Seed case.InputShape, integers (case.Seed + 1) case.OutputShape

    let struct (y, cache) = MaxPool2d.forward case.Config (cast<'T> x)
    let g = MaxPool2d.backward cache (cast<'T> dy)
    same "maximum" case.OutputShape (Naive.maxPool case.Extents (x.ToArray())) y
    same "gradient" case.InputShape (Naive.maxPoolGradient case.Extents (x.ToArray()) (dy.ToArray())) g.Input

/// Multiples of the window's area, so that every quotient is whole.
let private averageAgrees<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (case: PoolingCase) =
    let e = case.Extents

    let multiples seed shape =
        integers seed shape |> Tensor.map (fun v -> v * float (e.KH * e.KW))

    let x, dy =
        multiples case.Seed case.InputShape, multiples (case.Seed + 1) case.OutputShape

    let struct (y, cache) = AvgPool2d.forward case.Config (cast<'T> x)
    let g = AvgPool2d.backward cache (cast<'T> dy)
    same "average" case.OutputShape (Naive.avgPool e (x.ToArray())) y
    same "gradient" case.InputShape (Naive.avgPoolGradient e (dy.ToArray())) g.Input

let private properties =
    testList
        "properties"
        [
            property
                "max-pool agrees with the naive loops exactly, ties and all, in both precisions"
                (fun (case: PoolingCase) ->
                    maximumAgrees<float> case
                    maximumAgrees<float32> case)
            property "average-pool agrees with the naive loops exactly, in both precisions" (fun (case: PoolingCase) ->
                averageAgrees<float> case
                averageAgrees<float32> case)
            property "the gradient of average-pool is its adjoint" (fun (case: PoolingCase) ->
                let x, dy =
                    normals case.Seed case.InputShape, normals (case.Seed + 1) case.OutputShape

                let struct (y, cache) = AvgPool2d.forward case.Config x
                let forward, backward = dot y dy, dot x (AvgPool2d.backward cache dy).Input
                // rounding is measured against the sum of magnitudes, not against a sum that may cancel
                let magnitude = dot (Tensor.map abs y) (Tensor.map abs dy)
                Expect.isLessThanOrEqual (abs (forward - backward)) (1e-12 * magnitude) $"{forward} and {backward}")
            property "max-pool passes on the whole gradient, no more and no less" (fun (case: PoolingCase) ->
                let x, dy =
                    integers case.Seed case.InputShape, integers (case.Seed + 1) case.OutputShape

                let cache = MaxPool2d.forward case.Config x |> cacheOf
                let dx = (MaxPool2d.backward cache dy).Input
                Expect.equal (Array.sum (dx.ToArray())) (Array.sum (dy.ToArray())) "sum of the gradient")
            property "of an all-negative image the padding never wins" (fun (case: PoolingCase) ->
                let x = integers case.Seed case.InputShape |> Tensor.map (fun v -> v - 5.0)
                let y = MaxPool2d.forward case.Config x |> outputOf
                Expect.isTrue (Array.forall (fun v -> v < 0.0) (y.ToArray())) "every maximum is negative")
        ]

let private padded: PoolConfig =
    {
        Kernel = (2, 2)
        Stride = (2, 2)
        Padding = (1, 1)
    }

let private byHand =
    let one (value: float) = image [ [ value ] ]

    testList
        "by hand"
        [
            test "of equal maxima the first in row-major order takes the whole gradient" {
                let x = image [ [ 1.0; 7.0; 2.0 ]; [ 7.0; 7.0; 0.0 ]; [ 7.0; 3.0; 7.0 ] ]
                let struct (y, cache) = MaxPool2d.forward (PoolConfig.square 3) x
                y |> expectSame "maximum" (one 7.0)
                // a gradient split among the five equal cells would give 2 to each
                (MaxPool2d.backward cache (one 10.0)).Input
                |> expectSame "gradient" (image [ [ 0.0; 10.0; 0.0 ]; [ 0.0; 0.0; 0.0 ]; [ 0.0; 0.0; 0.0 ] ])
            }
            test "a cell that wins several windows gets the sum" {
                let config: PoolConfig =
                    {
                        Kernel = (1, 2)
                        Stride = (1, 1)
                        Padding = (0, 0)
                    }

                let cache = MaxPool2d.forward config (image [ [ 1.0; 9.0; 2.0 ] ]) |> cacheOf

                (MaxPool2d.backward cache (image [ [ 3.0; 4.0 ] ])).Input
                |> expectSame "gradient" (image [ [ 0.0; 7.0; 0.0 ] ])
            }
            test "padding never wins a maximum" {
                let x = image [ [ -1.0; -2.0 ]; [ -3.0; -4.0 ] ]
                MaxPool2d.forward padded x |> outputOf |> expectSame "maximum" x
            }
            test "padding counts as zeros in an average" {
                let x = image [ [ 4.0; 8.0 ]; [ 12.0; 16.0 ] ]

                AvgPool2d.forward padded x
                |> outputOf
                |> expectSame "average" (image [ [ 1.0; 2.0 ]; [ 3.0; 4.0 ] ])
            }
            test "a window in one corner of the padding and the image spreads its share over the image alone" {
                let struct (_, cache) =
                    AvgPool2d.forward padded (image [ [ 4.0; 8.0 ]; [ 12.0; 16.0 ] ])

                (AvgPool2d.backward cache (image [ [ 4.0; 8.0 ]; [ 12.0; 16.0 ] ])).Input
                |> expectSame "gradient" (image [ [ 1.0; 2.0 ]; [ 3.0; 4.0 ] ])
            }
            test "minus infinity everywhere still has a winner" {
                let x = Tensor.init [ 1; 1; 2; 2 ] (fun _ -> Double.NegativeInfinity)
                let struct (y, cache) = MaxPool2d.forward (PoolConfig.square 2) x
                y |> expectSame "maximum" (one Double.NegativeInfinity)

                (MaxPool2d.backward cache (one 1.0)).Input
                |> expectSame "gradient" (image [ [ 1.0; 0.0 ]; [ 0.0; 0.0 ] ])
            }
        ]

let private notANumber =
    testList
        "a NaN is seen"
        [
            for place in 0..3 ->
                test $"at cell {place} of four it wins the maximum and takes the gradient" {
                    let x = Tensor.init [ 1; 1; 2; 2 ] (fun i -> if i = place then nan else 5.0)
                    let struct (y, cache) = MaxPool2d.forward (PoolConfig.square 2) x
                    Expect.isTrue (Double.IsNaN y[0]) "the maximum"
                    let dx = (MaxPool2d.backward cache (image [ [ 1.0 ] ])).Input
                    Expect.equal dx[place] 1.0 "the gradient"
                }
        ]

let private refusals =
    let x = Tensor.zeros<float> [ 1; 1; 4; 4 ]

    let config kernel stride padding : PoolConfig =
        {
            Kernel = kernel
            Stride = stride
            Padding = padding
        }

    testList
        "refuse"
        [
            test "padding as large as the window, which would leave windows in the padding alone" {
                expectRefusal "must be smaller than the window" (fun () ->
                    MaxPool2d.forward (config (2, 2) (2, 2) (0, 2)) x)

                expectRefusal "must be smaller than the window" (fun () ->
                    AvgPool2d.forward (config (2, 2) (2, 2) (2, 0)) x)
            }
            test "a window larger than the image" {
                expectRefusal "columns: a kernel of 5 does not fit into 4 cells" (fun () ->
                    MaxPool2d.forward (config (1, 5) (1, 1) (0, 0)) x)
            }
            test "an output gradient of another shape" {
                let wrong = Tensor.zeros<float> [ 1; 1; 1; 4 ]

                let max, average =
                    MaxPool2d.forward (PoolConfig.square 2) x, AvgPool2d.forward (PoolConfig.square 2) x

                expectRefusal "expects shape 1x1x2x2, but gets 1x1x1x4" (fun () ->
                    MaxPool2d.backward (cacheOf max) wrong)

                expectRefusal "expects shape 1x1x2x2, but gets 1x1x1x4" (fun () ->
                    AvgPool2d.backward (cacheOf average) wrong)
            }
        ]

let tests = testList "pooling" [ properties; byHand; notANumber; refusals ]
