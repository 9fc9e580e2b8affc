/// How pictures become inputs: the laws that preparing a digit must obey, whatever it is drawn on and wherever.
module Cnn.Tests.Host.PreparationTests

open System
open Expecto
open Cnn.Host
open Cnn.Host.Data
open Cnn.Host.Preparation
open Cnn.Tests.Host.Cli
open Cnn.Tests.Host.DrawnDigits

let private prepared (picture: Picture) : Picture =
    DigitPreparation.Prepare("it", picture, 28, 28).Picture

let private bytes (picture: Picture) : byte[] = picture.Pixels.ToArray()

/// The mean distance of the pixels of two pictures; of two digits it is about 40.
let private distance (x: Picture) (y: Picture) : float =
    Array.map2 (fun (a: byte) (b: byte) -> abs (float a - float b)) (bytes x) (bytes y)
    |> Array.average

let private digits = lazy (Array.init 100 digit)

let private stepNames (steps: PreparationStep seq) = [ for step in steps -> step.Name ]

let tests =
    testList
        "Host.Preparation"
        [
            test "a digit of MNIST is prepared already: it stays where it is, and hardly a pixel changes" {
                let distances = digits.Value |> Array.map (fun one -> distance one (prepared one))
                Expect.isLessThan (Array.average distances) 1.0 "mean distance of a pixel, of 255"
                let moved = distances |> Array.filter (fun d -> d > 4.0)
                Expect.isLessThan moved.Length 5 "digits that came to lie elsewhere"
            }
            test "dark on light is the same as light on dark" {
                for one in digits.Value do
                    Expect.equal (bytes (prepared (one.Inverted()))) (bytes (prepared one)) "negative"
            }
            test "where it is on the paper, and how large the paper, does not matter" {
                let random = Random 5

                for one in digits.Value do
                    let height, width = 28 + random.Next 60, 28 + random.Next 60

                    let placed =
                        place one height width (random.Next(height - 27)) (random.Next(width - 27))

                    Expect.equal (bytes (prepared placed)) (bytes (prepared one)) $"on {width}x{height}"
            }
            test
                "how large it is drawn hardly matters, nor light that is not even, the grain of paper and specks of dirt" {
                let random = Random 6

                // a centre of mass between two pixels may fall to either side: then all is moved by one
                let meanDistance (draw: Picture -> Picture) =
                    digits.Value
                    |> Array.averageBy (fun one -> distance (prepared (draw one)) (prepared one))

                Expect.isLessThan (meanDistance (fun one -> one.Resized(28 * 5, 28 * 5))) 10.0 "five times as large"
                Expect.isLessThan (meanDistance (photograph random)) 12.0 "photographed"

                Expect.isGreaterThan
                    (Array.pairwise digits.Value |> Array.averageBy (fun (x, y) -> distance x y))
                    35.0
                    "different digits"
            }
            test "colours count by how bright they are, and a photograph with many pixels is made smaller first" {
                let one = digits.Value[7]
                let dark = one.Inverted()

                let onYellow =
                    let plane = bytes dark
                    Picture(3, 28, 28, ReadOnlyMemory(Array.concat [ plane; plane; Array.zeroCreate 784 ]))

                Expect.isLessThan (distance (prepared onYellow) (prepared one)) 1.0 "black on yellow"

                let large = dark.Resized(2000, 2000)
                let result = Preparing.Prepare("it", large, PreparationKind.Mnist, Untrained.Digits)

                Expect.equal
                    (stepNames result.Steps)
                    [ "picture"; "reduce"; "polarity"; "box"; "scale"; "centre" ]
                    "steps"

                Expect.isLessThan (distance result.Picture (prepared one)) 12.0 "two thousand pixels across"
            }
            test "the last step is the picture, and the ink lies as that of MNIST" {
                let random = Random 7

                for one in digits.Value do
                    let result = DigitPreparation.Prepare("it", photograph random one, 28, 28)
                    Expect.equal (Seq.last result.Steps).Picture result.Picture "last step"
                    let pixels = bytes result.Picture
                    Expect.equal (Array.max pixels) 255uy "full ink"

                    let lit =
                        [
                            for i in 0..783 do
                                if pixels[i] > 0uy then
                                    i / 28, i % 28
                        ]

                    let extent f =
                        List.max (List.map f lit) - List.min (List.map f lit) + 1

                    Expect.isLessThanOrEqual (max (extent fst) (extent snd)) 20 "box"
                    let total = pixels |> Array.sumBy float

                    let centre f =
                        (pixels |> Array.mapi (fun i v -> float v * float (f i)) |> Array.sum) / total

                    Expect.isLessThanOrEqual (abs (centre (fun i -> i / 28) - 14.0)) 0.5001 "centre of mass, rows"
                    Expect.isLessThanOrEqual (abs (centre (fun i -> i % 28) - 14.0)) 0.5001 "centre of mass, columns"
            }
            test "a picture without ink is refused, with its name" {
                let random = Random 8
                let empty = Picture(1, 50, 40, ReadOnlyMemory(Array.create 2000 255uy))

                let grain =
                    Picture(1, 50, 40, ReadOnlyMemory(Array.init 2000 (fun _ -> byte (198 + random.Next 5))))

                let pixel = Picture(1, 1, 1, ReadOnlyMemory [| 9uy |])

                for picture in [ empty; grain; pixel ] do
                    Expect.throwsC (fun () -> prepared picture |> ignore) (fun problem ->
                        match problem with
                        | :? CommandException as refusal ->
                            Expect.equal refusal.ExitCode ExitCode.BadData "exit code"
                            Expect.stringContains refusal.Message "nothing stands out in it" "sentence"
                        | other -> failtest $"{other}")
            }
            test "what suits a model: digits in grey as MNIST, others as they are" {
                Expect.equal (Preparing.KindFor Untrained.Digits) PreparationKind.Mnist "digits"
                Expect.equal (Preparing.KindFor Untrained.Animals) PreparationKind.Fit "names"
                Expect.equal (Preparing.KindFor Untrained.Colours) PreparationKind.Fit "colours"
            }
            test "fitted pictures are letterboxed, in the model's channels" {
                let wide = Picture(1, 4, 8, ReadOnlyMemory(Array.create 32 200uy))
                let result = Preparing.Prepare("it", wide, PreparationKind.Fit, Untrained.Colours)
                Expect.equal (stepNames result.Steps) [ "picture"; "colour"; "fit" ] "steps"
                let rows = bytes result.Picture |> Array.chunkBySize 28 |> Array.map Array.max

                Expect.equal
                    rows
                    (Array.concat (
                        List.replicate
                            3
                            (Array.concat [ Array.create 7 0uy; Array.create 14 200uy; Array.create 7 0uy ])
                    ))
                    "letterbox"
            }
        ]
