/// The test values of the guide, parts 1 to 3, through the library. Where the guide is wrong, the right value stands
/// here and the test's name says "corrected"; each correction was worked out by hand or by a numeric gradient.
module Cnn.Tests.GuideTests

open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Tests.Support

let private signal (values: float list) =
    Tensor.ofSeq [ 1; 1; values.Length ] values

let private conv1d stride padding (kernel: float list) (values: float list) =
    let config: Conv1d.Config =
        {
            Filters = 1
            Kernel = kernel.Length
            Stride = stride
            Padding = padding
        }

    Conv1d.forward config (signal kernel) (vector [ 0.0 ]) (signal values)
    |> outputOf

/// conv2d without a bias
let conv2d stride padding (kernel: Tensor<float>) (x: Tensor<float>) =
    let config: Conv2d.Config =
        {
            Filters = kernel.Shape[0]
            Kernel = (kernel.Shape[2], kernel.Shape[3])
            Stride = stride
            Padding = padding
        }

    Conv2d.forward config kernel (Tensor.zeros [ kernel.Shape[0] ]) x

let private part1 =
    let edge = [ 1.0; 0.0; -1.0 ]
    let ramp = [ 1.0; 2.0; 3.0; 4.0; 5.0 ]

    testList
        "part 1, conv1d"
        [
            test "edge detector on a ramp" { conv1d 1 0 edge ramp |> expectSame "output" (signal [ -2.0; -2.0; -2.0 ]) }
            test "stride 2" { conv1d 2 0 edge ramp |> expectSame "output" (signal [ -2.0; -2.0 ]) }
            test "padding 1 (corrected: the guide has 1, -2, -2, -2, -5)" {
                // the ends meet a zero: 0*1 + 1*0 - 2 = -2 and 4*1 + 5*0 - 0 = 4
                conv1d 1 1 edge ramp
                |> expectSame "output" (signal [ -2.0; -2.0; -2.0; -2.0; 4.0 ])
            }
        ]

/// 1, 2, 3, … row by row
let counting rows columns =
    Tensor.init [ 1; 1; rows; columns ] (fun i -> float (i + 1))

let private part2 =
    testList
        "part 2, conv2d"
        [
            test "2x2 kernel on a 3x3 image" {
                conv2d (1, 1) (0, 0) (image [ [ 1.0; 0.0 ]; [ 0.0; -1.0 ] ]) (counting 3 3)
                |> outputOf
                |> expectSame "output" (image [ [ -4.0; -4.0 ]; [ -4.0; -4.0 ] ])
            }
            test "stride 2 on a 5x5 image" {
                // the guide asks for the shape alone; these are the sums of four cells of 0 .. 24
                let x = Tensor.init [ 1; 1; 5; 5 ] float
                let ones = image [ [ 1.0; 1.0 ]; [ 1.0; 1.0 ] ]

                conv2d (2, 2) (0, 0) ones x
                |> outputOf
                |> expectSame "output" (image [ [ 12.0; 20.0 ]; [ 52.0; 60.0 ] ])
            }
            test "a stride for each axis" {
                let ones = image [ [ 1.0; 1.0 ]; [ 1.0; 1.0 ] ]

                conv2d (3, 2) (0, 0) ones (Tensor.init [ 1; 1; 5; 5 ] float)
                |> outputOf
                |> expectSame "output" (image [ [ 12.0; 20.0 ]; [ 72.0; 80.0 ] ])
            }
            test "three channels in, two out" {
                let y =
                    conv2d (1, 1) (0, 0) (normals 1 [ 2; 3; 3; 3 ]) (normals 2 [ 1; 3; 5; 5 ])
                    |> outputOf

                Expect.equal y.Shape [ 1; 2; 3; 3 ] "shape"
            }
            test "several channels take a stride for each axis too (corrected: the guide's version fails on a pair)" {
                let y =
                    conv2d (2, 1) (0, 0) (normals 1 [ 2; 3; 3; 3 ]) (normals 2 [ 1; 3; 7; 5 ])
                    |> outputOf

                Expect.equal y.Shape [ 1; 2; 3; 3 ] "shape"
            }
            test "channels add up" {
                let weight, x = integers 1 [ 1; 3; 3; 3 ], integers 2 [ 1; 3; 5; 5 ]

                let channel (c: int) (t: Tensor<float>) =
                    let plane = Shape.size t.Shape.Tail.Tail
                    Tensor.init (1 :: 1 :: t.Shape.Tail.Tail) (fun i -> t[c * plane + i])

                let apart =
                    [
                        for c in 0..2 -> conv2d (1, 1) (0, 0) (channel c weight) (channel c x) |> outputOf
                    ]

                let sum = Tensor.init [ 1; 1; 3; 3 ] (fun i -> apart |> List.sumBy (fun y -> y[i]))
                conv2d (1, 1) (0, 0) weight x |> outputOf |> expectSame "output" sum
            }
        ]

let private namedKernels =
    let kernel rows = image rows

    testList
        "part 2, named kernels"
        [
            test "the numbers of the guide" {
                ImageKernels.sobelX
                |> expectSame "sobel-x" (kernel [ [ -1.0; 0.0; 1.0 ]; [ -2.0; 0.0; 2.0 ]; [ -1.0; 0.0; 1.0 ] ])

                ImageKernels.sobelY
                |> expectSame "sobel-y" (kernel [ [ -1.0; -2.0; -1.0 ]; [ 0.0; 0.0; 0.0 ]; [ 1.0; 2.0; 1.0 ] ])

                ImageKernels.sharpen
                |> expectSame "sharpen" (kernel [ [ 0.0; -1.0; 0.0 ]; [ -1.0; 5.0; -1.0 ]; [ 0.0; -1.0; 0.0 ] ])

                ImageKernels.blur
                |> expectSame "blur" (kernel (List.replicate 5 (List.replicate 5 0.04)))
            }
            test "each answers to its own kind of edge" {
                // brightness rises by 1 a column: sobel-x gives 8 everywhere, sobel-y nothing
                let rising = Tensor.init [ 1; 1; 4; 6 ] (fun i -> float (i % 6))

                let answer kernel =
                    conv2d (1, 1) (0, 0) kernel rising |> outputOf

                answer ImageKernels.sobelX
                |> expectSame "sobel-x" (Tensor.init [ 1; 1; 2; 4 ] (fun _ -> 8.0))

                answer ImageKernels.sobelY |> expectSame "sobel-y" (Tensor.zeros [ 1; 1; 2; 4 ])
            }
            test "sharpen and blur keep an even image as it is" {
                let even = Tensor.init [ 1; 1; 6; 6 ] (fun _ -> 3.0)

                let kept kernel =
                    conv2d (1, 1) (0, 0) kernel even |> outputOf |> numbers

                expectClose 1e-15 "sharpen" (Array.create 16 3.0) (kept ImageKernels.sharpen)
                expectClose 1e-15 "blur" (Array.create 4 3.0) (kept ImageKernels.blur)
            }
            test "all have a name, and each its own" {
                Expect.equal (List.map fst ImageKernels.all) [ "sobel-x"; "sobel-y"; "sharpen"; "blur" ] "names"

                Expect.equal
                    (ImageKernels.all |> List.find (fun (name, _) -> name = "sharpen") |> snd)
                    ImageKernels.sharpen
                    "sharpen by name"
            }
        ]

let private part3 =
    let pool2 = PoolConfig.square 2

    testList
        "part 3, pooling"
        [
            test "maximum" {
                MaxPool2d.forward pool2 (counting 4 4)
                |> outputOf
                |> expectSame "output" (image [ [ 6.0; 8.0 ]; [ 14.0; 16.0 ] ])
            }
            test "average" {
                AvgPool2d.forward pool2 (counting 4 4)
                |> outputOf
                |> expectSame "output" (image [ [ 3.5; 5.5 ]; [ 11.5; 13.5 ] ])
            }
            test "channels are pooled apart" {
                let x = normals 3 [ 1; 3; 8; 8 ]
                let y = MaxPool2d.forward pool2 x |> outputOf
                Expect.equal y.Shape [ 1; 3; 4; 4 ] "shape"
                let second = Tensor.init [ 1; 1; 8; 8 ] (fun i -> x[64 + i])
                let alone = MaxPool2d.forward pool2 second |> outputOf
                Expect.sequenceEqual (alone.ToArray()) (y.ToArray()[16..31]) "the second channel"
            }
        ]

let tests = testList "guide, forward" [ part1; part2; namedKernels; part3 ]
