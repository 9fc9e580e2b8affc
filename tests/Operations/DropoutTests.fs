module Cnn.Tests.Operations.DropoutTests

open System
open System.Numerics
open Expecto
open Cnn.Tensors
open Cnn.Operations
open Cnn.Tests.WindowCases
open Cnn.Tests.Properties
open Cnn.Tests.Support

let private ones (shape: Shape) : Tensor<float> = Tensor.init shape (fun _ -> 1.0)

/// 1 where the mask keeps, 0 where it drops.
let private mask rate seed firstExample shape : float[] =
    let y: Tensor<float> =
        Dropout.forward rate seed firstExample (ones shape) |> outputOf

    y.ToArray() |> Array.map (fun v -> if v = 0.0 then 0.0 else 1.0)

let private rates = [ 0.0; 0.1; 0.25; 0.5; 0.8; 0.99 ]

/// The mean of `count` independent 0s and 1s of probability p lies within 5 deviations of p.
let private expectBinomial what (p: float) (count: int) (mean: float) =
    let allowed = 5.0 * sqrt (p * (1.0 - p) / float count)
    Expect.isLessThanOrEqual (abs (mean - p)) allowed $"{what}: {mean} for {p}"

let private selects<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (case: ChannelCase) =
    let x = normals case.Seed case.Shape |> cast<'T>
    let dy = normals (case.Seed + 1) case.Shape |> cast<'T>
    let seed = Seed.ofInt case.Seed

    for rate in rates do
        let kept = mask rate seed 3 case.Shape
        let scale: 'T = 'T.CreateTruncating(1.0 / (1.0 - rate))
        let struct (y, cache) = Dropout.forward rate seed 3 x
        let dx = (Dropout.backward cache dy).Input

        for i in 0 .. x.Count - 1 do
            let expected (value: 'T) : 'T =
                if kept[i] = 0.0 then 'T.Zero else value * scale

            Expect.isTrue (y[i].Equals(expected x[i])) $"output {i} at rate {rate}"
            Expect.isTrue (dx[i].Equals(expected dy[i])) $"gradient {i} at rate {rate}"

let private masks =
    testList
        "masks"
        [
            for rate in rates do
                test $"of 100,000 elements the part that is dropped is {rate}" {
                    let kept = mask rate (Seed.ofInt 5) 0 [ 1000; 100 ]
                    expectBinomial "all" (1.0 - rate) kept.Length (Array.average kept)

                    // no element of all examples and no example of all elements is treated apart
                    for k in 0..99 do
                        expectBinomial
                            $"element {k}"
                            (1.0 - rate)
                            1000
                            (Array.init 1000 (fun n -> kept[n * 100 + k]) |> Array.average)
                }

                test $"the expectation stays, rate {rate}" {
                    let y: Tensor<float> =
                        Dropout.forward rate (Seed.ofInt 6) 0 (ones [ 1000; 100 ]) |> outputOf

                    let allowed = 5.0 * sqrt (rate / (1.0 - rate) / 1e5)
                    Expect.isLessThanOrEqual (abs (Array.average (y.ToArray()) - 1.0)) (allowed + 1e-12) "mean"
                }
            for what, step in [ "elements", 1; "examples", 100 ] do
                test $"neighbouring {what} are dropped independently" {
                    let kept = mask 0.5 (Seed.ofInt 7) 0 [ 1000; 100 ]
                    let pairs = kept.Length - step

                    Array.init pairs (fun i -> kept[i] * kept[i + step])
                    |> Array.average
                    // the pairs overlap, which adds no more than another such deviation
                    |> expectBinomial "both kept" 0.25 (pairs / 2)
                }
            test "of other seeds agree as often as chance has it" {
                let first, second =
                    mask 0.5 (Seed.ofInt 8) 0 [ 100; 100 ], mask 0.5 (Seed.ofInt 9) 0 [ 100; 100 ]

                Array.map2 (fun a b -> if a = b then 1.0 else 0.0) first second
                |> Array.average
                |> expectBinomial "agree" 0.5 10_000
            }
            test "are what they were when this test was written" {
                // a change here would make every run that was published with its seed another one
                Expect.equal
                    (mask 0.5 (Seed.ofInt 1) 0 [ 2; 8 ] |> Array.map int |> List.ofArray)
                    [ 1; 1; 0; 1; 0; 1; 1; 0; 1; 0; 0; 1; 0; 0; 0; 0 ]
                    "mask"
            }
        ]

let private properties =
    testList
        "properties"
        [
            property "what is kept is scaled, the rest is 0, backward by the same mask, in both precisions" (fun case ->
                selects<float> case
                selects<float32> case)
            property "shards are masked like the whole batch" (fun (case: ChannelCase) ->
                let x = normals case.Seed case.Shape
                let seed = Seed.ofInt case.Seed
                let whole = Dropout.forward 0.4 seed 11 x |> outputOf

                for size in 1 .. case.Shape.Head do
                    let shards =
                        [
                            for start in 0..size .. case.Shape.Head - 1 do
                                let shard = Tensor.slice start (min size (case.Shape.Head - start)) x
                                Dropout.forward 0.4 seed (11 + start) shard |> outputOf
                        ]

                    Tensor.concat shards |> expectSame $"shards of {size}" whole)
            property "the shape of an example does not matter" (fun (case: ChannelCase) ->
                let flat = [ case.Shape.Head; Shape.size case.Shape.Tail ]
                let seed = Seed.ofInt case.Seed
                Expect.equal (mask 0.5 seed 0 case.Shape) (mask 0.5 seed 0 flat) "masks")
            property "rate 0 leaves everything as it is" (fun (case: ChannelCase) ->
                let x = normals case.Seed case.Shape
                Dropout.forward 0.0 (Seed.ofInt 1) 0 x |> outputOf |> expectSame "output" x)
            property "the gradient is the adjoint" (fun (case: ChannelCase) ->
                // integers, and a scale of 2, so that the sums are exact
                let x, dy = integers case.Seed case.Shape, integers (case.Seed + 1) case.Shape
                let struct (y, cache) = Dropout.forward 0.5 (Seed.ofInt case.Seed) 0 x
                Expect.equal (dot y dy) (dot x (Dropout.backward cache dy).Input) "inner products")
        ]

let private edges =
    testList
        "edges"
        [
            test "what is dropped is 0, even a NaN or an infinity" {
                let seed = Seed.ofInt 3
                let kept = mask 0.5 seed 0 [ 4; 25 ]

                for value in [ nan; infinity ] do
                    let y: Tensor<float> =
                        Dropout.forward 0.5 seed 0 (Tensor.init [ 4; 25 ] (fun _ -> value)) |> outputOf

                    for i in 0..99 do
                        if kept[i] = 0.0 then
                            Expect.equal y[i] 0.0 $"entry {i}"
                        else
                            Expect.isFalse (Double.IsFinite y[i]) $"entry {i}"
            }
            test "a rate just below 1 is a rate" {
                let rate = Math.BitDecrement 1.0

                let y: Tensor<float> =
                    Dropout.forward rate (Seed.ofInt 1) 0 (ones [ 10; 10 ]) |> outputOf

                Expect.equal (y.ToArray()) (Array.zeroCreate 100) "all dropped"
            }
            test "rates outside 0 to below 1 are refused" {
                for rate in [ -0.1; 1.0; 1.5; nan; infinity ] do
                    expectRefusal "it must be at least 0 and below 1" (fun () ->
                        Dropout.forward rate (Seed.ofInt 1) 0 (ones [ 2; 2 ]))
            }
            test "an output gradient of another shape is refused" {
                let struct (_, cache) = Dropout.forward 0.5 (Seed.ofInt 1) 0 (ones [ 2; 3 ])
                expectRefusal "expects shape 2x3, but gets 3x2" (fun () -> Dropout.backward cache (ones [ 3; 2 ]))
            }
        ]

let tests = testList "dropout" [ masks; properties; edges ]
