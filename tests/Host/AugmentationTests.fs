module Cnn.Tests.Host.AugmentationTests

open System
open System.Threading.Tasks
open Expecto
open FsCheck
open FsCheck.FSharp
open Cnn
open Cnn.Host
open Cnn.Host.Augmentations

let private image (channels: int) (height: int) (width: int) : byte[] =
    let bytes = Array.zeroCreate (channels * height * width)
    Random(11).NextBytes bytes
    bytes

let private generator (index: int) =
    Trainer.AugmentationGenerator(1, 0, index)

let private apply (text: string) (channels: int, height: int, width: int) (source: byte[]) (draws: Random) : byte[] =
    let result = Array.create source.Length 77uy
    Augmentation.Parse(text).Apply(ReadOnlySpan source, Span result, channels, height, width, draws)
    result

let private every = "shift 2, rotate 10, scale 0.1, shear 5, flip, elastic, erase"

type AugmentationCases =
    static member Any() =
        let upTo most whole =
            if whole then
                Gen.choose (0, int most) |> Gen.map float
            else
                // some that are written in full, some that are written short
                Gen.oneof
                    [
                        Gen.choose (0, 1_000_000) |> Gen.map (fun n -> most * float n / 1e6)
                        Gen.choose (0, 10) |> Gen.map (fun n -> most * float n / 10.0)
                        Gen.elements [ 0.0; 1e-7; most ]
                    ]

        gen {
            let! shift = upTo 10000.0 true
            let! rotation = upTo 180.0 false
            let! scale = upTo 0.9 false
            let! shear = upTo 60.0 false
            let! flip = upTo 1.0 false
            let! alpha = upTo 1000.0 false
            let! sigma = upTo 31.5 false
            let! erase = upTo 1.0 false
            // mostly a few of them, as people write
            let! kept = Gen.arrayOfLength 7 (Gen.elements [ 0.0; 0.0; 1.0 ])

            return
                Augmentation(
                    ShiftPixels = int (shift * kept[0]),
                    RotationDegrees = rotation * kept[1],
                    ScaleChange = scale * kept[2],
                    ShearDegrees = shear * kept[3],
                    FlipProbability = flip * kept[4],
                    ElasticAlpha = alpha * kept[5],
                    // without the deformation its width means nothing, and is not written
                    ElasticSigma = (if alpha * kept[5] = 0.0 then 4.0 else 0.5 + sigma),
                    EraseProbability = erase * kept[6]
                )
        }
        |> Arb.fromGen

/// Texts that cannot be read, and a part of the sentence that says why.
let private bad =
    [
        "", "needed"
        " ", "needed"
        "mirror", "mirror"
        "shift 2 rotate 10", "at most 1 number"
        "shift,", "comma"
        ", shift", "comma"
        "shift,, rotate", "comma"
        "none, shift", "alone"
        "shift, none", "alone"
        "none 2", "alone"
        "shift, rotate, shift 3", "twice"
        "shift 1.5", "whole"
        "shift -1", "0 to 10000"
        "shift 10001", "10000"
        "shift 1e400", "10000"
        "rotate 400", "0 to 180 degrees, not 400"
        "rotate -10", "180"
        "rotate nan", "NaN"
        "rotate infinity", "180"
        "rotate 10°", "not a number"
        "rotate 1,5", "'5'"
        "scale 1", "0.9"
        "scale -0.1", "0.9"
        "shear 90", "60"
        "shear x", "'x'"
        "elastic 34 0", "0.5 to 32"
        "elastic 34 33", "sigma"
        "elastic -1", "alpha"
        "elastic 34 4 4", "at most 2 numbers"
        "erase 1.1", "0 to 1"
        "erase -0.1", "0 to 1"
        "flip 2", "0 to 1"
    ]

let private textTests =
    [
        testPropertyWithConfig
            { FsCheckConfig.defaultConfig with
                arbitrary = [ typeof<AugmentationCases> ]
                maxTest = 500
            }
            "the text of an augmentation reads back as itself"
            (fun (augmentation: Augmentation) ->
                Expect.equal (Augmentation.Parse augmentation.Text) augmentation augmentation.Text)
        test "numbers left out, order, case and zeros" {
            let expectText (text: string) (expected: string) =
                Expect.equal (Augmentation.Parse text).Text expected text

            expectText "none" "none"
            expectText "shift" "shift 2"
            expectText "flip" "flip 0.5"
            expectText "elastic 30" "elastic 30 4"
            expectText "  Erase ,ROTATE 7.5" "rotate 7.5, erase 0.5"
            expectText "shift 0, rotate 0, scale 0, shear 0, flip 0, elastic 0 7, erase 0" "none"
            expectText "rotate -0" "none"

            expectText
                "erase, elastic, flip, shear, scale, rotate, shift"
                "shift 2, rotate 10, scale 0.1, shear 5, flip 0.5, elastic 34 4, erase 0.5"
        }
        yield!
            bad
            |> List.map (fun (text, part) ->
                test $"refused: '{text}'" {
                    Expect.throwsC (fun () -> Augmentation.Parse text |> ignore) (fun problem ->
                        match problem with
                        | :? CommandException as refusal ->
                            Expect.equal refusal.ExitCode ExitCode.Usage "exit code"
                            Expect.stringContains refusal.Message part "what is wrong"
                            Expect.stringEnds refusal.Message "." "a sentence"
                        | other -> failtest $"a CommandException was expected, but this came: {other}")
                })
        test "strengths out of range are refused where they are set, too" {
            Cnn.Tests.Support.expectRefusal "180" (fun () -> Augmentation(RotationDegrees = 181.0))
            Cnn.Tests.Support.expectRefusal "10000" (fun () -> Augmentation(ShiftPixels = -1))
            Cnn.Tests.Support.expectRefusal "0 to 1" (fun () -> Augmentation(EraseProbability = nan))
        }
    ]

let private applyTests =
    [
        test "none and strengths of 0 give the identical image and draw nothing" {
            let sizes = 2, 9, 7
            let source = image 2 9 7

            for text in [ "none"; "shift 0, rotate 0, elastic 0, erase 0, flip 0" ] do
                let draws = generator 1
                Expect.equal (apply text sizes source draws) source text
                Expect.equal (draws.Next()) ((generator 1).Next()) "the generator has not moved"
        }
        test "shift alone is two draws and a copy, as in every run that was published" {
            let source = image 1 28 28

            for index in 0..50 do
                let twin = generator index
                let down = twin.Next(-2, 3)
                let right = twin.Next(-2, 3)
                let expected = Array.zeroCreate source.Length
                Shift.Apply(ReadOnlySpan source, Span expected, 1, 28, 28, down, right)
                Expect.equal (apply "shift" (1, 28, 28) source (generator index)) expected $"image {index}"
        }
        test "all transforms: one warp by draws in the order that is documented, and then the erasing" {
            let source = image 1 28 28

            for index in 0..50 do
                let twin = generator index
                let down = twin.Next(-2, 3)
                let right = twin.Next(-2, 3)
                let rotation = 10.0 * (2.0 * twin.NextDouble() - 1.0)
                let scale = 1.0 + 0.1 * (2.0 * twin.NextDouble() - 1.0)
                let shear = 5.0 * (2.0 * twin.NextDouble() - 1.0)
                let isMirrored = twin.NextDouble() < 0.5
                let length = ElasticField.Length(28, 28)
                let fieldX, fieldY = Array.zeroCreate length, Array.zeroCreate length
                ElasticField.Draw(34.0, 4.0, 28, 28, twin, Span fieldX, Span fieldY)
                let expected = Array.zeroCreate source.Length

                Warp.Apply(
                    ReadOnlySpan source,
                    Span expected,
                    1,
                    28,
                    28,
                    Placement(down, right, rotation, scale, shear, isMirrored),
                    ReadOnlySpan fieldX,
                    ReadOnlySpan fieldY
                )

                Erasing.Apply(Span expected, 1, 28, 28, 0.5, twin)
                Expect.equal (apply every (1, 28, 28) source (generator index)) expected $"image {index}"
        }
        test "all channels move alike" {
            let source = image 1 20 13
            let whole = "rotate, shift, scale, shear, flip, elastic 10 3"
            let alone = apply whole (1, 20, 13) source (generator 4)
            let both = apply whole (2, 20, 13) (Array.append source source) (generator 4)
            Expect.equal both (Array.append alone alone) "both planes"
        }
        test "on any thread, after any other image: the same" {
            let sizes = [ 1, 28, 28; 3, 8, 11; 1, 40, 5 ]

            let variation (i: int) =
                let c, h, w = sizes[i % 3]
                apply every (c, h, w) (image c h w) (generator i)

            let expected = Array.init 300 variation
            let actual = Array.zeroCreate 300

            Parallel.For(0, 300, (fun i -> actual[299 - i] <- variation (299 - i)))
            |> ignore

            Expect.equal actual expected "in parallel, backwards"
            Expect.notEqual expected[0] expected[3] "two images"
        }
        test "after the first image nothing is allocated" {
            let source, target = image 1 28 28, Array.zeroCreate 784

            let augmentation =
                Augmentation.Parse "shift, rotate, scale, shear, flip, elastic, erase 1"

            let draws = generator 1

            let vary (times: int) =
                for _ in 1..times do
                    augmentation.Apply(ReadOnlySpan source, Span target, 1, 28, 28, draws)

            vary 10
            let before = GC.GetAllocatedBytesForCurrentThread()
            vary 100
            let bytes = GC.GetAllocatedBytesForCurrentThread() - before
            Expect.isLessThan bytes 1000L "bytes for 100 images"
        }
    ]

let private erasingTests =
    [
        test "erased rectangles lie within the frame, and area and aspect within the ranges of the paper" {
            for height, width in [ 28, 28; 32, 32; 10, 60; 7, 5; 3, 3 ] do
                let chosen =
                    [ for index in 0..2000 -> Erasing.Choose(height, width, generator index) ]
                    |> List.choose Option.ofNullable

                Expect.isGreaterThan chosen.Length 1900 "found"

                for struct (top, left, rows, columns) in chosen do
                    let part = float (rows * columns) / float (height * width)
                    Expect.isTrue (part >= 0.02 && part <= 0.4) $"part {part}"
                    Expect.isTrue (top >= 0 && top + rows <= height && left >= 0 && left + columns <= width) "inside"
                    // the nearest whole sides may be half a pixel off
                    let tallest = (float rows + 0.5) / (float columns - 0.5)
                    let widest = (float rows - 0.5) / (float columns + 0.5)
                    Expect.isTrue (tallest >= 0.3 && widest <= 1.0 / 0.3) $"{rows} x {columns}"

                if height = 28 then
                    let parts = chosen |> List.map (fun struct (_, _, r, c) -> float (r * c) / 784.0)
                    Expect.isLessThan (List.min parts) 0.035 "small ones"
                    Expect.isGreaterThan (List.max parts) 0.38 "large ones"
                    let tall = chosen |> List.filter (fun struct (_, _, r, c) -> r > c) |> List.length
                    let wide = chosen |> List.filter (fun struct (_, _, r, c) -> r < c) |> List.length
                    // 2,000 fair coins: 4 deviations are 90
                    Expect.isLessThan (abs (tall - wide)) 180 "tall and wide"
        }
        test "where no rectangle fits there is none" {
            Expect.isFalse (Erasing.Choose(1, 1, generator 1)).HasValue "one pixel"
            Expect.equal (apply "erase 1" (1, 1, 1) [| 9uy |] (generator 1)) [| 9uy |] "left as it is"
        }
        test "noise inside of the rectangle in every channel, and nothing outside is touched" {
            let sizes = 3, 28, 28
            let source = Array.create (3 * 784) 100uy
            let values = ResizeArray<float>()

            for index in 0..100 do
                let twin = generator index
                Expect.isLessThan (twin.NextDouble()) 1.0 "always"
                let struct (top, left, rows, columns) = (Erasing.Choose(28, 28, twin)).Value
                let erased = apply "erase 1" sizes source (generator index)

                erased
                |> Array.iteri (fun cell value ->
                    let row, column = cell / 28 % 28, cell % 28

                    if row >= top && row < top + rows && column >= left && column < left + columns then
                        values.Add(float value)
                    else
                        Expect.equal value 100uy $"outside, at {row}, {column}")
            // tens of thousands of uniform bytes
            Expect.floatClose { absolute = 2.0; relative = 0.0 } (Seq.average values) 127.5 "mean"
            let square = values |> Seq.averageBy (fun value -> (value - 127.5) ** 2.0)
            Expect.floatClose { absolute = 100.0; relative = 0.0 } square (65535.0 / 12.0) "variance"
        }
        test "erasing and flipping happen as often as they should" {
            let source = Array.init 784 (fun cell -> byte (cell % 28))

            let changed text =
                [ 0..1999 ]
                |> List.filter (fun index -> apply text (1, 28, 28) source (generator index) <> source)
                |> List.length
            // 4 deviations of 2,000 draws
            Expect.isLessThan (abs (changed "erase 0.25" - 500)) 78 "a quarter"
            Expect.isLessThan (abs (changed "flip" - 1000)) 90 "half"
            Expect.equal (changed "flip 1") 2000 "always"
        }
    ]

let tests = testList "Host.Augmentation" (textTests @ applyTests @ erasingTests)
