/// Conv2d and Conv1d: against the naive loops, and by the algebra that any convolution obeys.
module Cnn.Tests.Operations.ConvolutionTests

open System.Numerics
open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Tests
open Cnn.Tests.WindowCases
open Cnn.Tests.Properties
open Cnn.Tests.Support

let private noBias (case: ConvolutionCase) = Tensor.zeros<float> [ case.Extents.O ]

/// weight, bias, x and an output gradient
let private drawn (case: ConvolutionCase) =
    integers case.Seed case.WeightShape,
    integers (case.Seed + 1) [ case.Extents.O ],
    integers (case.Seed + 2) case.InputShape,
    integers (case.Seed + 3) case.OutputShape

let private agreesWithNaive<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (case: ConvolutionCase) =
    let weight, bias, x, dy = drawn case
    let e = case.Extents

    let w, b, input, gradient =
        weight.ToArray(), bias.ToArray(), x.ToArray(), dy.ToArray()

    let struct (y, cache) =
        Conv2d.forward case.Config (cast<'T> weight) (cast<'T> bias) (cast<'T> x)

    let g = Conv2d.backward (cast<'T> weight) cache (cast<'T> dy)

    let same what (shape: Shape) (expected: float[]) (actual: Tensor<'T>) =
        Expect.equal actual.Shape shape $"shape of the {what}, {typeof<'T>.Name}"
        Expect.sequenceEqual (numbers actual) expected $"{what}, {typeof<'T>.Name}"

    same "output" case.OutputShape (Naive.conv2d e w b input) y
    same "input gradient" case.InputShape (Naive.conv2dInputGradient e w gradient) g.Input
    same "weight gradient" case.WeightShape (Naive.conv2dWeightGradient e input gradient) g.Weight
    same "bias gradient" [ e.O ] (Naive.conv2dBiasGradient e gradient) g.Bias

let private combine (a: float) (x: Tensor<float>) (b: float) (y: Tensor<float>) =
    Tensor.init x.Shape (fun i -> a * x[i] + b * y[i])

/// The images of a batch moved down and right by so many cells, zeros coming in.
let private shifted (down: int) (right: int) (x: Tensor<float>) =
    let rows, columns = x.Shape[2], x.Shape[3]

    Tensor.init x.Shape (fun i ->
        let row, column = i / columns % rows, i % columns

        if row < down || column < right then
            0.0
        else
            x[i - down * columns - right])

/// The images with the last rows and columns cleared.
let private cleared (bottom: int) (right: int) (x: Tensor<float>) =
    let rows, columns = x.Shape[2], x.Shape[3]

    Tensor.init x.Shape (fun i ->
        if i / columns % rows >= rows - bottom || i % columns >= columns - right then
            0.0
        else
            x[i])

let private translation (case: ConvolutionCase) =
    let e = case.Extents
    let weight, _, x, _ = drawn case
    // a margin of one stride: what is shifted out of the image is zero
    let x = cleared e.SH e.SW x

    let run x =
        Conv2d.forward case.Config weight (noBias case) x |> outputOf

    let before, after = run x, run (shifted e.SH e.SW x)

    for plane in 0 .. e.N * e.O - 1 do
        for i in 1 .. e.OH - 1 do
            for j in 1 .. e.OW - 1 do
                let at i j = (plane * e.OH + i) * e.OW + j
                Expect.equal after[at i j] before[at (i - 1) (j - 1)] $"plane {plane}, output ({i}, {j})"

let private properties =
    testList
        "conv2d properties"
        [
            property "agrees with the naive loops exactly, in both precisions" (fun (case: ConvolutionCase) ->
                agreesWithNaive<float> case
                agreesWithNaive<float32> case)
            property "is linear in the input" (fun (case: ConvolutionCase) ->
                let weight, _, x, _ = drawn case
                let x' = integers (case.Seed + 4) case.InputShape

                let run x =
                    Conv2d.forward case.Config weight (noBias case) x |> outputOf

                run (combine 2.0 x -3.0 x')
                |> expectSame "output" (combine 2.0 (run x) -3.0 (run x')))
            property "is linear in the weight" (fun (case: ConvolutionCase) ->
                let weight, _, x, _ = drawn case
                let weight' = integers (case.Seed + 4) case.WeightShape

                let run weight =
                    Conv2d.forward case.Config weight (noBias case) x |> outputOf

                run (combine 2.0 weight -3.0 weight')
                |> expectSame "output" (combine 2.0 (run weight) -3.0 (run weight')))
            property "moves with its input" translation
            // exact on integers, which stay far below 2^53
            property "the input gradient is the adjoint: <A x, y> = <x, At y>" (fun (case: ConvolutionCase) ->
                let weight, _, x, dy = drawn case
                let struct (y, cache) = Conv2d.forward case.Config weight (noBias case) x
                Expect.equal (dot y dy) (dot x (Conv2d.backward weight cache dy).Input) "inner products")
            property "the weight gradient is the adjoint in the weight" (fun (case: ConvolutionCase) ->
                let weight, _, x, dy = drawn case
                let struct (y, cache) = Conv2d.forward case.Config weight (noBias case) x
                Expect.equal (dot y dy) (dot weight (Conv2d.backward weight cache dy).Weight) "inner products")
            property "gradients are sums over the batch" (fun (case: ConvolutionCase) ->
                let weight, bias, x, dy = drawn case

                let gradient (x: Tensor<float>) dy =
                    Conv2d.backward weight (Conv2d.forward case.Config weight bias x |> cacheOf) dy

                let alone =
                    [
                        for n in 0 .. case.Extents.N - 1 -> gradient (Tensor.slice n 1 x) (Tensor.slice n 1 dy)
                    ]

                let sum (part: Conv2d.Gradient<float> -> Tensor<float>) =
                    alone |> List.map part |> List.reduce (fun a b -> combine 1.0 a 1.0 b)

                let together = gradient x dy
                together.Weight |> expectSame "weight" (sum (fun g -> g.Weight))
                together.Bias |> expectSame "bias" (sum (fun g -> g.Bias))

                together.Input
                |> expectSame "input" (alone |> List.map (fun g -> g.Input) |> Tensor.concat))
            property "conv1d is conv2d on images of one row" (fun (case: ConvolutionCase) ->
                let e =
                    { case.Extents with
                        H = 1
                        KH = 1
                        SH = 1
                        PH = 0
                    }

                let config: Conv1d.Config =
                    {
                        Filters = e.O
                        Kernel = e.KW
                        Stride = e.SW
                        Padding = e.PW
                    }

                let weight, bias = integers case.Seed [ e.O; e.C; e.KW ], integers 1 [ e.O ]
                let x, dy = integers 2 [ e.N; e.C; e.W ], integers 3 [ e.N; e.O; e.OW ]
                let w, input, gradient = weight.ToArray(), x.ToArray(), dy.ToArray()
                let struct (y, cache) = Conv1d.forward config weight bias x
                let g = Conv1d.backward weight cache dy

                y
                |> expectSame "output" (Tensor.ofSeq dy.Shape (Naive.conv2d e w (bias.ToArray()) input))

                g.Input
                |> expectSame "input" (Tensor.ofSeq x.Shape (Naive.conv2dInputGradient e w gradient))

                g.Weight
                |> expectSame "weight" (Tensor.ofSeq weight.Shape (Naive.conv2dWeightGradient e input gradient))

                g.Bias
                |> expectSame "bias" (Tensor.ofSeq bias.Shape (Naive.conv2dBiasGradient e gradient)))
        ]

/// Batch, channels, filters, and the square or signal that is smaller than the reach of its kernel.
let private small =
    let case rows columns kernel padding : Naive.Extents =
        {
            N = 2
            C = 2
            H = rows
            W = columns
            O = 3
            KH = fst kernel
            KW = snd kernel
            SH = 1
            SW = 1
            PH = fst padding
            PW = snd padding
        }

    [
        "3x3 with padding 1 on a single cell, as after much pooling", case 1 1 (3, 3) (1, 1)
        "5x5 with padding 2 on a single cell", case 1 1 (5, 5) (2, 2)
        "5x5 with padding 2 on a row", case 1 6 (5, 5) (2, 2)
        "5x5 with padding 2 on a column", case 6 1 (5, 5) (2, 2)
        "1x7 with padding 3 on two cells", case 1 2 (1, 7) (0, 3)
        "7x1 with padding 3 on two cells", case 2 1 (7, 1) (3, 0)
        "padding beyond the kernel", case 2 2 (2, 2) (3, 3)
    ]

let private smallImages =
    testList
        "conv2d on images smaller than the reach of the kernel"
        [
            for name, extents in small do
                test name {
                    agreesWithNaive<float> { Extents = extents; Seed = 1 }
                    agreesWithNaive<float32> { Extents = extents; Seed = 1 }
                }
        ]

let private refusals =
    let zeros = Tensor.zeros<float>

    let forward config weight bias x () =
        Conv2d.forward config (zeros weight) (zeros bias) (zeros x)

    testList
        "conv2d and conv1d refuse"
        [
            test "a kernel larger than the padded image" {
                expectRefusal
                    "a kernel of 5 does not fit into 2 cells with padding 1"
                    (forward (Conv2d.square 1 5 1 1) [ 1; 1; 5; 5 ] [ 1 ] [ 1; 1; 2; 8 ])
            }
            test "weights for another number of channels" {
                expectRefusal
                    "expects shape 2x3x3x3, but gets 2x1x3x3"
                    (forward (Conv2d.square 2 3 1 0) [ 2; 1; 3; 3 ] [ 2 ] [ 1; 3; 5; 5 ])
            }
            test "a bias of another length" {
                expectRefusal
                    "expects shape 2, but gets 3"
                    (forward (Conv2d.square 2 3 1 0) [ 2; 1; 3; 3 ] [ 3 ] [ 1; 1; 5; 5 ])
            }
            test "an output gradient of another size" {
                let weight = zeros [ 1; 1; 2; 2 ]

                let cache =
                    Conv2d.forward (Conv2d.square 1 2 1 0) weight (zeros [ 1 ]) (zeros [ 1; 1; 3; 3 ])
                    |> cacheOf

                expectRefusal "expects shape 1x1x2x2, but gets 1x1x3x3" (fun () ->
                    Conv2d.backward weight cache (zeros [ 1; 1; 3; 3 ]))
            }
            test "by each gradient alone, an output gradient or a weight of another shape" {
                let weight, dy = zeros [ 1; 1; 2; 2 ], zeros [ 1; 1; 2; 2 ]

                let cache =
                    Conv2d.forward (Conv2d.square 1 2 1 0) weight (zeros [ 1 ]) (zeros [ 1; 1; 3; 3 ])
                    |> cacheOf

                let wrong = zeros [ 1; 1; 4; 1 ]

                for gradient in
                    [
                        fun () -> Conv2d.inputGradient weight cache wrong
                        fun () -> Conv2d.weightGradient weight cache wrong
                        fun () -> Conv2d.biasGradient cache wrong
                    ] do
                    expectRefusal "output gradient: expects shape 1x1x2x2, but gets 1x1x4x1" gradient

                for gradient in
                    [
                        fun () -> Conv2d.inputGradient wrong cache dy
                        fun () -> Conv2d.weightGradient wrong cache dy
                    ] do
                    expectRefusal "weight: expects shape 1x1x2x2, but gets 1x1x4x1" gradient
            }
            test "stride 0, negative padding, no filters" {
                let reason config =
                    Conv2d.shape config [ 1; 1; 5; 5 ] |> Result.map ignore

                Expect.equal
                    (reason (Conv2d.square 1 3 0 0))
                    (Error "rows: the stride is 0; it must be at least 1")
                    "stride"

                Expect.equal
                    (reason (Conv2d.square 1 3 1 -1))
                    (Error "rows: the padding is -1; it must not be negative")
                    "padding"

                Expect.equal (reason (Conv2d.square 0 3 1 0)) (Error "0 filters; there must be at least 1") "filters"
            }
            test "signals that are images" {
                let config: Conv1d.Config =
                    {
                        Filters = 1
                        Kernel = 1
                        Stride = 1
                        Padding = 0
                    }

                expectRefusal "expects three axes" (fun () ->
                    Conv1d.forward config (zeros [ 1; 1; 1 ]) (zeros [ 1 ]) (zeros [ 1; 1; 2; 2 ]))
            }
        ]

let tests = testList "convolution" [ properties; smallImages; refusals ]
