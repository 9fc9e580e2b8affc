/// `cnn filter`: the picture that it writes, pixel by pixel, and what it refuses.
module Cnn.Tests.Host.FilterTests

open System
open System.IO
open Expecto
open SkiaSharp
open Cnn.Host.Data
open Cnn.Tests
open Cnn.Tests.Host.Cli

let private height, width = 9, 13

/// Random pixels, grey where there is one channel.
let private drawn (channels: int) : Picture =
    let pixels = Array.zeroCreate<byte>(channels * height * width)
    Random(4).NextBytes pixels
    Picture(channels, height, width, ReadOnlyMemory pixels)

let private write (folder: string) (name: string) (picture: Picture) =
    File.WriteAllBytes(Path.Combine(folder, name), ImageFile.EncodePng picture)

/// The same as a JPEG file.
let private writeJpeg (folder: string) (name: string) (picture: Picture) =
    use bitmap = SKBitmap.Decode(ImageFile.EncodePng picture)
    use data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 90)
    File.WriteAllBytes(Path.Combine(folder, name), data.ToArray())

let private sobelX =
    array2D [ [ -1.0; 0.0; 1.0 ]; [ -2.0; 0.0; 2.0 ]; [ -1.0; 0.0; 1.0 ] ]

let private sharpen =
    array2D [ [ 0.0; -1.0; 0.0 ]; [ -1.0; 5.0; -1.0 ]; [ 0.0; -1.0; 0.0 ] ]

let private sums (kernel: float[,]) (picture: Picture) : float[] =
    Naive.filter (picture.Channels, picture.Height, picture.Width) kernel (picture.Pixels.ToArray() |> Array.map float)

let private clip (sum: float) = byte (min 255.0 (max 0.0 sum))

/// Every pixel of a written file is what `expected`, plane after plane, has for it.
let private expectPicture (folder: string) (name: string) (channels: int) (expected: byte[]) =
    use bitmap = SKBitmap.Decode(Path.Combine(folder, name))
    Expect.equal (bitmap.Height, bitmap.Width) (height, width) "size"

    for row in 0 .. height - 1 do
        for column in 0 .. width - 1 do
            let at channel =
                expected[(channel % channels) * height * width + row * width + column]

            let found = bitmap.GetPixel(column, row)
            Expect.equal found (SKColor(at 0, at 1, at 2)) $"{row}, {column}"

let private bad =
    [
        [ "in.png" ], 2, "--kernel is needed: sobel-x"
        [ "in.png"; "--kernel"; "emboss" ], 2, "sobel-x"
        [ "in.png"; "--kernel"; "1 2; 3" ], 2, "--kernel: row 2"
        [ "in.png"; "--kernel"; "1 2" ], 2, "1x2"
        [ "in.png"; "--kernel"; "" ], 2, "empty"
        [ "in.png"; "--kernel"; "1 inf 1" ], 2, "'inf'"
        [ "in.png"; "--kernel" ], 2, "--kernel"
        [ "in.png"; "--kernel"; "--grey" ], 2, "--kernel"
        [ "--kernel"; "blur" ], 2, "IMAGE"
        [ "nowhere.png"; "--kernel"; "blur" ], 3, "there is no file nowhere.png"
        [ "."; "--kernel"; "blur" ], 3, "folder"
        [ "text.txt"; "--kernel"; "blur" ], 3, "text.txt is not an image"
        [ "cut.png"; "--kernel"; "blur" ], 3, "cut.png is truncated"
        [ "in.png"; "--kernel"; "blur"; "--out"; "nowhere/o.png" ], 2, "nowhere"
        [ "in.png"; "--kernel"; "blur"; "--out"; "." ], 2, "filtered.png"
        [ "in.png"; "--kernel"; "blur"; "--out"; "./in.png" ], 2, "the picture itself"
        [ "in.png"; "--kernel"; "blur"; "--color" ], 2, "--color"
        [ "in.png"; "more.png"; "--kernel"; "blur" ], 2, "more.png"
    ]

let tests =
    testList
        "Host.Filter"
        [
            test "each colour on its own: magnitudes of an edge detector" {
                inFolder (fun folder ->
                    let picture = drawn 3
                    write folder "in.png" picture

                    let output =
                        runOk folder [ "filter"; "in.png"; "--kernel"; "sobel-x"; "--out"; "out.png" ]

                    let sums = sums sobelX picture
                    expectPicture folder "out.png" 3 (sums |> Array.map (abs >> clip))

                    Expect.equal
                        (output.Trim())
                        $"out.png  13x9 pixels in colour: in.png by sobel-x, values from {Array.min sums:F1} to {Array.max sums:F1}"
                        "one line")
            }
            test "a kernel of one's own, on grey; the file has its usual name" {
                inFolder (fun folder ->
                    let picture = drawn 1
                    write folder "in.png" picture

                    let output =
                        runOk folder [ "filter"; "in.png"; "--kernel"; "0 -1 0; -1,5,-1; 0 -1 0" ]

                    expectPicture folder "filtered.png" 1 (sums sharpen picture |> Array.map clip)
                    Expect.stringContains output "a kernel of 3x3, \"0 -1 0; -1,5,-1; 0 -1 0\"" "what it says"
                    Expect.stringContains output "in grey" "what it says")
            }
            test "--grey and --signed" {
                inFolder (fun folder ->
                    let picture = drawn 3
                    write folder "in.png" picture

                    runOk
                        folder
                        [
                            "filter"
                            "--grey"
                            "--signed"
                            "in.png"
                            "--kernel"
                            "-1 0 1; -2 0 2; -1 0 1"
                        ]
                    |> ignore

                    let grey = picture.ToGrey()
                    let sums = sums sobelX grey
                    let largest = sums |> Array.map abs |> Array.max

                    expectPicture
                        folder
                        "filtered.png"
                        1
                        (sums
                         |> Array.map (fun sum ->
                             byte (Math.Round(128.0 + 127.0 * sum / largest, MidpointRounding.AwayFromZero)))))
            }
            test "a JPEG file" {
                inFolder (fun folder ->
                    writeJpeg folder "in.jpg" (drawn 3)
                    runOk folder [ "filter"; "in.jpg"; "--kernel"; "sharpen" ] |> ignore
                    let picture = ImageFile.Read(Path.Combine(folder, "in.jpg"))
                    expectPicture folder "filtered.png" 3 (sums sharpen picture |> Array.map clip))
            }
            test "a picture that is there already is replaced, or stays when something is wrong" {
                inFolder (fun folder ->
                    let path = Path.Combine(folder, "out.png")
                    write folder "in.png" (drawn 1)
                    File.WriteAllText(path, "precious")

                    run folder [ "filter"; "in.png"; "--kernel"; "1 2"; "--out"; "out.png" ]
                    |> expectComplaint 2 "1x2"

                    Expect.equal (File.ReadAllText path) "precious" "kept"

                    runOk folder [ "filter"; "in.png"; "--kernel"; "1"; "--out"; "out.png" ]
                    |> ignore

                    expectPicture folder "out.png" 1 ((drawn 1).Pixels.ToArray()))
            }
            testList
                "wrong in one sentence"
                [
                    for arguments, code, part in bad do
                        let name = String.concat " " arguments

                        test name {
                            inFolder (fun folder ->
                                write folder "in.png" (drawn 3)
                                let whole = File.ReadAllBytes(Path.Combine(folder, "in.png"))
                                File.WriteAllBytes(Path.Combine(folder, "cut.png"), whole[.. whole.Length / 2])
                                File.WriteAllText(Path.Combine(folder, "text.txt"), "no picture")
                                let before = Directory.GetFiles(folder).Length
                                run folder ("filter" :: arguments) |> expectComplaint code part
                                Expect.equal (Directory.GetFiles(folder).Length) before "files written")
                        }
                ]
        ]
