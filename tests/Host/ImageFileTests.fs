/// Pictures from files and back: what a reader must get right for any picture, and what it must refuse.
module Cnn.Tests.Host.ImageFileTests

open System
open System.IO
open Expecto
open SkiaSharp
open Cnn.Host
open Cnn.Host.Data
open Cnn.Tests.Properties
open Cnn.Tests.Host.Cli

/// A file of that format, whose pixel at (row, column) has that colour.
let private encode (format: SKEncodedImageFormat) (height: int, width: int) (colour: int -> int -> SKColor) : byte[] =
    use bitmap =
        new SKBitmap(SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul))

    for row in 0 .. height - 1 do
        for column in 0 .. width - 1 do
            bitmap.SetPixel(column, row, colour row column)

    use data = bitmap.Encode(format, 100)
    data.ToArray()

let private grey (value: int) =
    SKColor(byte value, byte value, byte value)

let private colours (row: int) (column: int) =
    SKColor(byte (40 * row), byte (30 * column), byte (200 - row - column))

let private read (contents: byte[]) : Picture =
    let folder = Directory.CreateTempSubdirectory("cnn-tests-").FullName

    try
        let path = Path.Combine(folder, "image")
        File.WriteAllBytes(path, contents)
        ImageFile.Read path
    finally
        Directory.Delete(folder, recursive = true)

let private planes (picture: Picture) : byte[] = picture.Pixels.ToArray()

let private extents (picture: Picture) =
    picture.Channels, picture.Height, picture.Width

let private expectRefused (part: string) (path: string) =
    Expect.throwsC (fun () -> ImageFile.Read path |> ignore) (fun problem ->
        match problem with
        | :? CommandException as refusal ->
            Expect.equal refusal.ExitCode ExitCode.BadData "exit code"
            Expect.stringContains refusal.Message part "what is wrong"
            Expect.stringContains refusal.Message (Path.GetFileName path) "where"
        | other -> failtest $"{other}")

let private expectRefusedContents (part: string) (contents: byte[]) =
    inFolder (fun folder ->
        let path = Path.Combine(folder, "image.png")
        File.WriteAllBytes(path, contents)
        expectRefused part path)

/// A JPEG of 3 x 2 blocks of even grey, in which a camera noted that orientation.
let private photograph (orientation: byte) : byte[] =
    let jpeg =
        encode SKEncodedImageFormat.Jpeg (16, 24) (fun row column -> grey (20 + 40 * (row / 8 * 3 + column / 8)))

    let exif =
        [|
            yield! [| 0xFFuy; 0xE1uy; 0uy; 34uy |]
            yield! "Exif\000\000MM\000*"B
            // one entry: tag, kind, count and value
            yield! [| 0uy; 0uy; 0uy; 8uy; 0uy; 1uy |]
            yield! [| 1uy; 0x12uy; 0uy; 3uy; 0uy; 0uy; 0uy; 1uy; 0uy; orientation; 0uy; 0uy |]
            yield! [| 0uy; 0uy; 0uy; 0uy |]
        |]

    Array.concat [ jpeg[..1]; exif; jpeg[2..] ]

/// How blocks 0 1 2 over 3 4 5 in the file are to be seen, for each orientation of the Exif standard.
let private orientations =
    [
        1, [ [ 0; 1; 2 ]; [ 3; 4; 5 ] ]
        2, [ [ 2; 1; 0 ]; [ 5; 4; 3 ] ]
        3, [ [ 5; 4; 3 ]; [ 2; 1; 0 ] ]
        4, [ [ 3; 4; 5 ]; [ 0; 1; 2 ] ]
        5, [ [ 0; 3 ]; [ 1; 4 ]; [ 2; 5 ] ]
        6, [ [ 3; 0 ]; [ 4; 1 ]; [ 5; 2 ] ]
        7, [ [ 5; 2 ]; [ 4; 1 ]; [ 3; 0 ] ]
        8, [ [ 2; 5 ]; [ 1; 4 ]; [ 0; 3 ] ]
    ]

let private reading =
    testList
        "read"
        [
            test "a PNG in colour" {
                let picture = read (encode SKEncodedImageFormat.Png (5, 7) colours)
                Expect.equal (extents picture) (3, 5, 7) "extents"

                for row in 0..4 do
                    for column in 0..6 do
                        let colour = colours row column

                        let at channel =
                            picture.Plane(channel)[row * 7 + column]

                        Expect.equal (at 0, at 1, at 2) (colour.Red, colour.Green, colour.Blue) $"{row}, {column}"
            }
            test "grey has one channel, also where the file keeps three" {
                let picture =
                    read (encode SKEncodedImageFormat.Png (3, 4) (fun row column -> grey (60 * row + column)))

                Expect.equal (extents picture) (1, 3, 4) "extents"
                Expect.equal (planes picture) (Array.init 12 (fun i -> byte (60 * (i / 4) + i % 4))) "pixels"
                // a single pixel in colour is enough for three
                let spot row column =
                    if row = 2 && column = 3 then SKColors.Red else grey 9

                Expect.equal (read (encode SKEncodedImageFormat.Png (3, 4) spot)).Channels 3 "a spot of colour"
            }
            test "JPEG and WebP, in colour and in grey, are near to what was drawn" {
                for format in [ SKEncodedImageFormat.Jpeg; SKEncodedImageFormat.Webp ] do
                    let picture = read (encode format (16, 24) (fun _ _ -> SKColor(200uy, 90uy, 30uy)))
                    Expect.equal (extents picture) (3, 16, 24) "extents"

                    for channel, expected in [ 0, 200; 1, 90; 2, 30 ] do
                        for value in picture.Plane(channel).ToArray() do
                            Expect.isLessThanOrEqual (abs (int value - expected)) 4 $"{format}, channel {channel}"

                let grey = read (encode SKEncodedImageFormat.Jpeg (8, 8) (fun _ _ -> grey 77))
                Expect.equal (extents grey) (1, 8, 8) "grey"
                Expect.allEqual (planes grey) 77uy "grey"
            }
            test "what is transparent lies on white" {
                let alphas = [| 0; 51; 128; 255 |]

                let picture =
                    read (
                        encode SKEncodedImageFormat.Png (1, 4) (fun _ column ->
                            SKColor(100uy, 0uy, 255uy, byte alphas[column]))
                    )

                for channel, value in [ 0, 100; 1, 0; 2, 255 ] do
                    for column, alpha in Array.indexed alphas do
                        let expected =
                            Math.Round((float (value * alpha) + 255.0 * float (255 - alpha)) / 255.0)

                        Expect.equal (picture.Plane(channel)[column]) (byte expected) $"{value} at {alpha}"
            }
            for orientation, blocks in orientations do
                test $"upright, whatever way the camera was held: orientation {orientation}" {
                    let picture = read (photograph (byte orientation))
                    Expect.equal (extents picture) (1, 8 * blocks.Length, 8 * blocks.Head.Length) "extents"

                    for row in 0 .. picture.Height - 1 do
                        for column in 0 .. picture.Width - 1 do
                            let expected = 20 + 40 * blocks[row / 8][column / 8]
                            let actual = int (picture.Plane(0)[row * picture.Width + column])
                            Expect.isLessThanOrEqual (abs (actual - expected)) 3 $"{row}, {column}"
                }
            test "what was written as a PNG is read again" {
                for channels in [ 1; 3 ] do
                    let pixels = Array.zeroCreate<byte>(channels * 6 * 11)
                    Random(channels).NextBytes pixels

                    let again =
                        read (ImageFile.EncodePng(Picture(channels, 6, 11, ReadOnlyMemory pixels)))

                    Expect.equal (extents again) (channels, 6, 11) "extents"
                    Expect.equal (planes again) pixels "pixels"
            }
            test "files that are no pictures, and pictures that are not whole" {
                let noisy = Random 1

                let png =
                    encode SKEncodedImageFormat.Png (40, 40) (fun _ _ -> grey (noisy.Next 256))

                let jpeg =
                    encode SKEncodedImageFormat.Jpeg (40, 40) (fun _ _ -> grey (noisy.Next 256))

                let damaged = Array.copy png
                damaged[png.Length / 2] <- damaged[png.Length / 2] ^^^ 0x55uy

                expectRefusedContents "is empty" [||]
                expectRefusedContents "not an image" "This is no picture, but a sentence."B
                expectRefusedContents "truncated" png[.. png.Length / 2]
                expectRefusedContents "truncated" jpeg[.. jpeg.Length / 2]
                expectRefusedContents "not an image" png[..20]
                expectRefusedContents "image.png is" damaged

                inFolder (fun folder ->
                    expectRefused "folder" folder
                    expectRefused "there is no file" (Path.Combine(folder, "nowhere.png")))
            }
            test "a file cut off anywhere is refused, or has lost none of its pixels" {
                let noisy = Random 2
                let pixels = Array.init 400 (fun _ -> noisy.Next 256)

                for format in
                    [
                        SKEncodedImageFormat.Png
                        SKEncodedImageFormat.Jpeg
                        SKEncodedImageFormat.Webp
                    ] do
                    let contents =
                        encode format (20, 20) (fun row column -> grey pixels[20 * row + column])

                    let whole = planes (read contents)

                    for length in 0..7 .. contents.Length - 1 do
                        match
                            (try
                                Ok(planes (read contents[.. length - 1]))
                             with :? CommandException as refusal ->
                                 Error refusal.ExitCode)
                        with
                        | Ok cut -> Expect.equal cut whole $"{format}, {length} of {contents.Length} bytes"
                        | Error code -> Expect.equal code ExitCode.BadData $"{format}, {length} bytes"
            }
            test "a header that announces too much costs nothing" {
                let header = Array.zeroCreate<byte> 54
                "BM"B.CopyTo(header, 0)

                for offset, value in [ 2, 54; 10, 54; 14, 40; 18, 20000; 22, 20000 ] do
                    BitConverter.TryWriteBytes(Span(header, offset, 4), value) |> ignore

                header[26] <- 1uy
                header[28] <- 24uy
                let before = GC.GetAllocatedBytesForCurrentThread()
                expectRefusedContents "20000x20000" header
                Expect.isLessThan (GC.GetAllocatedBytesForCurrentThread() - before) 10_000_000L "bytes"
            }
        ]

let private picture (rows: byte list list) =
    Picture(1, rows.Length, rows.Head.Length, ReadOnlyMemory(Array.ofList (List.concat rows)))

let private rowsOf (picture: Picture) : byte list list =
    planes picture
    |> Array.chunkBySize picture.Width
    |> Array.map List.ofArray
    |> List.ofArray

let private changing =
    testList
        "change"
        [
            test "grey is the luma of Rec. 601" {
                let colour =
                    Picture(
                        3,
                        1,
                        4,
                        ReadOnlyMemory [| 255uy; 0uy; 0uy; 10uy; 0uy; 255uy; 0uy; 20uy; 0uy; 0uy; 255uy; 30uy |]
                    )

                // 10 * 0.299 + 20 * 0.587 + 30 * 0.114 = 18.15
                Expect.equal (planes (colour.ToGrey())) [| 76uy; 150uy; 29uy; 18uy |] "luma"
                let grey = picture [ [ 5uy; 6uy ] ]
                Expect.equal (planes (grey.ToGrey())) [| 5uy; 6uy |] "grey already"
                Expect.equal (planes (grey.ToColour())) [| 5uy; 6uy; 5uy; 6uy; 5uy; 6uy |] "and back"
                Expect.equal (planes (grey.Inverted())) [| 250uy; 249uy |] "negative"
            }
            test "what shrinks averages, by the parts that are covered" {
                let wide = picture [ [ 0uy; 90uy; 30uy ]; [ 60uy; 90uy; 210uy ] ]
                // (0 + 90 / 2) / 1.5 and (90 / 2 + 30) / 1.5
                Expect.equal (rowsOf (wide.Resized(2, 2))) [ [ 30uy; 50uy ]; [ 70uy; 170uy ] ] "columns"
                Expect.equal (rowsOf (wide.Resized(1, 3))) [ [ 30uy; 90uy; 120uy ] ] "rows"
                Expect.equal (rowsOf (wide.Resized(1, 1))) [ [ 80uy ] ] "both"
            }
            test "what grows is interpolated" {
                let narrow = picture [ [ 0uy; 100uy ] ]
                Expect.equal (rowsOf (narrow.Resized(1, 4))) [ [ 0uy; 25uy; 75uy; 100uy ] ] "twice"
                Expect.equal (rowsOf (narrow.Resized(2, 2))) [ [ 0uy; 100uy ]; [ 0uy; 100uy ] ] "rows"
            }
            test "each channel is resized on its own" {
                let colour =
                    Picture(3, 1, 2, ReadOnlyMemory [| 0uy; 10uy; 100uy; 120uy; 7uy; 7uy |])

                Expect.equal (planes (colour.Resized(1, 1))) [| 5uy; 110uy; 7uy |] "means"
            }
            property "an even picture stays even, at any size" (fun (seed: int) ->
                let random = Random seed
                let side () = random.Next(1, 40)
                let height, width, value = side (), side (), byte (random.Next 256)

                let even =
                    Picture(1, height, width, ReadOnlyMemory(Array.create (height * width) value))

                Expect.allEqual (planes (even.Resized(side (), side ()))) value "pixels")
            property "an enlargement by pixels, shrunk again, is the picture" (fun (seed: int) ->
                let random = Random seed
                let height, width, times = random.Next(1, 9), random.Next(1, 9), random.Next(1, 8)
                let pixels = Array.zeroCreate<byte>(height * width)
                random.NextBytes pixels

                let enlarged =
                    Array.init (height * width * times * times) (fun i ->
                        let row, column = i / (width * times), i % (width * times)
                        pixels[row / times * width + column / times])

                let large = Picture(1, height * times, width * times, ReadOnlyMemory enlarged)
                Expect.equal (planes (large.Resized(height, width))) pixels "pixels")
            test "a letterbox keeps the aspect ratio, in the middle of black" {
                let wide = picture [ [ 9uy; 9uy; 9uy; 9uy ]; [ 9uy; 9uy; 9uy; 9uy ] ]
                let black, lit = List.replicate 4 0uy, List.replicate 4 9uy
                Expect.equal (rowsOf (wide.Letterboxed(4, 4))) [ black; lit; lit; black ] "wide"
                Expect.equal (rowsOf (wide.Letterboxed(5, 4))) [ black; lit; lit; black; black ] "an odd rest"

                Expect.equal (rowsOf (wide.Letterboxed(1, 4))) [ [ 0uy; 9uy; 9uy; 0uy ] ] "half as large"

                let tall = picture [ [ 9uy ]; [ 9uy ] ]

                Expect.equal
                    (rowsOf (tall.Letterboxed(4, 4)))
                    (List.replicate 4 [ 0uy; 9uy; 9uy; 0uy ])
                    "tall, enlarged"

                let line = Picture(1, 1, 1000, ReadOnlyMemory(Array.create 1000 9uy))
                Expect.equal (rowsOf (line.Letterboxed(3, 4))) [ black; lit; black ] "a line stays"
            }
        ]

let tests = testList "Host.ImageFile" [ reading; changing ]
