module Cnn.Tests.Host.PreviewTests

open System
open System.IO
open Expecto
open SkiaSharp
open Cnn
open Cnn.Host.Augmentations
open Cnn.Host.Figures
open Cnn.Tests.Host.Cli

let private size = 8

let private inDataFolder (action: string -> unit) =
    inFolder (fun folder ->
        writeData folder size 30 9
        action folder)

/// The bytes of training image `index`, `bytes` each, behind a header for that many extents.
let private trainingImage (folder: string) (extents: int) (bytes: int) (index: int) : byte[] =
    let file = File.ReadAllBytes(Path.Combine(folder, "train-images-idx3-ubyte"))
    Array.sub file (4 + 4 * extents + index * bytes) bytes

/// Every pixel of an enlarged image, wherever it is: the colour that `expected` gives for the row and column it shows.
let private expectEnlarged (picture: SKBitmap) (left: int, top: int) (side: int) (expected: int -> int -> SKColor) =
    for y in 0 .. size * side - 1 do
        for x in 0 .. size * side - 1 do
            let found = picture.GetPixel(left + x, top + y)

            if found <> expected (y / side) (x / side) then
                failtest $"at {x}, {y}: {found} for {expected (y / side) (x / side)}"

    // and it ends there
    Expect.equal (picture.GetPixel(left - 1, top)) SKColors.White "before"
    Expect.equal (picture.GetPixel(left + size * side, top)) SKColors.White "behind"
    Expect.equal (picture.GetPixel(left, top + size * side)) SKColors.White "below"

let private grey (image: byte[]) (row: int) (column: int) =
    let value = image[row * size + column]
    SKColor(value, value, value)

let private bad =
    [
        [ "--augment"; "rotate 400" ], 2, "degrees"
        [ "--augment"; "mirror" ], 2, "elastic"
        [ "--count"; "31" ], 2, "--count 31"
        [ "--count"; "0" ], 2, "--count"
        [ "--index"; "30" ], 2, "--index 30"
        [ "--index"; "29"; "--count"; "2" ], 2, "1 training image"
        [ "--index"; "-1" ], 2, "--index"
        [ "--variations"; "-1" ], 2, "--variations"
        [ "--variations"; "1001" ], 2, "--variations"
        [ "--count"; "1001" ], 2, "--count"
        [ "--count"; "30"; "--variations"; "1000" ], 2, "too large"
        [ "--recipe"; "nowhere.json" ], 3, "nowhere.json"
        [ "--preview"; "nowhere/p.png" ], 2, "--preview"
        [ "--preview"; "." ], 2, "augment.png"
        [ "--data"; "nowhere" ], 3, "nowhere"
        [ "--seed"; "x" ], 2, "--seed"
        [ "picture.png" ], 2, "picture.png"
    ]

let tests =
    testList
        "Host.Preview"
        [
            test "a PNG of the size that is documented: originals first, then what each epoch of training sees" {
                inDataFolder (fun folder ->
                    let text = "shift 1, rotate 20, elastic 6 2, erase"

                    let output =
                        runOk
                            folder
                            [
                                "augment"
                                "--data"
                                "."
                                "--augment"
                                text
                                "--preview"
                                "p.png"
                                "--index"
                                "4"
                                "--count"
                                "3"
                                "--variations"
                                "2"
                                "--seed"
                                "7"
                            ]

                    for part in
                        [
                            "p.png"
                            "480x436"
                            "3 training images"
                            "2 variations"
                            "rotate 20"
                            "seed 7"
                        ] do
                        Expect.stringContains output part "what it says"

                    use picture = SKBitmap.Decode(Path.Combine(folder, "p.png"))
                    Expect.equal (picture.Width, picture.Height) (480, 436) "size"
                    let layout = GridLayout(3, 3, size, size)
                    Expect.equal (layout.Width, layout.Height) (480L, 436L) "layout"

                    for row in 0..2 do
                        let source = trainingImage folder 3 64 (4 + row)
                        // 16 + 96 columns and 16 + 28 + 24 rows before the first one; 8 x 14 = 112
                        let top = 68 + 120 * row
                        expectEnlarged picture (112, top) 14 (grey source)

                        for epoch in 0..1 do
                            let variation = Array.zeroCreate 64

                            Augmentation
                                .Parse(text)
                                .Apply(
                                    ReadOnlySpan source,
                                    Span variation,
                                    1,
                                    size,
                                    size,
                                    Trainer.AugmentationGenerator(7, epoch, 4 + row)
                                )

                            expectEnlarged picture (232 + 120 * epoch, top) 14 (grey variation))
            }
            test "a recipe gives the augmentation, unless --augment does" {
                inDataFolder (fun folder ->
                    let draw (more: string list) =
                        runOk folder ([ "augment"; "--data"; "."; "--count"; "1" ] @ more)

                    File.WriteAllText(
                        Path.Combine(folder, "r.json"),
                        """{ "name": "r", "version": 1, "arch": "flatten, dense classes", "init": "he", "epochs": 1,
                             "batch-size": 9, "optimizer": "sgd", "lr": 0.1, "schedule": "guide", "augment": "flip 0.25" }"""
                    )

                    Expect.stringContains (draw [ "--recipe"; "r.json" ]) "by flip 0.25 (" "of the recipe"

                    Expect.stringContains
                        (draw [ "--recipe"; "r.json"; "--augment"; "erase 0.5" ])
                        "by erase 0.5 ("
                        "flag"

                    Expect.stringContains (draw [ "--recipe"; "fast" ]) " by " "a recipe of the program")
            }
            test "three channels are colours" {
                inDataFolder (fun folder ->
                    let pixels = Array.zeroCreate (30 * 3 * 64)
                    Random(5).NextBytes pixels

                    File.WriteAllBytes(
                        Path.Combine(folder, "train-images-idx3-ubyte"),
                        idx 0x804 [ 30; 3; size; size ] pixels
                    )

                    runOk folder [ "augment"; "--data"; "."; "--count"; "1" ] |> ignore
                    use picture = SKBitmap.Decode(Path.Combine(folder, "augment.png"))
                    let image = trainingImage folder 4 192 0

                    expectEnlarged picture (112, 68) 14 (fun row column ->
                        let pixel = row * size + column
                        SKColor(image[pixel], image[64 + pixel], image[128 + pixel])))
            }
            test "the generator of a picture is the one of a run" {
                let model = Model.Create("flatten, dense 3", 1, size, size, "he", 5)
                let start = Trainer.Start(model, "sgd", 5)

                let epochs =
                    [ 1..2 ]
                    |> List.scan (fun (trainer: Trainer) _ -> trainer.EndEpoch(Nullable())) start

                for trainer in epochs do
                    for index in [ 0; 17 ] do
                        let ours = Trainer.AugmentationGenerator(5, trainer.Epoch, index)
                        let its = trainer.AugmentationGenerator index
                        Expect.equal (ours.Next(), ours.NextDouble()) (its.Next(), its.NextDouble()) "draws"
            }
            test "large, narrow and tiny images have room for their names" {
                // longer sides of more than 112 are not enlarged
                Expect.equal (GridLayout(1, 2, 300, 200).Enlargement) 1 "large"
                Expect.equal (GridLayout(1, 2, 300, 200).Width) (16L + 96L + 208L + 208L - 8L + 16L) "large"
                Expect.equal (GridLayout(2, 1, 1, 1).Enlargement) 112 "tiny"
                Expect.equal (GridLayout(2, 1, 1, 112).Top 1 - GridLayout(2, 1, 1, 112).Top 0) 48L "narrow"
            }
            test "a picture that is there already stays when something is wrong, and is replaced when not" {
                inDataFolder (fun folder ->
                    let path = Path.Combine(folder, "p.png")
                    File.WriteAllText(path, "precious")

                    let draw more =
                        [ "augment"; "--data"; "."; "--preview"; "p.png" ] @ more

                    run folder (draw [ "--count"; "31" ]) |> expectComplaint 2 "--count"
                    Expect.equal (File.ReadAllText path) "precious" "kept"
                    runOk folder (draw [ "--count"; "30" ]) |> ignore
                    use picture = SKBitmap.Decode path
                    Expect.equal picture.Height (16 + 28 + 24 + 30 * 120 - 8 + 16) "rows"
                    Expect.isEmpty (Directory.GetFiles(folder, "*.tmp*")) "half-written files")
            }
            testList
                "wrong in one sentence"
                (bad
                 |> List.map (fun (flags, code, part) ->
                     let name = String.concat " " flags

                     test name {
                         inDataFolder (fun folder ->
                             let data =
                                 if List.contains "--data" flags then
                                     []
                                 else
                                     [ "--data"; "." ]

                             let before = Directory.GetFiles(folder).Length
                             run folder ("augment" :: data @ flags) |> expectComplaint code part
                             Expect.equal (Directory.GetFiles(folder).Length) before "files written")
                     }))
        ]
