/// On what a score hangs, against differences and the formulas written out; and points on a plane, against geometry.
module Cnn.Tests.Explanations.ExplanationTests

open System
open Expecto
open Cnn.Tensors
open Cnn.Networks
open Cnn.Explanations
open Cnn.Tests.Support

// without kinks, so that differences are exact up to rounding
let private smooth =
    network [ 2; 6; 5 ] "conv 3 3 pad 1, silu, avgpool 2, conv 4 2, batchnorm, gelu, flatten, dense 5, silu, dense 3"

let private parameters: Parameters<float> =
    Network.initialize He (Seed.ofInt 8) smooth

let private run (x: Tensor<float>) =
    Network.forward (Inference(Network.start smooth)) smooth parameters x

let private saliency =
    testList
        "saliency"
        [
            test "is the slope of the score, for every pixel and class" {
                let x = normals 3 [ 2; 2; 6; 5 ]
                let step = 1e-5

                for label in 0..2 do
                    let score (n: int) (x: Tensor<float>) =
                        (List.last (run x)).Output[n * 3 + label]

                    let slopes =
                        Array.init x.Count (fun i ->
                            let moved by =
                                Tensor.init x.Shape (fun k -> if k = i then x[k] + by else x[k])

                            let n = i / 60
                            (score n (moved step) - score n (moved -step)) / (2.0 * step))

                    expectClose 1e-7 $"class {label}" slopes (numbers (Saliency.ofInput label (run x)))
            }
            test "of a layer's output is that of the layers behind it" {
                let x = normals 4 [ 1; 2; 6; 5 ]
                let trace = run x

                for index in 0 .. trace.Length - 2 do
                    let direct = Saliency.ofLayer index 1 trace
                    Expect.equal direct.Shape trace[index].Output.Shape $"shape behind layer {index}"

                    let through = Network.inputGradient (List.take (index + 1) trace) direct

                    expectClose 1e-12 $"layer {index}" (numbers (Saliency.ofInput 1 trace)) (numbers through)
            }
            test "what is no class is refused" {
                expectRefusal "label 3" (fun () -> Saliency.ofInput 3 (run (normals 5 [ 1; 2; 6; 5 ])))
            }
        ]

let private gradCam =
    testList
        "Grad-CAM"
        [
            test "is its formula, for every layer of maps, and never negative" {
                let x = normals 6 [ 2; 2; 6; 5 ]
                let trace = run x

                for index in 0..5 do
                    let maps = trace[index].Output
                    let gradient = Saliency.ofLayer index 2 trace
                    let channels, cells = maps.Shape[1], maps.Shape[2] * maps.Shape[3]
                    let at (n: int) (c: int) (cell: int) = (n * channels + c) * cells + cell

                    let expected =
                        [|
                            for n in 0..1 do
                                for cell in 0 .. cells - 1 do
                                    let sum =
                                        List.sum
                                            [
                                                for c in 0 .. channels - 1 ->
                                                    List.average [ for k in 0 .. cells - 1 -> gradient[at n c k] ]
                                                    * maps[at n c cell]
                                            ]

                                    max 0.0 sum
                        |]

                    let heat = GradCam.heat index 2 trace
                    Expect.equal heat.Shape [ 2; maps.Shape[2]; maps.Shape[3] ] "shape"
                    expectClose 1e-12 $"layer {index}" expected (numbers heat)
            }
            test "of a batch is that of each example" {
                let x = normals 7 [ 3; 2; 6; 5 ]
                let together = GradCam.heat 3 0 (run x) |> numbers

                let apart =
                    [ 0..2 ]
                    |> List.map (fun n -> GradCam.heat 3 0 (run (Tensor.slice n 1 x)) |> numbers)
                    |> Array.concat

                expectClose 1e-12 "heat" apart together
            }
            test "a flat layer has no places" {
                expectRefusal "no places" (fun () -> GradCam.heat 6 0 (run (normals 8 [ 1; 2; 6; 5 ])))
            }
        ]

let private single (rows: float[][]) : Tensor<float32> =
    Tensor.init [ rows.Length; rows[0].Length ] (fun i -> float32 (rows[i / rows[0].Length][i % rows[0].Length]))

let private cloud (seed: int) (count: int) (width: int) =
    let x = normals seed [ count; width ]
    // spread differently along each axis, so that components are told apart
    Array.init count (fun n -> Array.init width (fun d -> x[n * width + d] * float (1 <<< (width - d))))

let private distances (points: Tensor<float>) =
    let count, width = points.Shape[0], points.Shape[1]

    [|
        for a in 0 .. count - 1 do
            for b in 0 .. a - 1 ->
                sqrt (
                    Seq.sum
                        [
                            for k in 0 .. width - 1 -> (points[a * width + k] - points[b * width + k]) ** 2.0
                        ]
                )
    |]

let private components =
    testList
        "principal components"
        [
            test "points on a line lie on the first" {
                let places = [| -2.0; 0.5; 3.0; 7.0 |]
                let line = places |> Array.map (fun t -> [| 1.0 + 3.0 * t; -4.0 * t; 2.0 |])
                let projection = PrincipalComponents.project 2 (single line)
                let mean = Array.average places
                // the direction has length 5, and the farthest point is on the positive side
                let expected = places |> Array.collect (fun t -> [| 5.0 * (t - mean); 0.0 |])
                expectClose 1e-6 "points" expected (numbers projection.Points)
                Expect.floatClose Accuracy.medium projection.Explained[0] 1.0 "the first explains all"
                Expect.isLessThan projection.Explained[1] 1e-9 "the second nothing"
            }
            test "all of them keep every distance, with more points than dimensions and with fewer" {
                for count, width in [ 9, 4; 4, 6 ] do
                    let rows = single (cloud count count width)
                    let projection = PrincipalComponents.project width rows
                    expectClose 1e-6 "distances" (distances (Tensor.map float rows)) (distances projection.Points)
                    Expect.floatClose Accuracy.medium (List.sum projection.Explained) 1.0 "explained"
                    Expect.equal projection.Explained (List.sortDescending projection.Explained) "order"
            }
            test "columns of zeros change nothing, though they make the other way of computing the shorter one" {
                let points = cloud 3 5 3
                let narrow = PrincipalComponents.project 2 (single points)

                let wide =
                    points |> Array.map (fun row -> Array.append row (Array.zeroCreate 6)) |> single

                expectClose 1e-6 "points" (numbers narrow.Points) (numbers (PrincipalComponents.project 2 wide).Points)
            }
            test "nothing, and what is not finite, are refused; equal points lie at 0" {
                expectRefusal "there must be points" (fun () ->
                    PrincipalComponents.project 2 (Tensor.zeros<float32> [ 0; 3 ]))

                expectRefusal "finite" (fun () -> PrincipalComponents.project 2 (single [| [| nan |]; [| 1.0 |] |]))

                let equal =
                    PrincipalComponents.project 2 (single [| [| 1.0; 2.0 |]; [| 1.0; 2.0 |] |])

                Expect.sequenceEqual (numbers equal.Points) (Array.zeroCreate 4) "points"
                Expect.equal equal.Explained [ 0.0; 0.0 ] "explained"
            }
        ]

let tests = testList "Explanations" [ saliency; gradCam; components ]
