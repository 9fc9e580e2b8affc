module Cnn.Tests.Operations.BatchNormTests

open System.Numerics
open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Tests
open Cnn.Tests.WindowCases
open Cnn.Tests.Properties
open Cnn.Tests.Support

let private extents (case: ChannelCase) =
    case.Shape[0], case.Shape[1], case.Count / case.Shape[0]

/// weight, bias, x and an output gradient; channels differ in mean and deviation.
let private drawn (case: ChannelCase) =
    let _, channels, places = extents case

    let x =
        let raw = normals case.Seed case.Shape

        Tensor.init case.Shape (fun i ->
            let c = float (i / places % channels)
            raw[i] * (1.0 + 0.25 * c) + c - 2.0)

    normals (case.Seed + 1) [ channels ], normals (case.Seed + 2) [ channels ], x, normals (case.Seed + 3) case.Shape

let private largest (values: float[]) =
    (0.0, values) ||> Array.fold (fun most v -> max most (abs v))

/// Within `allowed` of each other, all of them.
let private within (allowed: float) = expectWithin allowed 1.0

/// For each channel the sum of f over the positions of its values.
let private channelSums (case: ChannelCase) (f: int -> float) : float[] =
    let examples, channels, places = extents case

    Array.init channels (fun c ->
        List.sum
            [
                for n in 0 .. examples - 1 do
                    for p in 0 .. places - 1 do
                        f ((n * channels + c) * places + p)
            ])

let private forward epsilon weight bias x =
    let struct (y, cache, moments) = BatchNorm.forward epsilon weight bias x
    y, cache, moments

/// What the gradients are made of before anything cancels: rounding is measured against this.
let private magnitude (weight: Tensor<float>) (cache: BatchNorm.Cache<'T>) (dy: Tensor<float>) =
    let scales =
        Array.map2 (fun w s -> w * s) (weight.ToArray()) (numbers cache.InverseDeviation)

    largest scales * largest (dy.ToArray())

let private agreesWithNaive<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>>
    (tolerance: float)
    (case: ChannelCase)
    =
    let round tensor = tensor |> cast<'T> |> numbers
    let weight, bias, x, dy = drawn case
    let extents = extents case
    let w, b, input, gradient = round weight, round bias, round x, round dy
    let y, cache, moments = forward 1e-3 (cast<'T> weight) (cast<'T> bias) (cast<'T> x)
    let g = BatchNorm.backward cache (cast<'T> dy)
    let name = typeof<'T>.Name
    let expected = Naive.batchNorm extents 1e-3 w b input
    Expect.equal (y.Shape, g.Input.Shape) (case.Shape, case.Shape) "shapes"
    numbers y |> within (tolerance * largest expected) $"output, {name}" expected

    let expectedMoments = Naive.moments extents input
    Expect.equal moments.Count case.Count "count"

    numbers moments.Mean
    |> within (tolerance * largest input) $"mean, {name}" (Array.map fst expectedMoments)

    numbers moments.Variance
    |> expectClose tolerance $"variance, {name}" (Array.map snd expectedMoments)

    numbers g.Input
    |> within
        (tolerance * magnitude weight cache dy)
        $"input gradient, {name}"
        (Naive.batchNormGradient extents 1e-3 w input gradient)

    // x̂ is what the layer gives with weight 1 and bias 0
    let normalized =
        Naive.batchNorm extents 1e-3 (Array.map (fun _ -> 1.0) w) (Array.map (fun _ -> 0.0) b) input

    let allowed = tolerance * float case.Count * largest gradient

    numbers g.Weight
    |> within (3.0 * allowed) $"weight gradient, {name}" (channelSums case (fun i -> gradient[i] * normalized[i]))

    numbers g.Bias
    |> within allowed $"bias gradient, {name}" (channelSums case (fun i -> gradient[i]))

    BatchNorm.infer 1e-3 (cast<'T> weight) (cast<'T> bias) moments.Mean moments.Variance (cast<'T> x)
    |> numbers
    |> within (tolerance * largest expected) $"by its own statistics, {name}" expected

let private laws =
    testList
        "laws"
        [
            property "agrees with the naive loops, in both precisions" (fun case ->
                agreesWithNaive<float> 1e-11 case
                agreesWithNaive<float32> 4e-6 case)
            property "each channel of the output has mean bias, and variance weight² but for epsilon" (fun case ->
                let weight, bias, x, _ = drawn case
                let epsilon = 0.1
                let y, _, moments = forward epsilon weight bias x
                let after = BatchNorm.moments y
                after.Mean.ToArray() |> within 1e-11 "mean" (bias.ToArray())

                after.Variance.ToArray()
                |> within
                    1e-11
                    "variance"
                    (Array.init weight.Count (fun c ->
                        let v = moments.Variance[c] in weight[c] * weight[c] * v / (v + epsilon))))
            property "scale and shift of the input do not show, but for epsilon" (fun case ->
                let weight, bias, x, _ = drawn case
                let y, _, _ = forward 0.01 weight bias x

                // epsilon is scaled with the variance
                for scale, shift in [ 3.0, 0.0; 0.5, -7.0; 1.0, 100.0 ] do
                    let moved, _, _ =
                        forward (0.01 * scale * scale) weight bias (x |> Tensor.map (fun v -> scale * v + shift))

                    moved.ToArray() |> within 1e-9 $"{scale} x + {shift}" (y.ToArray()))
            property "dx has no part along the constants, and none along x̂ but for epsilon" (fun case ->
                let weight, bias, x, dy = drawn case

                for epsilon in [ 0.0; 0.1 ] do
                    let _, cache, moments = forward epsilon weight bias x
                    let g = BatchNorm.backward cache dy
                    let allowed = 1e-11 * float case.Count * magnitude weight cache dy

                    channelSums case (fun i -> g.Input[i])
                    |> within allowed "along the constants" (Array.zeroCreate weight.Count)

                    let left =
                        Array.init weight.Count (fun c ->
                            weight[c] * cache.InverseDeviation[c] * g.Weight[c] * epsilon
                            / (moments.Variance[c] + epsilon))

                    channelSums case (fun i -> g.Input[i] * cache.Normalized[i])
                    |> within (3.0 * allowed) "along x̂" left)
        ]

let private wholeAndShards<'T when 'T :> IBinaryFloatingPointIeee754<'T>> (tolerance: float) (case: ChannelCase) =
    let _, _, x, _ = drawn case
    let x = cast<'T> x
    let whole = BatchNorm.moments x

    let same what (actual: BatchNorm.Moments<'T>) =
        Expect.equal actual.Count whole.Count $"{what}: count"

        numbers actual.Mean
        |> within (tolerance * largest (numbers x)) $"{what}: mean" (numbers whole.Mean)

        numbers actual.Variance
        |> within (tolerance * largest (numbers whole.Variance)) $"{what}: variance" (numbers whole.Variance)

    for size in 1 .. case.Shape.Head do
        let shards =
            [
                for start in 0..size .. case.Shape.Head - 1 ->
                    Tensor.slice start (min size (case.Shape.Head - start)) x |> BatchNorm.moments
            ]

        shards |> List.reduce BatchNorm.merge |> same $"shards of {size}, from the left"

        List.reduceBack BatchNorm.merge shards
        |> same $"shards of {size}, from the right"

let private statistics =
    testList
        "statistics"
        [
            property
                "those of shards, merged in either order, are those of the whole batch, in both precisions"
                (fun case ->
                    wholeAndShards<float> 1e-12 case
                    wholeAndShards<float32> 2e-6 case)
            test "merged by hand: unequal counts, means apart" {
                let a, b =
                    BatchNorm.moments (Tensor.ofSeq [ 3; 1 ] [ 1.0; 2.0; 3.0 ]),
                    BatchNorm.moments (Tensor.ofSeq [ 1; 1 ] [ 10.0 ])

                let both = BatchNorm.merge a b
                Expect.equal both.Count 4 "count"
                expectClose 1e-15 "mean" [| 4.0 |] (both.Mean.ToArray())
                expectClose 1e-15 "variance" [| 12.5 |] (both.Variance.ToArray())
            }
            test "a large mean does not drown a small variance" {
                // the mean of squares less the square of the mean would give 0 here, or worse
                let x = Tensor.init [ 64; 1 ] (fun i -> 1e9 + float (i % 2))
                let moments = BatchNorm.moments x
                Expect.equal (moments.Mean[0], moments.Variance[0]) (1e9 + 0.5, 0.25) "mean and variance"

                let shards =
                    [ Tensor.slice 0 20 x; Tensor.slice 20 44 x ] |> List.map BatchNorm.moments

                expectClose 1e-9 "merged" [| 0.25 |] ((List.reduce BatchNorm.merge shards).Variance.ToArray())
            }
            test "running statistics start at 0 and 1, and move by the momentum, with the unbiased variance" {
                let start: BatchNorm.Running<float> = BatchNorm.Running.start 2
                start.Mean |> expectSame "mean at the start" (vector [ 0.0; 0.0 ])
                start.Variance |> expectSame "variance at the start" (vector [ 1.0; 1.0 ])

                // channel 0: 1 and 3, biased variance 1, unbiased 2; channel 1: 5 and 5
                let moments = BatchNorm.moments (Tensor.ofSeq [ 2; 2 ] [ 1.0; 5.0; 3.0; 5.0 ])
                let next = BatchNorm.Running.update 0.25 start moments
                next.Mean |> expectSame "mean" (vector [ 0.5; 1.25 ])
                next.Variance |> expectSame "variance" (vector [ 1.25; 0.75 ])

                let last = BatchNorm.Running.update 1.0 next moments
                last.Mean |> expectSame "mean, momentum 1" (vector [ 2.0; 5.0 ])
                last.Variance |> expectSame "variance, momentum 1" (vector [ 2.0; 0.0 ])
            }
        ]

let private byHand =
    let three = vector [ 2.0; 2.0; 2.0 ]

    testList
        "by hand"
        [
            test "two values a channel become the weight and its negative" {
                // channel 0: 1 and 5, channel 1: 7 and 3; both have deviation 2
                let x = Tensor.ofSeq [ 2; 2 ] [ 1.0; 7.0; 5.0; 3.0 ]
                let y, cache, _ = forward 0.0 (vector [ 3.0; 10.0 ]) (vector [ 100.0; 0.0 ]) x
                y |> expectSame "output" (Tensor.ofSeq [ 2; 2 ] [ 97.0; 10.0; 103.0; -10.0 ])
                let g = BatchNorm.backward cache (Tensor.ofSeq [ 2; 2 ] [ 1.0; 2.0; 4.0; 8.0 ])
                g.Weight |> expectSame "weight" (vector [ 3.0; -6.0 ])
                g.Bias |> expectSame "bias" (vector [ 5.0; 10.0 ])
                // with two values nothing is left once mean and deviation are fixed
                g.Input |> expectSame "input" (Tensor.zeros [ 2; 2 ])
            }
            test "a constant channel becomes the bias, and its gradient stays finite" {
                let x = Tensor.init [ 4; 3; 2; 2 ] (fun _ -> 5.0)

                let y, cache, _ =
                    forward BatchNorm.DefaultEpsilon three (vector [ 1.0; 2.0; 3.0 ]) x

                y |> expectSame "output" (Tensor.init x.Shape (fun i -> float (i / 4 % 3 + 1)))
                let dx = (BatchNorm.backward cache (normals 1 x.Shape)).Input
                Expect.all (dx.ToArray()) System.Double.IsFinite "gradient"
            }
            test "a NaN shows in its channel alone" {
                let x = Tensor.init [ 2; 3; 4 ] (fun i -> if i = 5 then nan else float (i * i))
                let y, _, _ = forward BatchNorm.DefaultEpsilon three three x

                y.ToArray()
                |> Array.iteri (fun i v -> Expect.equal (System.Double.IsNaN v) (i / 4 % 3 = 1) $"entry {i}")
            }
            test "a single value a channel is refused, by forward and for the running statistics" {
                for shape in [ [ 1; 3 ]; [ 1; 3; 1; 1 ] ] do
                    expectRefusal "batch normalisation cannot normalise a single value a channel" (fun () ->
                        BatchNorm.forward 1e-5 three three (Tensor.zeros shape))

                expectRefusal "batch normalisation cannot normalise a single value a channel" (fun () ->
                    BatchNorm.Running.update
                        0.1
                        (BatchNorm.Running.start 3)
                        (BatchNorm.moments (Tensor.zeros<float> [ 1; 3 ])))

                // by given statistics it can be normalised
                BatchNorm.infer 0.0 three three three (vector [ 4.0; 4.0; 4.0 ]) (Tensor.zeros [ 1; 3 ])
                |> expectSame "inferred" (Tensor.zeros [ 1; 3 ])
            }
            test "the numbers unless told otherwise are those of torch.nn.BatchNorm2d" {
                Expect.equal (BatchNorm.DefaultEpsilon, BatchNorm.DefaultMomentum) (1e-5, 0.1) "epsilon and momentum"
            }
            test "shapes that do not fit are refused" {
                let x = normals 1 [ 2; 3; 4 ]
                let four = normals 1 [ 4 ]
                expectRefusal "weight: expects shape 3, but gets 4" (fun () -> BatchNorm.forward 1e-5 four three x)
                expectRefusal "bias: expects shape 3, but gets 4" (fun () -> BatchNorm.forward 1e-5 three four x)

                expectRefusal "mean: expects shape 3, but gets 4" (fun () ->
                    BatchNorm.infer 1e-5 three three four three x)

                expectRefusal "variance: expects shape 3, but gets 4" (fun () ->
                    BatchNorm.infer 1e-5 three three three four x)

                expectRefusal "expects examples and channels, but gets 3" (fun () -> BatchNorm.moments three)

                expectRefusal "expects shape 3, but gets 4" (fun () ->
                    BatchNorm.merge (BatchNorm.moments x) (BatchNorm.moments (normals 1 [ 2; 4 ])))

                expectRefusal "expects shape 3, but gets 4" (fun () ->
                    BatchNorm.Running.update 0.1 (BatchNorm.Running.start 3) (BatchNorm.moments (normals 1 [ 2; 4 ])))

                let _, cache, _ = forward 1e-5 three three x

                expectRefusal "expects shape 2x3x4, but gets 2x3" (fun () ->
                    BatchNorm.backward cache (normals 1 [ 2; 3 ]))

                expectRefusal "a weight of shape 3x5 does not fit a bias of 3" (fun () ->
                    BatchNorm.fold 1e-5 three three three three (normals 1 [ 3; 5 ]) three)

                expectRefusal "mean: expects shape 3, but gets 4" (fun () ->
                    BatchNorm.fold 1e-5 three three four three (normals 1 [ 5; 3 ]) three)
            }
        ]

let tests = testList "batch normalisation" [ laws; statistics; byHand ]
