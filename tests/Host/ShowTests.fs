/// `cnn show`: the picture in characters, the probabilities of the model, and what it refuses. Under the tests it writes to a
/// pipe, where there are no colours.
module Cnn.Tests.Host.ShowTests

open System
open System.Globalization
open System.IO
open System.Text.RegularExpressions
open Expecto
open Cnn
open Cnn.Host.Data
open Cnn.Tests.Host.Cli

let private size = 8
let private ramp = " .:-=+*#%@"

let private model (channels: int) (side: int) (classes: int) =
    Model.Create($"conv 4 3, relu, flatten, dense {classes}", channels, side, side, "he", 5)

let private write (folder: string) (name: string) (contents: byte[]) =
    File.WriteAllBytes(Path.Combine(folder, name), contents)

/// A data set, and m.bin that fits it.
let private inDataFolder (action: string -> unit) =
    inFolder (fun folder ->
        writeData folder size 30 9
        write folder "m.bin" ((model 1 size 3).Encode())
        action folder)

let private testImage (folder: string) (index: int) : byte[] =
    let file = File.ReadAllBytes(Path.Combine(folder, "t10k-images-idx3-ubyte"))
    Array.sub file (16 + index * size * size) (size * size)

let private pictureOf (channels: int) (side: int) (pixels: byte[]) =
    Picture(channels, side, side, ReadOnlyMemory pixels)

let private lines (output: string) : string list =
    Expect.isFalse (output.Contains '\027') "an escape code"
    output.ReplaceLineEndings("\n").TrimEnd('\n').Split '\n' |> List.ofArray

/// Rows of a picture in characters, as they ought to be.
let private characters (side: int) (pixels: byte[]) : string list =
    pixels
    |> Array.chunkBySize side
    |> Array.map (fun row ->
        let pairs = row |> Array.map (fun value -> String(ramp[int value * 10 / 256], 2))
        (String.concat "" pairs).TrimEnd())
    |> List.ofArray

let private bar =
    Regex @"^(?<mark>[> ]) +(?<label>\d+) +(?<part>\d+\.\d\d) %(?:  (?<bar>#+))?$"

/// The marks, classes and per cent of the bars.
let private bars (rows: string list) : (bool * int * float) list =
    rows
    |> List.map (fun row ->
        let found = bar.Match row
        Expect.isTrue found.Success $"a bar: '{row}'"
        let part = Double.Parse(found.Groups["part"].Value, CultureInfo.InvariantCulture)

        Expect.isLessThanOrEqual
            (abs (float found.Groups["bar"].Length - part * 0.4))
            0.51
            $"40 characters are 100 %%: '{row}'"

        found.Groups["mark"].Value = ">", int found.Groups["label"].Value, part)

let private probabilities (model: Model) (pixels: byte[]) : float list =
    List.ofArray (model.Probabilities(ReadOnlyMemory pixels, 1).ToArray())

/// Bars that say what the model finds: all its classes in order, the winner marked.
let private expectBars (model: Model) (pixels: byte[]) (rows: string list) =
    let expected = probabilities model pixels
    let found = bars rows
    Expect.equal (found |> List.map (fun (_, label, _) -> label)) [ 0 .. expected.Length - 1 ] "classes"

    for probability, (mark, label, part) in List.zip expected found do
        Expect.isLessThanOrEqual (abs (part - 100.0 * probability)) 0.00501 $"class {label}"
        Expect.equal mark (probability = List.max expected) $"mark of class {label}"

let private bad =
    [
        [ "m.bin" ], 2, "--index N"
        [ "in.png" ], 2, "a model is needed"
        [ "m.bin"; "in.png"; "--index"; "1" ], 2, "give one of them"
        [ "m.bin"; "--index"; "9" ], 2, "--index 9 is too large: there are 9 test images"
        [ "m.bin"; "--index"; "-1" ], 2, "--index"
        [ "m.bin"; "--index"; "1"; "--top"; "0" ], 2, "--top"
        [ "m.bin"; "--index"; "1"; "--invert" ], 2, "--invert"
        [ "m.bin"; "in.png"; "--data"; "." ], 2, "--data"
        [ "m.bin"; "in.png"; "more.png" ], 2, "more.png"
        [], 2, "MODEL_FILE"
        [ "m.bin"; "nowhere.png" ], 3, "there is no file nowhere.png"
        [ "nowhere.bin"; "in.png" ], 3, "there is no file nowhere.bin"
        [ "in.png"; "nowhere.bin" ], 3, "there is no file nowhere.bin"
        [ "in.png"; "in.png" ], 3, "in.png is not a usable model"
        [ "text.txt"; "in.png" ], 3, "text.txt is not a usable model"
        [ "in.png"; "text.txt" ], 3, "text.txt is not a usable model"
        [ "m.bin"; "text.txt" ], 3, "text.txt is not an image"
        [ "m.bin"; "cut.png" ], 3, "cut.png is truncated"
        [ "m.bin"; "m.bin" ], 3, "m.bin is not an image"
        [ "m.bin"; "." ], 3, "folder"
        [ "."; "in.png" ], 3, "folder"
        [ "colour.bin"; "--index"; "0" ], 3, "3x8x8"
        [ "two.bin"; "in.png" ], 3, "2 channels"
        [ "large.bin"; "in.png" ], 3, "too large"
        [ "m.bin"; "--index"; "0"; "--data"; "nowhere" ], 3, "nowhere"
    ]

let tests =
    testList
        "Host.Show"
        [
            test "a test image in characters, the probability of each class, and whether the answer is right" {
                inDataFolder (fun folder ->
                    for index in 0..8 do
                        let pixels = testImage folder index

                        let rows =
                            lines (runOk folder [ "show"; "m.bin"; "--index"; string index; "--data"; "." ])

                        Expect.equal rows.Head $"test image {index}, class {index % 3}" "caption"
                        Expect.equal rows[1..8] (characters size pixels) "picture"
                        expectBars (model 1 size 3) pixels rows[9..11]
                        let expected = probabilities (model 1 size 3) pixels
                        let answer = expected |> List.findIndex ((=) (List.max expected))

                        let verdict =
                            if answer = index % 3 then
                                "which is right"
                            else
                                $"but it is class {index % 3}"

                        Expect.isTrue
                            (rows[12].StartsWith $"answer: class {answer} ("
                             && rows[12].EndsWith $" %%), {verdict}")
                            rows[12]

                        Expect.equal rows.Length 13 "lines")
            }
            test "the same picture from a file, in either order of the files" {
                inDataFolder (fun folder ->
                    let pixels = testImage folder 4
                    write folder "in.png" (ImageFile.EncodePng(pictureOf 1 size pixels))
                    let rows = lines (runOk folder [ "show"; "m.bin"; "in.png" ])
                    Expect.equal rows.Head "in.png, 8x8 pixels" "caption"
                    Expect.equal rows[1..8] (characters size pixels) "picture"
                    expectBars (model 1 size 3) pixels rows[9..11]
                    Expect.isTrue (rows[12].EndsWith " %)") $"no truth is known: {rows[12]}"
                    Expect.equal (lines (runOk folder [ "show"; "in.png"; "m.bin" ])) rows "the other order")
            }
            test "a larger one is shrunk, a negative turned back, colours turned grey" {
                inDataFolder (fun folder ->
                    let pixels = testImage folder 4
                    let usual = pictureOf 1 size pixels

                    let thrice =
                        Array.init (9 * size * size) (fun i -> pixels[i / (3 * size) / 3 * size + i % (3 * size) / 3])

                    let show (picture: Picture) more =
                        write folder "in.png" (ImageFile.EncodePng picture)
                        lines (runOk folder ([ "show"; "m.bin"; "in.png" ] @ more))

                    let rows = show usual []
                    let larger = show (pictureOf 1 (3 * size) thrice) []
                    Expect.equal larger.Head "in.png, 24x24 pixels, fitted into 8x8" "caption"
                    Expect.equal larger.Tail rows.Tail "shrunk"
                    let inverted = show (usual.Inverted()) [ "--invert" ]
                    Expect.equal inverted.Head "in.png, 8x8 pixels, inverted" "caption"
                    Expect.equal inverted.Tail rows.Tail "inverted"

                    // twice as wide as high: black above and below, also of a negative
                    let wide = Picture(1, 2, 4, ReadOnlyMemory(Array.create 8 0uy))
                    let boxed = show wide [ "--invert" ]
                    let lit = String.replicate (2 * size) "@"
                    Expect.equal boxed[1..8] [ ""; ""; lit; lit; lit; lit; ""; "" ] "letterbox"

                    let red =
                        Picture(3, size, size, ReadOnlyMemory(Array.init 192 (fun i -> if i < 64 then 255uy else 0uy)))

                    expectBars (model 1 size 3) (Array.create 64 76uy) (List.take 3 (List.skip 9 (show red []))))
            }
            test "a model of colours sees colours, and grey pictures too" {
                inDataFolder (fun folder ->
                    let model = model 3 size 4
                    write folder "c.bin" (model.Encode())
                    let pixels = Array.zeroCreate<byte> 192
                    Random(2).NextBytes pixels
                    write folder "in.png" (ImageFile.EncodePng(pictureOf 3 size pixels))

                    expectBars
                        model
                        pixels
                        (List.take 4 (List.skip 9 (lines (runOk folder [ "show"; "c.bin"; "in.png" ]))))

                    let grey = testImage folder 1
                    write folder "in.png" (ImageFile.EncodePng(pictureOf 1 size grey))

                    expectBars
                        model
                        (Array.concat [ grey; grey; grey ])
                        (List.take 4 (List.skip 9 (lines (runOk folder [ "show"; "c.bin"; "in.png" ])))))
            }
            test "--top and many classes: the most probable, the first one marked" {
                inDataFolder (fun folder ->
                    let model = model 1 size 12
                    write folder "many.bin" (model.Encode())
                    let pixels = testImage folder 4

                    let ordered =
                        probabilities model pixels
                        |> List.indexed
                        |> List.sortByDescending snd
                        |> List.map fst

                    for more, count in [ [], 10; [ "--top"; "3" ], 3; [ "--top"; "12" ], 12; [ "--top"; "99" ], 12 ] do
                        let rows =
                            lines (runOk folder ([ "show"; "many.bin"; "--index"; "4"; "--data"; "." ] @ more))

                        let found = bars rows[9 .. rows.Length - 2]
                        Expect.equal (found |> List.map (fun (_, label, _) -> label)) ordered[.. count - 1] $"{more}"

                        Expect.equal
                            (found |> List.map (fun (mark, _, _) -> mark))
                            (true :: List.replicate (count - 1) false)
                            $"{more}: marks")
            }
            test "a picture wider than a terminal is shown smaller, and the model sees all of it" {
                inFolder (fun folder ->
                    let side = 120
                    let model = model 1 side 3
                    write folder "m.bin" (model.Encode())
                    let pixels = Array.init (side * side) (fun i -> byte (i / side / 3 * 6))
                    write folder "in.png" (ImageFile.EncodePng(pictureOf 1 side pixels))
                    let rows = lines (runOk folder [ "show"; "m.bin"; "in.png" ])
                    // three rows of the picture have one brightness, and three columns too
                    let shown = Array.init 1600 (fun i -> byte (i / 40 * 6))
                    Expect.equal rows[1..40] (characters 40 shown) "40 pixels of two characters"
                    expectBars model pixels rows[41..43])
            }
            testList
                "wrong in one sentence"
                [
                    for arguments, code, part in bad do
                        let name = String.concat " " arguments

                        test $"show {name}" {
                            inDataFolder (fun folder ->
                                let png = ImageFile.EncodePng(pictureOf 1 size (testImage folder 1))
                                write folder "in.png" png
                                write folder "cut.png" png[.. png.Length - 30]
                                write folder "text.txt" "neither picture nor model"B
                                write folder "colour.bin" ((model 3 size 3).Encode())
                                // inputs that overflow single precision on their way to the scores
                                let large = (model 1 size 3).WithNormalization(0.5, 1.5e-39)
                                write folder "large.bin" (large.Encode())
                                write folder "two.bin" ((model 2 size 3).Encode())

                                let data =
                                    if List.contains "--index" arguments && not (List.contains "--data" arguments) then
                                        [ "--data"; "." ]
                                    else
                                        []

                                run folder ("show" :: arguments @ data) |> expectComplaint code part)
                        }
                ]
        ]
