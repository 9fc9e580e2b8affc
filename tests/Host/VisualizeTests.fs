/// `cnn visualize`: what is drawn is what is in the model, and every figure is a picture.
module Cnn.Tests.Host.VisualizeTests

open System
open System.IO
open System.Xml.Linq
open Expecto
open FSharp.Reflection
open SkiaSharp
open Cnn
open Cnn.Host.Data
open Cnn.Host.Figures
open Cnn.Networks
open Cnn.Operations
open Cnn.Tests.Host.Cli

let private architecture =
    "conv 4 3, batchnorm, relu, pool 2, conv 5 2, flatten, dropout 0.2, dense 6, relu, dense classes"

let private inTrainedFolder (architecture: string) (action: string -> unit) =
    inFolder (fun folder ->
        writeData folder 8 120 60

        runOk
            folder
            [
                "train"
                "--data"
                "."
                "--arch"
                architecture
                "--epochs"
                "2"
                "--run"
                "r"
            ]
        |> ignore

        action folder)

let private visualize (more: string list) =
    [ "visualize"; "r/model.bin"; "--data"; "." ] @ more

let private create (channels: int) =
    Model.Create("conv 3 2, relu, pool 2, flatten, dense 4", channels, 6, 5, "he", 9)

let private image (channels: int) =
    let bytes = Array.zeroCreate<byte>(channels * 30)
    Random(2).NextBytes bytes
    LabelledImages(channels, 6, 5, bytes, [| 1uy |])

let private inspect (channels: int) =
    Inspection.Of(create channels, ReadOnlyMemory (image channels).Pixels)

let private data =
    [
        test "filters are the weights of the model, on a scale about 0" {
            for channels in [ 1; 2 ] do
                let bank = Seq.head (FilterBank.Of(create channels))
                let panel = FilterSheet.PanelOf bank
                Expect.equal panel.Tiles.Count (3 * channels) "one map a kernel"

                Expect.sequenceEqual
                    (panel.Tiles |> Seq.collect (fun tile -> tile.Values))
                    (bank.Weights.Values.ToArray())
                    "weights"

                let farthest = bank.Weights.Values.ToArray() |> Array.map abs |> Array.max
                let struct (least, largest) = panel.Scale
                Expect.equal (least, largest) (-farthest, farthest) "scale"
                Expect.equal panel.Colours TileColours.Diverging "colours"
        }

        test "many filters and channels: the first, and the title says so" {
            let model = Model.Create("conv 30 1, conv 70 2, flatten, dense 2", 1, 4, 4, "he", 1)

            let bank = Seq.last (FilterBank.Of model)
            let panel = FilterSheet.PanelOf bank
            Expect.stringContains panel.Title "the first 64 of 70 filters" "filters"
            Expect.stringContains panel.Title "the first 23 of 30 input channels" "channels"
            Expect.equal panel.Tiles.Count (64 * 23) "maps"
            // filter 1, channel 2
            Expect.sequenceEqual panel.Tiles[23 + 2].Values (bank.Weights.Values.ToArray()[128..131]) "one of them"
        }

        test "maps are what the layers gave; convolutions are shown behind their activation" {
            let inspection = inspect 1
            let panels = List.ofSeq (ActivationSheet.PanelsOf inspection)

            Expect.equal
                [ for panel in panels -> panel.Title ]
                [ "layer 1, relu: 3 maps of 5x4"; "layer 2, pool 2: 3 maps of 2x2" ]
                "layers"

            for panel, layer in List.zip panels [ 1; 2 ] do
                Expect.sequenceEqual
                    (panel.Tiles |> Seq.collect (fun tile -> tile.Values))
                    (inspection.Layers[layer].Output.Values.ToArray())
                    panel.Title
        }

        test "whatever the activation, a convolution is shown behind it alone" {
            for case in FSharpType.GetUnionCases typeof<Activation> do
                match FSharpValue.MakeUnion(case, case.GetFields() |> Array.map (fun _ -> box 0.1)) :?> Activation with
                // it bends nothing
                | Activation.Identity -> ()
                | activation ->
                    let text = Architecture.formatLayer (Layer.Activation activation)

                    let model =
                        Model.Create($"conv 3 2, {text}, pool 2, flatten, dense 4", 1, 6, 5, "he", 9)

                    let inspection = Inspection.Of(model, ReadOnlyMemory (image 1).Pixels)

                    Expect.equal
                        [ for panel in ActivationSheet.PanelsOf inspection -> panel.Title ]
                        [ $"layer 1, {text}: 3 maps of 5x4"; "layer 2, pool 2: 3 maps of 2x2" ]
                        text
        }

        test "saliency and heat are those of the answer, and the overlay lies on the image" {
            let inspection = inspect 1
            let answer = inspection.Predicted

            let saliency = SaliencySheet.Saliency(inspection, answer, "cat")
            Expect.sequenceEqual saliency.Tiles[0].Values ((inspection.Saliency answer).Values.ToArray()) "saliency"
            Expect.stringContains saliency.Title " of cat " "the name of the class"

            let heat = SaliencySheet.Heat(inspection, inspection.Layers[2], answer, "2")
            Expect.stringEnds heat.Title "what speaks for class 2" "a class without a name"
            let expected = inspection.GradCam(2, answer).Values.ToArray()
            Expect.sequenceEqual heat.Tiles[0].Values expected "heat"
            let input = ActivationSheet.Input(image 1, 0)
            let overlay = (SaliencySheet.Overlay(heat, input.Tiles[0])).Tiles[0]
            Expect.isTrue overlay.IsColour "colours"

            for cell in 0..29 do
                // rows 0 to 2 lie under the first row of the heat, columns 0 to 2 under its first column
                let share =
                    0.55f * expected[cell / 5 / 3 * 2 + cell % 5 * 2 / 5] / Array.max expected

                let level = input.Tiles[0].Values[cell]

                Expect.floatClose
                    Accuracy.medium
                    (float overlay.Values[cell])
                    (float ((1.0f - share) * level + share))
                    "red"

                Expect.floatClose
                    Accuracy.medium
                    (float overlay.Values[30 + cell])
                    (float ((1.0f - share) * level))
                    "green"
        }

        test "images of three channels are colours, of two the first" {
            let colours = (ActivationSheet.Input(image 3, 0)).Tiles[0]
            Expect.isTrue colours.IsColour "three"
            Expect.equal colours.Values[89] (float32 (image 3).Pixels[89] / 255.0f) "blue"
            Expect.equal (ActivationSheet.Input(image 2, 0)).Tiles[0].Values.Length 30 "two"
        }

        test "a scale of numbers that are not finite, or all the same" {
            let scale values colours =
                let struct (least, largest) =
                    TilePanel("", [| Tile("", 1, 2, values) |], colours, 84, Nullable()).Scale

                least, largest

            Expect.equal (scale [| nanf; 2.0f |] TileColours.Heat) (2.0f, 2.0f) "what is left"
            Expect.equal (scale [| nanf; infinityf |] TileColours.Heat) (0.0f, 0.0f) "nothing left"
            Expect.equal (scale [| 1.0f; -3.0f |] TileColours.Diverging) (-3.0f, 3.0f) "symmetric"
        }
    ]

let private names (kind: string) (output: string) =
    [
        for line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries) ->
            Expect.stringEnds (line.TrimEnd()) kind "kind"
            Path.GetFileNameWithoutExtension(line.Trim())
    ]

let private files =
    [
        test "all figures of a run" {
            inTrainedFolder architecture (fun folder ->
                let written = names ".png" (runOk folder (visualize []))

                Expect.equal
                    written
                    [
                        "learned_filters"
                        "learned_filters_layer_4"
                        for label in 0..2 do
                            $"activations_digit_{label}"
                            $"saliency_digit_{label}"
                        "confusion_matrix"
                        "mistakes"
                        "embedding"
                        "training_curves"
                    ]
                    "names"

                for name in written do
                    use picture = SKBitmap.Decode(Path.Combine(folder, "figures", name + ".png"))
                    Expect.isNotNull picture name
                    Expect.isGreaterThan (Seq.distinct picture.Pixels |> Seq.length) 5 $"{name}: something is drawn"

                    // a chart that clears more than its own place would leave black
                    Expect.equal (picture.GetPixel(0, 0)) SKColors.White $"{name}: ground"
                    Expect.equal (picture.GetPixel(0, picture.Height / 2)) SKColors.White $"{name}: ground"

                Expect.equal
                    (Directory.GetFiles(Path.Combine(folder, "figures")).Length)
                    written.Length
                    "nothing half-written")
        }

        test "some of them, as SVG files, of a model apart from its run" {
            inTrainedFolder architecture (fun folder ->
                File.Move(Path.Combine(folder, "r", "model.bin"), Path.Combine(folder, "m.bin"))

                let outcome =
                    run
                        folder
                        [
                            "visualize"
                            "m.bin"
                            "--data"
                            "."
                            "--svg"
                            "--digits"
                            "1"
                            "--layer"
                            "4"
                            "--out"
                            "a/b"
                        ]

                Expect.equal outcome.Code 0 outcome.Error
                Expect.stringContains outcome.Error "no training_curves" "that there are none"

                let written = names ".svg" outcome.Output

                Expect.equal
                    written
                    [
                        "learned_filters"
                        "activations_digit_1"
                        "saliency_digit_1"
                        "confusion_matrix"
                        "mistakes"
                        "embedding"
                    ]
                    "names"

                for name in written do
                    let root = (XDocument.Load(Path.Combine(folder, "a", "b", name + ".svg"))).Root
                    Expect.equal root.Name.LocalName "svg" name
                    Expect.isGreaterThan (Seq.length (root.Descendants())) 10 name)
        }

        test "a model without convolutions" {
            inTrainedFolder "flatten, dense classes" (fun folder ->
                let outcome = run folder (visualize [ "--digits"; "0" ])
                Expect.equal outcome.Code 0 outcome.Error
                Expect.stringContains outcome.Error "no learned_filters" "that there are none"

                run folder (visualize [ "--layer"; "0" ])
                |> expectComplaint 2 "the model has no convolution")
        }

        test "wrong in one sentence" {
            inTrainedFolder architecture (fun folder ->
                for flags, code, part in
                    [
                        [ "--layer"; "2" ], 2, "layers with filters are 0, 4"
                        [ "--layer"; "-1" ], 2, "--layer -1"
                        [ "--digits"; "0,3" ],
                        2,
                        "--digits 3 is not possible; give classes of the test images, from 0 to 2"
                        [ "--digits"; "x" ], 2, "--digits x"
                        [ "--out"; "r/model.bin" ], 74, "r/model.bin"
                    ] do
                    run folder (visualize flags) |> expectComplaint code part

                Expect.isFalse (Directory.Exists(Path.Combine(folder, "figures"))) "nothing drawn"

                run folder [ "visualize"; "r/model.bin"; "--digits"; "0" ]
                |> expectComplaint 3 "1x8x8")
        }
    ]

let tests = testList "Host.Visualize" (data @ files)
