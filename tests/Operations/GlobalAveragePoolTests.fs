module Cnn.Tests.Operations.GlobalAveragePoolTests

open System
open System.Numerics
open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Tests.WindowCases
open Cnn.Tests.Properties
open Cnn.Tests.Support

/// Multiples of the number of places, so that every quotient is whole.
let private agrees<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (case: PoolingCase) =
    let shape = case.InputShape
    let rows, columns = shape[2], shape[3]

    let multiples seed shape =
        integers seed shape |> Tensor.map (fun v -> v * float (rows * columns))

    let x, dy =
        multiples case.Seed shape, multiples (case.Seed + 1) [ shape[0]; shape[1] ]

    let window: PoolConfig =
        {
            Kernel = (rows, columns)
            Stride = (1, 1)
            Padding = (0, 0)
        }

    let struct (expected, expectedCache) = AvgPool2d.forward window x

    let expectedGradient =
        (AvgPool2d.backward expectedCache (Tensor.reshape expected.Shape dy)).Input

    let check what (input: Shape) =
        let struct (y, cache) =
            GlobalAveragePool.forward (Tensor.reshape input (cast<'T> x))

        Expect.equal y.Shape [ shape[0]; shape[1] ] $"{what}: shape"
        Expect.sequenceEqual (numbers y) (numbers expected) $"{what}: output"
        let dx = (GlobalAveragePool.backward cache (cast<'T> dy)).Input
        Expect.equal dx.Shape input $"{what}: shape of the gradient"
        Expect.sequenceEqual (numbers dx) (numbers expectedGradient) $"{what}: gradient"

    check "images" shape
    check "signals" [ shape[0]; shape[1]; rows * columns ]

let tests =
    testList
        "global average-pool"
        [
            property "is average-pool with a window of the whole image, in both precisions" (fun case ->
                agrees<float> case
                agrees<float32> case)
            test "by hand" {
                let x = Tensor.ofSeq [ 1; 2; 3 ] [ 1.0; 2.0; 6.0; -1.0; 0.0; 4.0 ]
                let struct (y, cache) = GlobalAveragePool.forward x
                y |> expectSame "output" (Tensor.ofSeq [ 1; 2 ] [ 3.0; 1.0 ])

                (GlobalAveragePool.backward cache (Tensor.ofSeq [ 1; 2 ] [ 3.0; -6.0 ])).Input
                |> expectSame "gradient" (Tensor.ofSeq [ 1; 2; 3 ] [ 1.0; 1.0; 1.0; -2.0; -2.0; -2.0 ])
            }
            test "a sum that single precision could not hold is right" {
                // 2^24 + 1 is no float32: adding ones to it one by one would not move it
                let x = Tensor.init [ 1; 1; 1025 ] (fun i -> if i = 0 then 16777216.0f else 1.0f)
                let y: Tensor<float32> = GlobalAveragePool.forward x |> outputOf
                Expect.equal y[0] (float32 ((16777216.0 + 1024.0) / 1025.0)) "mean"
            }
            test "a NaN shows in its channel alone" {
                let x = Tensor.init [ 1; 3; 2; 2 ] (fun i -> if i = 5 then nan else 1.0)
                let y: Tensor<float> = GlobalAveragePool.forward x |> outputOf
                Expect.equal (y.ToArray() |> Array.map Double.IsNaN) [| false; true; false |] "channels"
            }
            test "what has no places, and an output gradient of another shape, are refused" {
                expectRefusal "at least one axis of places, but gets 2x3" (fun () ->
                    GlobalAveragePool.forward (Tensor.zeros<float> [ 2; 3 ]))

                let struct (_, cache) = GlobalAveragePool.forward (Tensor.zeros<float> [ 2; 3; 4 ])

                expectRefusal "expects shape 2x3, but gets 2x4" (fun () ->
                    GlobalAveragePool.backward cache (Tensor.zeros<float> [ 2; 4 ]))
            }
        ]
