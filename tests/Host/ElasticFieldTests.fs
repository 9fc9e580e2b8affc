module Cnn.Tests.Host.ElasticFieldTests

open System
open Expecto
open Cnn
open Cnn.Host.Augmentations

/// A field without what lies between its rows: the displacements in x and in y.
let private draw (alpha: float) (sigma: float) (height: int) (width: int) (generator: Random) : float[] * float[] =
    let length = ElasticField.Length(height, width)
    let right, down = Array.create length nanf, Array.create length nanf
    ElasticField.Draw(alpha, sigma, height, width, generator, Span right, Span down)
    let stride = ElasticField.Stride width

    let compact (field: float32[]) =
        [|
            for row in 0 .. height - 1 do
                for column in 0 .. width - 1 -> float field[row * stride + column]
        |]

    compact right, compact down

let private generator (index: int) =
    Trainer.AugmentationGenerator(1, 0, index)

/// The weights as the definition has them, cut off at three deviations.
let private weights (sigma: float) : float[] =
    let radius = int (ceil (3.0 * sigma))

    let bell =
        [|
            for k in -radius .. radius -> exp (-(float k ** 2.0) / (2.0 * sigma * sigma))
        |]

    let sum = Array.sum bell
    bell |> Array.map (fun weight -> weight / sum)

/// Mean over many fields of what `f` makes of one.
let private over (fields: int) (f: float[] * float[] -> float) =
    [ for index in 1..fields -> f (draw 34.0 4.0 28 28 (generator index)) ]
    |> List.average

let private meanSquare (values: float[]) =
    values |> Array.averageBy (fun value -> value * value)

let tests =
    testList
        "Host.ElasticField"
        [
            test "the naive smoothing of the same noise, in two dimensions at once and double precision" {
                for height, width, sigma in [ 28, 28, 4.0; 5, 9, 1.0; 1, 1, 0.5; 3, 40, 2.3; 17, 8, 0.7 ] do
                    let alpha = 10.0
                    let w = weights sigma
                    let wide, tall = width + w.Length - 1, height + w.Length - 1
                    let noise = Array.zeroCreate (2 * wide * tall)
                    (generator 3).NextBytes noise

                    let expected =
                        [|
                            for part in 0..1 do
                                for row in 0 .. height - 1 do
                                    for column in 0 .. width - 1 ->
                                        List.sum
                                            [
                                                for i in 0 .. w.Length - 1 do
                                                    for j in 0 .. w.Length - 1 ->
                                                        let byte = noise[(part * tall + row + i) * wide + column + j]
                                                        w[i] * w[j] * alpha * (float byte - 127.5) / 128.0
                                            ]
                        |]

                    let right, down = draw alpha sigma height width (generator 3)

                    Cnn.Tests.Support.expectClose 1e-5 $"{height}x{width} {sigma}" expected (Array.append right down)
            }
            test
                "the mean square is alpha^2 / 3 times the squared weights' sum, squared: in both directions, also in a corner" {
                let sum = weights 4.0 |> Array.sumBy (fun weight -> weight * weight)
                let expected = 34.0 ** 2.0 / 3.0 * sum * sum
                // a field has about 4 independent places: 8,000 in all, 4 deviations are 6 %
                let near what actual tolerance =
                    Expect.isLessThan (abs (actual / expected - 1.0)) tolerance $"{what}: {actual} for {expected}"

                near "x" (over 2000 (fst >> meanSquare)) 0.07
                near "y" (over 2000 (snd >> meanSquare)) 0.07
                // a single place has 2,000 values: 4 deviations are 13 %
                near "corner" (over 2000 (fun (right, _) -> right[0] * right[0])) 0.14
                near "middle" (over 2000 (fun (right, _) -> right[14 * 28 + 14] * right[14 * 28 + 14])) 0.14
                // what the documentation says in short
                Expect.floatClose { absolute = 0.0; relative = 0.01 } (sqrt expected) (34.0 / (6.14 * 4.0)) "in short"
            }
            test "neighbours differ as little as the Gaussian says, and x and y are independent" {
                let w = weights 4.0

                let correlation =
                    (w |> Array.pairwise |> Array.sumBy (fun (a, b) -> a * b))
                    / (w |> Array.sumBy (fun weight -> weight * weight))

                let steps (values: float[]) =
                    values
                    |> Array.chunkBySize 28
                    |> Array.collect (Array.pairwise >> Array.map (fun (a, b) -> a - b))

                let variance = over 500 (fst >> meanSquare)
                let roughness = over 500 (fst >> steps >> meanSquare)
                let ratio = roughness / (2.0 * variance * (1.0 - correlation))
                Expect.isLessThan (abs (ratio - 1.0)) 0.12 $"roughness {ratio}"

                let cross =
                    over 500 (fun (right, down) -> Array.map2 (*) right down |> Array.average)

                Expect.isLessThan (abs (cross / variance)) 0.1 "x against y"
            }
            test "the same generator, the same field; another, another" {
                Expect.equal (draw 34.0 4.0 28 28 (generator 5)) (draw 34.0 4.0 28 28 (generator 5)) "again"
                Expect.notEqual (draw 34.0 4.0 28 28 (generator 5)) (draw 34.0 4.0 28 28 (generator 6)) "another"
                // what a thread keeps from one sigma must not serve the next
                let first = draw 34.0 4.0 28 28 (generator 5)
                draw 34.0 2.0 28 28 (generator 5) |> ignore
                Expect.equal (draw 34.0 4.0 28 28 (generator 5)) first "after another sigma"
            }
        ]
