/// Pictures in a folder for each class.
module Cnn.Tests.Host.ClassFoldersTests

open System
open System.IO
open Expecto
open Cnn.Host.Data
open Cnn.Trust.Data
open Cnn.Trust.Files
open Cnn.Tests.Host.Cli
open Cnn.Tests.Host.DataCase

/// A PNG file of one level of grey, or of three of red, green and blue.
let private png (height: int) (width: int) (levels: byte list) : byte[] =
    let planes = levels |> List.map (Array.create (height * width)) |> Array.concat
    ImageFile.EncodePng(Picture(levels.Length, height, width, ReadOnlyMemory planes))

let private grey (level: byte) = png 2 2 [ level ]

let private write (folder: string) (files: (string * byte[]) list) =
    for name, contents in files do
        place folder name contents

let private inFiles (files: (string * byte[]) list) (work: string -> unit) =
    inFolder (fun folder ->
        write folder files
        work folder)

let private refuses (name: string) (files: (string * byte[]) list) (parts: string list) =
    test name { inFiles files (fun folder -> expectRefusal parts (fun () -> training folder)) }

/// The first level of each image.
let private levels (images: LabelledImages) : byte list =
    List.init images.Count (fun i -> images.Image(i)[0])

let private halves =
    [
        "train/cat/1.png", grey 1uy
        "train/cat/2.png", grey 2uy
        "train/dog/1.png", grey 3uy
        "test/dog/1.png", grey 4uy
        "test/cat/1.png", grey 5uy
    ]

let private orders =
    [
        test "classes and pictures come in the order of their names, character by character, and in turns" {
            inFiles
                [
                    "b/10.png", grey 1uy
                    "b/9.png", grey 2uy
                    "B/a.png", grey 3uy
                    "B/Z.png", grey 4uy
                    "10/x.png", grey 5uy
                    "9/x.png", grey 6uy
                ]
                (fun folder ->
                    let images = training folder
                    Expect.equal (names images) [ "10"; "9"; "B"; "b" ] "names"
                    // halves of two come before and behind the middle, where those are that have but one
                    Expect.equal (levels images) [ 4uy; 1uy; 5uy; 6uy; 3uy; 2uy ] "images"
                    Expect.equal images.Labels [| 2uy; 3uy; 0uy; 1uy; 2uy; 3uy |] "labels")
        }
        test "each class has its share of every part" {
            inFiles
                [
                    for i in 0..29 do
                        $"a/{i:D2}.png", grey 1uy
                    for i in 0..9 do
                        $"b/{i:D2}.png", grey 2uy
                ]
                (fun folder ->
                    let images = training folder

                    for start in 0..4..36 do
                        let ofB =
                            images.Labels[start .. start + 3] |> Array.filter ((=) 1uy) |> Array.length

                        Expect.equal ofB 1 $"of the four from {start} on")
        }
        test "halves are in folders, and a test class has the number of its name" {
            for trainName, testName in [ "train", "test"; "Training", "Testing" ] do
                inFiles
                    (halves
                     |> List.map (fun (name, file) ->
                         name.Replace("train/", trainName + "/").Replace("test/", testName + "/"), file))
                    (fun folder ->
                        Expect.isNull (DataSource.Open folder).MissingTest "there is a test"
                        Expect.equal (training folder |> levels |> List.sort) [ 1uy; 2uy; 3uy ] "training"
                        let tested = (testing folder).WithClasses [| "dog"; "bird"; "cat" |]
                        Expect.equal (levels tested) [ 5uy; 4uy ] "test"
                        Expect.equal tested.Labels [| 2uy; 0uy |] "their numbers in a model")
        }
        test "a class may be called train" {
            inFiles [ "car/1.png", grey 1uy; "train/1.png", grey 2uy ] (fun folder ->
                Expect.equal (names (training folder)) [ "car"; "train" ] "names")
        }
        test "without halves there is no test, but a model can be tested with it" {
            inFiles [ "a/1.png", grey 1uy; "b/1.png", grey 2uy ] (fun folder ->
                let source = DataSource.Open folder
                Expect.stringContains source.MissingTest "without halves train and test" "why"
                Expect.equal (levels (source.LoadTest ImageForm.Any)) [ 1uy; 2uy ] "its images")
        }
        test "without a test half there is none" {
            inFiles [ "train/a/1.png", grey 1uy; "train/b/1.png", grey 2uy ] (fun folder ->
                Expect.stringContains (DataSource.Open folder).MissingTest "no folder test" "why"
                expectRefusal [ "no folder test" ] (fun () -> testing folder))
        }
        test "hidden files and files that are no pictures are left out" {
            inFiles
                [
                    yield! halves
                    "train/cat/.DS_Store", [| 1uy |]
                    "train/cat/notes.txt", [| 1uy |]
                    "train/.cache/1.png", grey 9uy
                    "train/dog/.hidden/1.png", grey 9uy
                    "train/README.md", [| 1uy |]
                    ".git/x", [| 1uy |]
                ]
                (fun folder ->
                    Expect.equal (training folder |> levels |> List.sort) [ 1uy; 2uy; 3uy ] "images"
                    Expect.equal (names (training folder)) [ "cat"; "dog" ] "names")
        }
        test "PNG, JPEG, BMP, GIF and WebP, whatever the letters of their names" {
            let kinds =
                [
                    "PNG, grey", ".Png"
                    "JPEG, grey", ".JPG"
                    "BMP", ".bmp"
                    "GIF", ".gif"
                    "WebP", ".webp"
                ]

            let files = Map.ofList ImageSeeds.all

            inFiles
                [
                    for i, (kind, ending) in List.indexed kinds do
                        $"a/{i}{ending}", files[kind]
                        $"b/{i}{ending}", files[kind]
                ]
                (fun folder -> Expect.equal (shape (training folder)) (10, 3, 9, 9) "shape")
        }
    ]

let private forms =
    [
        test "one picture in colour is enough for three channels" {
            inFiles [ "a/1.png", grey 7uy; "b/1.png", png 2 2 [ 1uy; 2uy; 3uy ] ] (fun folder ->
                let images = training folder
                Expect.equal (shape images) (2, 3, 2, 2) "shape"
                Expect.equal (images.Image(0).ToArray()) (Array.create 12 7uy) "grey in three channels"

                let grey =
                    (DataSource.Open folder).LoadTraining(ImageForm(Nullable 1, Nullable(), Nullable()))

                Expect.equal (shape grey) (2, 1, 2, 2) "shape where grey is wanted"
                // luma: 0.299 + 2 x 0.587 + 3 x 0.114
                Expect.equal (grey.Image(1).ToArray()) (Array.create 4 2uy) "grey of a colour")
        }
        test "a size fits every picture into its middle" {
            inFiles [ "a/1.png", png 2 4 [ 100uy ]; "b/1.png", png 4 4 [ 200uy ] ] (fun folder ->
                let images =
                    (DataSource.Open folder).LoadTraining(ImageForm(Nullable(), Nullable 4, Nullable 4))

                let rows = [| 0uy; 0uy; 0uy; 0uy |], Array.create 4 100uy

                Expect.equal
                    (images.Image(0).ToArray())
                    (Array.concat [ fst rows; snd rows; snd rows; fst rows ])
                    "black above and below"

                Expect.equal (images.Image(1).ToArray()) (Array.create 16 200uy) "what fills it")
        }
        refuses
            "pictures of several sizes"
            [ "a/1.png", png 2 3 [ 1uy ]; "b/1.png", png 4 4 [ 1uy ] ]
            [ "b/1.png has 4x4"; "a/1.png has 3x2"; "--image-size" ]
    ]

let private refusals =
    [
        refuses
            "a class without pictures"
            [ "a/1.png", grey 1uy; "b/notes.txt", [| 1uy |] ]
            [ "/b has no picture"; ".png" ]
        refuses
            "a folder in a class"
            [ "a/1.png", grey 1uy; "a/more/2.png", grey 1uy; "b/1.png", grey 1uy ]
            [ "more is a folder inside of the class a" ]
        refuses
            "a picture that is none"
            [ "a/1.png", grey 1uy; "b/1.png", [| 1uy; 2uy |] ]
            [ "b/1.png"; "not an image" ]
        refuses "a picture that is cut off" [ "a/1.png", grey 1uy; "b/1.png", Array.take 51 (grey 1uy) ] [ "b/1.png" ]
        refuses "an empty file" [ "a/1.png", grey 1uy; "b/1.png", [||] ] [ "b/1.png"; "empty" ]
        refuses
            "a class with a name for a terminal to obey"
            [ "a/1.png", grey 1uy; "b\u001b[2J/1.png", grey 1uy ]
            [ "cannot be the name of a class" ]
        refuses
            "more classes than labels can tell apart"
            [ for i in 0..256 -> $"{i}/1.png", grey 1uy ]
            [ "257 folders"; "256" ]
        refuses "a test half alone" [ "test/a/1.png", grey 1uy ] [ "no folder train" ]
        test "a test class that is not trained on is told before the training" {
            inFiles (("test/bird/1.png", grey 1uy) :: halves) (fun folder ->
                expectRefusal [ "test has a class bird"; "train lacks" ] (fun () ->
                    (DataSource.Open folder).CheckTest()))

            inFiles halves (fun folder -> (DataSource.Open folder).CheckTest())
        }
        test "a class that the model does not know" {
            inFiles (("test/bird/1.png", grey 1uy) :: halves) (fun folder ->
                expectRefusal [ "class bird"; "cat, dog" ] (fun () -> (testing folder).WithClasses [| "cat"; "dog" |]))
        }
        test "a list of digests is held against the pictures, by their paths" {
            inFiles halves (fun folder ->
                text folder "SHA256SUMS" [ String.replicate 64 "0" + "  train/cat/2.png" ]
                expectRefusal [ "2.png"; "SHA256SUMS" ] (fun () -> training folder))
        }
        test "a million pixels for each of many pictures are counted before memory is taken" {
            inFiles [ for i in 0..9 -> $"{i}/1.png", grey 1uy ] (fun folder ->
                let form = ImageForm(Nullable 3, Nullable 16384, Nullable 16384)

                let bytes, () =
                    allocated (fun () ->
                        expectRefusal [ "10 images"; "3x16384x16384" ] (fun () ->
                            (DataSource.Open folder).LoadTraining form))

                Expect.isLessThan bytes 5_000_000L "bytes allocated")
        }
    ]

// what other tests hold at the same time is counted as well: so it has to be alone
let private memory =
    testSequenced
    <| test "reading takes the images and a picture at a time" {
        let images = some 1 64 64 4 200 5

        inFolder (fun folder ->
            SampleSets.writePictures folder images
            let bytes, read = allocated (fun () -> training folder)
            Expect.equal read.Count images.Count "images"
            // one more time each, because a picture is an array of its own, and its file; but not of them at once
            Expect.isLessThan bytes (5L * images.Pixels.LongLength) "bytes allocated in all"
            GC.Collect()
            let before = GC.GetTotalMemory true
            let kept = training folder
            let held = GC.GetTotalMemory true - before
            Expect.isLessThan held (kept.Pixels.LongLength + 300_000L) "bytes held")
    }

let tests =
    testList
        "Host.ClassFolders"
        [
            testList "order" orders
            testList "form" forms
            testList "refusal" refusals
            testList "memory" [ memory ]
        ]
