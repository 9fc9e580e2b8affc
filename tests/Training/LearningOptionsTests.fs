/// What a run may do beside its optimiser, against plain loops and by laws: clipping, decay of weights, the moving average.
module Cnn.Tests.Training.LearningOptionsTests

open System
open System.Numerics
open Expecto
open Cnn.Tensors
open Cnn.Networks
open Cnn.Training
open Cnn.Tests
open Cnn.Tests.Support

/// Numbers for a convolution, a dense layer and what normalisation learns, which is of one axis all through.
let private drawn<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (seed: int) : Parameters<'T> =
    let affine (seed: int) (weight: Shape) (bias: Shape) =
        Affine
            {
                Weight = normals seed weight |> cast<'T>
                Bias = normals (seed + 1) bias |> cast<'T>
            }

    Block
        [
            affine (10 * seed) [ 3; 2; 3; 3 ] [ 3 ]
            Empty
            affine (10 * seed + 2) [ 5 ] [ 5 ]
            affine (10 * seed + 4) [ 7; 5 ] [ 5 ]
        ]

let private flat<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (x: Parameters<'T>) =
    Parameters.named x |> List.map (snd >> numbers) |> Array.concat

let private clips<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (tolerance: float) =
    let gradient = drawn<'T> 1
    let length = Naive.norm (flat gradient)

    for part in [ 1e-6; 0.1; 0.999 ] do
        let clipped = Optimizer.clip (part * length) gradient
        expectClose tolerance $"{part}: the norm is the bound" [| part * length |] [| Naive.norm (flat clipped) |]
        expectClose tolerance $"{part}: the direction stays" (Array.map ((*) part) (flat gradient)) (flat clipped)

    for part in [ 1.001; 10.0; infinity ] do
        Expect.equal
            (exactly (Optimizer.clip (part * length) gradient))
            (exactly gradient)
            $"{part}: a short one is left alone"

let private clipping =
    testList
        "clipping"
        [
            test "float64: makes long gradients as long as the bound, and leaves short ones alone" {
                clips<float> 1e-14
            }
            test "float32: makes long gradients as long as the bound, and leaves short ones alone" {
                clips<float32> 5e-7
            }
            test "by hand: 3 and 4 clipped to 1" {
                let gradient =
                    Affine
                        {
                            Affine.Weight = Tensor.ofSeq [ 1; 1 ] [ 3.0 ]
                            Bias = vector [ 4.0 ]
                        }

                expectClose 1e-15 "0.6 and 0.8" [| 0.6; 0.8 |] (flat (Optimizer.clip 1.0 gradient))
                Expect.equal (Optimizer.clip 5.0 gradient) gradient "of just that norm"
            }
            test "no gradient stays none, and what is not finite stays to be seen" {
                let zeros = Parameters.zerosLike (drawn<float> 1)
                Expect.equal (Optimizer.clip 1.0 zeros) zeros "zeros"

                for wrong in [ nan; infinity ] do
                    let spoilt =
                        Affine
                            {
                                Affine.Weight = Tensor.ofSeq [ 1; 2 ] [ wrong; 1.0 ]
                                Bias = vector [ 1.0 ]
                            }

                    Expect.isFalse (Parameters.isFinite (Optimizer.clip 1.0 spoilt)) $"{wrong}"
            }
            test "comes before the optimiser" {
                let start, gradient = drawn<float> 1, drawn<float> 2

                let options =
                    { LearningOptions.none with
                        ClipNorm = Some 0.5
                    }

                for name, optimizer in Optimizer.named do
                    let state = Optimizer.start optimizer start
                    let actual = Optimizer.updateWith options optimizer 0.1 gradient state start

                    let expected =
                        Optimizer.update optimizer 0.1 (Optimizer.clip 0.5 gradient) state start

                    Expect.equal actual expected name
            }
        ]

/// A step with decay against one without, which is checked against its definition elsewhere; from a state after one step.
let private decays<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (tolerance: float) =
    let rate, decay = 0.1, 0.3

    let options =
        { LearningOptions.none with
            WeightDecay = decay
        }

    for name, optimizer in Optimizer.named do
        let begin' = drawn<'T> 1

        let struct (parameters, state) =
            Optimizer.update optimizer rate (drawn<'T> 2) (Optimizer.start optimizer begin') begin'

        let gradient = drawn<'T> 3

        let struct (plain, plainState) =
            Optimizer.update optimizer rate gradient state parameters

        let struct (actual, actualState) =
            Optimizer.updateWith options optimizer rate gradient state parameters

        Expect.equal actualState plainState $"{name}: the averages of the gradient see nothing of it"

        for before, without, decayed in
            List.zip3 (Parameters.tensors parameters) (Parameters.tensors plain) (Parameters.tensors actual) do
            if before.Shape.Length < 2 then
                Expect.sequenceEqual
                    (numbers decayed)
                    (numbers without)
                    $"{name}: {Shape.format before.Shape} is spared"
            else
                expectClose
                    tolerance
                    $"{name}: {Shape.format before.Shape}"
                    (Array.map2 (fun p next -> next - rate * decay * p) (numbers before) (numbers without))
                    (numbers decayed)

let private decay =
    testList
        "decay"
        [
            test "float64: takes r lambda p from weights alone, whatever the optimiser" { decays<float> 1e-15 }
            test "float32: takes r lambda p from weights alone, whatever the optimiser" { decays<float32> 3e-7 }
            test "keeps its size where it is small against 1" {
                // 1 - r lambda would be rounded to 1 - 4.17e-7, for every weight; what is rounded is each weight, up or down
                let rate, decay = 1e-3, 4e-4

                let options =
                    { LearningOptions.none with
                        WeightDecay = decay
                    }

                let start =
                    Affine
                        {
                            Affine.Weight = Tensor.init [ 2; 1000 ] (fun i -> 1f + 0.0005f * float32 i)
                            Bias = Tensor.zeros [ 1000 ]
                        }

                for name, optimizer in Optimizer.named |> List.filter (fun (name, _) -> name <> "adamw") do
                    let struct (next, _) =
                        Optimizer.updateWith
                            options
                            optimizer
                            rate
                            (Parameters.zerosLike start)
                            (Optimizer.start optimizer start)
                            start

                    let part =
                        Array.map2 (fun before after -> (before - after) / before) (flat start) (flat next)
                        |> Array.take 2000
                        |> Array.average

                    expectClose 0.01 name [| rate * decay |] [| part |]
            }
            test "comes to that of AdamW" {
                let start, gradient = drawn<float> 1, drawn<float> 2

                let adamw decay =
                    Optimizer.named
                    |> List.pick (fun (_, o) ->
                        match o with
                        | AdamW c -> Some(AdamW { c with WeightDecay = decay })
                        | _ -> None)

                let state = Optimizer.start (adamw 0.0) start

                let struct (both, _) =
                    Optimizer.updateWith
                        { LearningOptions.none with
                            WeightDecay = 0.2
                        }
                        (adamw 0.3)
                        0.1
                        gradient
                        state
                        start

                let struct (own, _) = Optimizer.update (adamw 0.5) 0.1 gradient state start
                let weights p = (Parameters.tensors p).Head |> numbers
                expectClose 1e-15 "0.2 and 0.3" (weights own) (weights both)
            }
        ]

let private averages<'T when 'T: unmanaged and 'T :> IBinaryFloatingPointIeee754<'T>> (tolerance: float) =
    let decay = 0.6
    let mutable average = drawn<'T> 0
    let mutable expected = flat average

    for t in 1..12 do
        let x = drawn<'T> t
        let d = min 0.6 ((1.0 + float t) / (10.0 + float t))
        average <- MovingAverage.step decay (int64 t) x average
        expected <- Array.map2 (fun a x -> d * a + (1.0 - d) * x) expected (flat x)
        expectClose tolerance $"step {t}" expected (flat average)

let private movingAverage =
    testList
        "moving average"
        [
            test "float64: follows its definition" { averages<float> 1e-15 }
            test "float32: follows its definition" { averages<float32> 5e-7 }
            test "its decay grows from 2/11 to the one asked for" {
                Expect.equal (MovingAverage.decayAt 0.99 1L) (2.0 / 11.0) "first step"
                Expect.equal (MovingAverage.decayAt 0.99 890L) (891.0 / 900.0) "the step that reaches it"
                Expect.equal (MovingAverage.decayAt 0.99 889L) (890.0 / 899.0) "the step before"
                Expect.equal (MovingAverage.decayAt 0.99 1000000L) 0.99 "long after"
                Expect.equal (MovingAverage.decayAt 0.0 5L) 0.0 "none"
            }
            test "of what stays the same is that, to the last bit" {
                let x = drawn<float32> 1

                let average =
                    (x, [ 1L .. 50L ])
                    ||> List.fold (fun average t -> MovingAverage.step 0.999 t x average)

                Expect.equal (parameterBits average) (parameterBits x) "average"
            }
            test "with decay 0 is the newest" {
                let x = drawn<float> 1 |> Parameters.map (Tensor.map Math.Round)
                Expect.equal (MovingAverage.step 0.0 7L x (Parameters.zerosLike x)) x "average"
            }
            test "of another network is refused" {
                expectRefusal "different networks" (fun () -> MovingAverage.step 0.9 1L (drawn<float> 1) (Block []))
            }
        ]

let tests = testList "learning options" [ clipping; decay; movingAverage ]
