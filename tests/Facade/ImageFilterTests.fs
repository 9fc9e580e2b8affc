/// Filters of images: against nested loops, by what they do to images that one can work out on paper, and the text form of kernels.
module Cnn.Tests.Facade.ImageFilterTests

open System
open System.Threading
open Expecto
open Cnn
open Cnn.Tests
open Cnn.Tests.Properties

/// A kernel as text.
let private text (kernel: float list list) : string =
    kernel |> List.map (List.map string >> String.concat " ") |> String.concat "; "

let private apply (kernel: string) (isSigned: bool) (channels, height, width) (pixels: byte[]) =
    ImageFilter.Parse(kernel).Apply(ReadOnlyMemory pixels, channels, height, width, isSigned, CancellationToken.None)

let private applyTo (kernel: string) (isSigned: bool) (rows: byte list list) : byte list =
    let result =
        apply kernel isSigned (1, rows.Length, rows.Head.Length) (Array.ofList (List.concat rows))

    List.ofArray (result.Pixels.ToArray())

let private randomPixels (random: Random) (count: int) =
    let pixels = Array.zeroCreate<byte> count
    random.NextBytes pixels
    pixels

/// Extents of an image, and of a kernel with a middle.
let private randomExtents (random: Random) =
    let odd () = 1 + 2 * random.Next 3
    (random.Next(1, 5), random.Next(1, 14), random.Next(1, 14)), (odd (), odd ())

let private refusals =
    [
        "", "empty"
        " ; ;", "empty"
        "sobel", "sobel-x"
        "1 2 3; 4 5; 7 8 9", "row 2 of the kernel has 2 numbers"
        "1 2 3; ; 7 8 9", "row 2 of the kernel has 0 numbers"
        "1 0", "1x2"
        "1 0 1; 1 0 1", "2x3"
        "1 x 1", "'x'"
        "1 1/0 1", "'1/0'"
        "1 1/2/3 1", "'1/2/3'"
        "1 nan 1", "'nan'"
        "1 1e999 1", "'1e999'"
        "1 2e6 1", "1,000,000"
        "0,5", "1x2"
        String.concat " " (List.replicate 33 "1"), "31x31"
        String.concat ";" (List.replicate 33 "1"), "31x31"
    ]

let tests =
    testList
        "Facade.ImageFilter"
        [
            property
                "gives the sums of nested loops over an image continued by its outermost pixels"
                (fun (seed: int) ->
                    let random = Random seed
                    let (channels, height, width), (rows, columns) = randomExtents random
                    let pixels = randomPixels random (channels * height * width)

                    let kernel =
                        List.init rows (fun _ -> List.init columns (fun _ -> float (random.Next(-4, 5))))

                    let sums =
                        Naive.filter (channels, height, width) (array2D kernel) (Array.map float pixels)

                    let sumsToZero = List.sum (List.concat kernel) = 0.0

                    let usual =
                        sums
                        |> Array.map (fun sum ->
                            let shown = if sumsToZero then abs sum else sum
                            byte (min 255.0 (max 0.0 shown)))

                    let result = apply (text kernel) false (channels, height, width) pixels
                    Expect.equal (result.Pixels.ToArray()) usual "bytes"
                    Expect.equal (result.Lowest, result.Highest) (Array.min sums, Array.max sums) "range"

                    let largest = sums |> Array.map abs |> Array.max

                    let signed =
                        sums
                        |> Array.map (fun sum ->
                            if largest = 0.0 then
                                128uy
                            else
                                byte (Math.Round(128.0 + 127.0 * sum / largest, MidpointRounding.AwayFromZero)))

                    let result = apply (text kernel) true (channels, height, width) pixels
                    Expect.equal (result.Pixels.ToArray()) signed "signed bytes"
                    Expect.equal (result.Lowest, result.Highest) (Array.min sums, Array.max sums) "the same range")
            property "is the same to the last bit for tiles of any size" (fun (seed: int) ->
                let random = Random seed
                let (channels, height, width), (rows, columns) = randomExtents random
                let pixels = ReadOnlyMemory(randomPixels random (channels * height * width))

                let kernel =
                    List.init rows (fun _ -> List.init columns (fun _ -> random.NextDouble() - 0.4))

                let filter = ImageFilter.Parse(text kernel)

                for isSigned in [ false; true ] do
                    let inTiles side =
                        let result =
                            filter.ApplyInTiles(
                                side,
                                pixels,
                                channels,
                                height,
                                width,
                                isSigned,
                                CancellationToken.None
                            )

                        result.Pixels.ToArray(), result.Lowest, result.Highest

                    let whole = inTiles 100
                    Expect.equal (inTiles (random.Next(1, 14))) whole "in tiles"
                    Expect.equal (inTiles 1) whole "one place at a time")
            test "does not flip the kernel" {
                let dot = [ [ 0uy; 0uy; 0uy ]; [ 0uy; 10uy; 0uy ]; [ 0uy; 0uy; 0uy ] ]

                Expect.equal
                    (applyTo "1 2 3; 4 5 6; 7 8 9" false dot)
                    [ 90uy; 80uy; 70uy; 60uy; 50uy; 40uy; 30uy; 20uy; 10uy ]
                    "each place sees the dot under the entry on its other side"
            }
            test "an even picture has no edges, not even where it ends" {
                let even = List.replicate 4 (List.replicate 5 200uy)

                for kernel in [ "sobel-x"; "sobel-y" ] do
                    Expect.allEqual (applyTo kernel false even) 0uy kernel
                    Expect.allEqual (applyTo kernel true even) 128uy $"{kernel}, signed"

                for kernel in [ "sharpen"; "blur" ] do
                    Expect.allEqual (applyTo kernel false even) 200uy kernel
            }
            test "magnitudes where the kernel adds up to 0, else cut at black and white" {
                let row = [ [ 0uy; 0uy; 100uy; 100uy; 0uy; 0uy ] ]
                Expect.equal (applyTo "-1 0 1" false row) [ 0uy; 100uy; 100uy; 100uy; 100uy; 0uy ] "magnitudes"
                Expect.equal (applyTo "-1 0 1" true row) [ 128uy; 255uy; 255uy; 1uy; 1uy; 128uy ] "signed"
                Expect.equal (applyTo "-3 0 5" false row) [ 0uy; 255uy; 255uy; 0uy; 0uy; 0uy ] "cut"
                // -1/3 and its like add up to 0 but for rounding
                Expect.equal (applyTo "1/3 1/3 -2/3" false [ [ 0uy; 30uy; 30uy ] ]) [ 20uy; 10uy; 0uy ] "fractions"
            }
            test "the named kernels are those of the guide" {
                Expect.equal (List.ofSeq ImageFilter.Names) [ "sobel-x"; "sobel-y"; "sharpen"; "blur" ] "names"
                let pixels = randomPixels (Random 3) (3 * 9 * 11)

                for name, kernel in
                    [
                        "sobel-x", "-1 0 1; -2 0 2; -1 0 1"
                        "sobel-y", "-1 -2 -1; 0 0 0; 1 2 1"
                        "sharpen", "0 -1 0; -1 5 -1; 0 -1 0"
                        "blur", String.concat ";" (List.replicate 5 "1/25 1/25 1/25 1/25 1/25")
                    ] do
                    let result kernel =
                        let result = apply kernel false (3, 9, 11) pixels
                        result.Pixels.ToArray(), result.Lowest, result.Highest

                    Expect.equal (result name) (result kernel) name
            }
            test "a kernel may be written in several ways" {
                let image = [ [ 1uy; 20uy; 3uy ]; [ 40uy; 50uy; 6uy ]; [ 70uy; 8uy; 9uy ] ]
                let expected = applyTo "1 0 -1; 0.5 0 -0.5; 1 0 -1" false image

                for kernel in
                    [
                        "1,0,-1;0.5,0,-.5;1,0,-1"
                        "  1  0 -1 ;1/2, 0, -1/2 ;\t1 0 -1 ; "
                        "+1 0e0 -1; 5e-1 0 -2/4; 3/3 -0 1/-1"
                    ] do
                    Expect.equal (applyTo kernel false image) expected kernel
            }
            for kernel, part in refusals do
                test $"refuses \"{kernel}\"" {
                    Expect.throwsC (fun () -> ImageFilter.Parse kernel |> ignore) (fun problem ->
                        Expect.isTrue (problem :? CnnException) $"{problem}"
                        Expect.stringContains problem.Message part "what is wrong")
                }
            test "refuses bytes that are no such image" {
                for channels, height, width in [ 1, 2, 4; 1, 0, 9; 0, 3, 3; 1, -3, -3; 65536, 65536, 65536 ] do
                    Expect.throwsT<CnnException>
                        (fun () -> apply "blur" false (channels, height, width) (Array.zeroCreate 9) |> ignore)
                        $"{channels}x{height}x{width}"
            }
            test "stops when it is told to" {
                Expect.throwsT<OperationCanceledException>
                    (fun () ->
                        ImageFilter
                            .Parse("blur")
                            .Apply(ReadOnlyMemory(Array.zeroCreate 9), 1, 3, 3, false, CancellationToken true)
                        |> ignore)
                    "a token that is cancelled"
            }
        ]
