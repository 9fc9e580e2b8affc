/// Data sets of every format, as commands meet them.
module Cnn.Tests.Host.DataSourceTests

open System
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open Expecto
open Cnn.Host.Data
open Cnn.Trust.Data
open Cnn.Tests.Host.Cli
open Cnn.Tests.Host.DataCase

let private inside (folder: string) (name: string) = Path.Combine(folder, name)

let private fresh (folder: string) (name: string) : string =
    Directory.CreateDirectory(inside folder name).FullName

let private small =
    [
        "--arch"
        "conv 4 3, relu, pool 2, flatten, dense classes"
        "--batch-size"
        "20"
        "--epochs"
        "1"
    ]

let private train (folder: string) (data: string) (flags: string list) =
    run folder ([ "train"; "--data"; data ] @ small @ flags)

let private trainAlone (folder: string) (data: string) (flags: string list) : string =
    runOk folder ([ "train"; "--data"; data; "--no-run-folder" ] @ small @ flags)

let private lastLine (output: string) = output.Trim().Split('\n') |> Array.last

let private digitNames = [| for digit in 0..9 -> string digit |]

/// Some digits of MNIST, in the order that folders of pictures give them.
let private digits =
    lazy
        (let training, test = SampleSets.digits ()

         let inTurns (images: LabelledImages) =
             fromFolder (fun folder ->
                 SampleSets.writePictures folder images
                 (DataCase.training folder).WithClasses digitNames)

         inTurns (SampleSets.first 120 training), inTurns (SampleSets.first 60 test))

let private formats: (string * (string -> LabelledImages -> LabelledImages -> unit)) list =
    [
        "idx",
        fun folder training test ->
            SampleSets.writeIdx folder "train" training
            SampleSets.writeIdx folder "t10k" test
        "csv",
        fun folder training test ->
            SampleSets.writeCsv (inside folder "train.csv") true training
            SampleSets.writeCsv (inside folder "test.csv") false test
        "pictures",
        fun folder training test ->
            SampleSets.writePictures (inside folder "train") training
            SampleSets.writePictures (inside folder "test") test
    ]

let private same (what: string) (expected: LabelledImages) (read: LabelledImages) =
    let actual = read.WithClasses digitNames
    Expect.equal (shape actual) (shape expected) $"{what}: shape"
    Expect.equal actual.Pixels expected.Pixels $"{what}: pixels"
    Expect.equal actual.Labels expected.Labels $"{what}: labels"

let private reading =
    [
        test "digits come back from every format as they were" {
            let training, test = digits.Value

            for name, write in formats do
                inFolder (fun folder ->
                    write folder training test
                    same $"{name}, training" training (DataCase.training folder)
                    same $"{name}, test" test (DataCase.testing folder))
        }
        test "IDX files may have names for their classes beside them" {
            inFolder (fun folder ->
                let images = some 1 4 4 3 9 1
                SampleSets.writeIdx folder "train" images
                Expect.isEmpty (names (training folder)) "without"
                text folder "classes.txt" [ "shirt"; "shoe"; "Tasche" ]
                Expect.equal (names (training folder)) [ "shirt"; "shoe"; "Tasche" ] "with"
                text folder "classes.txt" [ "shirt"; "shoe" ]
                expectRefusal [ "classes.txt"; "2 classes"; "class 2" ] (fun () -> training folder))
        }
        test "the digest of the test files says whether they are the same" {
            let training, test = digits.Value

            for name, write in formats do
                inFolder (fun folder ->
                    write folder training test
                    let digest () = (DataSource.Open folder).DigestOfTest()
                    let first = digest ()
                    Expect.equal (digest ()) first $"{name}: again"

                    let file =
                        Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
                        |> Array.filter (fun path -> Regex.IsMatch(path, "t10k-labels|test"))
                        |> Array.min

                    File.AppendAllText(file, " ")
                    Expect.notEqual (digest ()) first $"{name}: another file")
        }
        test "a picture of another class changes the digest of the test, though its bytes are the same" {
            inFolder (fun folder ->
                SampleSets.writePictures (inside folder "test") (some 1 4 4 2 8 1)
                let first = (DataSource.Open folder).DigestOfTest()
                let place (name: string) = Path.Combine(folder, "test", name)
                Directory.Move(place "0", place "2")
                Expect.notEqual ((DataSource.Open folder).DigestOfTest()) first "digest")
        }
        test "nothing, two kinds of data, or a file of another kind" {
            inFolder (fun folder ->
                expectRefusal [ "holds no data set"; "train.csv" ] (fun () -> training folder)
                text folder "train.csv" [ "0,1"; "1,2" ]
                Expect.equal (training folder).Count 2 "one kind"
                place folder "data_batch_1.bin" [| 1uy |]
                expectRefusal [ "CIFAR-10"; "CSV"; "both" ] (fun () -> training folder)
                text folder "a.zip" [ "" ]
                expectRefusal [ "a.zip"; ".csv" ] (fun () -> training (inside folder "a.zip"))
                expectRefusal [ "no folder"; "nowhere" ] (fun () -> training (inside folder "nowhere")))
        }
    ]

let private commands =
    [
        test "the same images in another format give the same model, bit by bit" {
            let training, test = digits.Value

            inFolder (fun folder ->
                for name, write in formats do
                    write (fresh folder name) training test
                    trainAlone folder name [ "--out"; name + ".bin" ] |> ignore

                for name, _ in formats.Tail do
                    Expect.equal (modelIn folder (name + ".bin")) (modelIn folder "idx.bin") name

                // and a model can be tested with each
                let outputs =
                    [
                        for data in [ "idx"; "csv/test.csv"; "pictures" ] ->
                            runOk folder [ "eval"; "idx.bin"; "--data"; data ]
                    ]

                Expect.equal (List.distinct outputs).Length 1 $"{outputs}")
        }
        test "three channels and names, from training to every picture of the model" {
            inFolder (fun folder ->
                let data = fresh folder "stripes"
                SampleSets.writeCifar data (SampleSets.stripes 200 1) (SampleSets.stripes 60 2)

                let trained =
                    train folder "stripes" [ "--run"; "r"; "--augment"; "shift, flip, erase" ]

                Expect.equal trained.Code 0 trained.Error
                let report = File.ReadAllText(inside folder "r/report.html")
                Expect.stringContains report "yellow standing" "names in the report"

                use json =
                    JsonDocument.Parse(runOk folder [ "eval"; "model.bin"; "--data"; data; "--json" ])

                let named =
                    [
                        for one in json.RootElement.GetProperty("perClass").EnumerateArray() ->
                            one.GetProperty("name").GetString()
                    ]

                Expect.equal named (names (training data)) "names in JSON"
                let shown = runOk folder [ "show"; "model.bin"; "--data"; data; "--index"; "7" ]
                Expect.stringContains shown "test image 7, class yellow standing" "show"

                Expect.isTrue
                    (Regex.IsMatch(lastLine shown, "answer: class (red|green|blue|yellow|white) (lying|standing) "))
                    shown

                let drawn =
                    runOk
                        folder
                        [
                            "visualize"
                            "model.bin"
                            "--data"
                            data
                            "--digits"
                            "blue lying,0"
                            "--svg"
                        ]

                Expect.stringContains drawn "activations_digit_4" "the class of that name"
                Expect.stringContains drawn "activations_digit_0" "the class of that number"

                Expect.stringContains
                    (File.ReadAllText(inside folder "figures/confusion_matrix.svg"))
                    "white standing"
                    "names in figures"

                Expect.stringContains (runOk folder [ "summary"; "model.bin" ]) "green lying" "summary")
        }
        test "a set without a test half is trained on, and says so" {
            inFolder (fun folder ->
                SampleSets.writePictures (fresh folder "data") (some 1 8 8 3 60 1)
                let outcome = train folder "data" [ "--run"; "r" ]
                Expect.equal outcome.Code 0 outcome.Error
                Expect.stringContains outcome.Output "no test images: data has no folders train and test" "at the end"
                Expect.isFalse (outcome.Output.Contains "test accuracy") "no accuracy"
                Expect.stringContains outcome.Error "--validation" "what can be done, at the start"
                let last = File.ReadAllLines(inside folder "r/metrics.jsonl") |> Array.last
                use json = JsonDocument.Parse last
                Expect.equal (json.RootElement.GetProperty("end").GetString()) "completed" "the end"
                Expect.equal (json.RootElement.GetProperty("score").ValueKind) JsonValueKind.Null "the score"

                Expect.stringContains
                    (File.ReadAllText(inside folder "r/report.html"))
                    "Filters of the first convolution"
                    "the report has what it can have"

                // and the run is complete
                Expect.stringContains (runOk folder [ "train"; "--resume"; "r" ]) "complete" "resume"

                run folder ([ "experiment"; "fast"; "--data"; "data" ] @ small @ [ "--seeds"; "1" ])
                |> expectComplaint 3 "--validation"

                let held = trainAlone folder "data" [ "--validation"; "15" ]
                Expect.stringContains (lastLine held) "validation accuracy" "with images held out")
        }
        test "a size that was asked for is kept for resuming, and the model says it to eval and show" {
            inFolder (fun folder ->
                let data = fresh folder "data"

                for i in 0..39 do
                    let image = some 3 (6 + i % 3) 9 1 1 i

                    place
                        data
                        $"""train/{if i % 2 = 0 then "a" else "b"}/{i}.png"""
                        (ImageFile.EncodePng(Picture(3, image.Height, 9, ReadOnlyMemory image.Pixels)))

                train folder "data" [] |> expectComplaint 3 "--image-size"

                let flags =
                    [ "--image-size"; "10x8"; "--channels"; "1"; "--epochs"; "2"; "--threads"; "1" ]

                let begun =
                    run
                        folder
                        ([ "train"; "--data"; "data"; "--run"; "r"; "--stop-after"; "1" ]
                         @ List.take 4 small
                         @ flags)

                Expect.equal begun.Code 0 begun.Error
                runOk folder [ "train"; "--resume"; "r" ] |> ignore
                Expect.stringContains (runOk folder [ "summary"; "model.bin" ]) "1x8x10" "its input"

                let evaluated = runOk folder [ "eval"; "model.bin"; "--data"; "data/train" ]

                Expect.stringContains evaluated "40 images" "eval"

                runOk folder [ "show"; "model.bin"; "--data"; "data/train"; "--index"; "0" ]
                |> ignore

                place data "train/b/1.png" (ImageFile.EncodePng(Picture(1, 6, 9, ReadOnlyMemory(Array.create 54 9uy))))

                run folder [ "train"; "--resume"; "r"; "--out"; "other.bin" ]
                |> expectComplaint 3 "not those that the run")
        }
        test "what cannot be: one class only, a size for data that has one, a wrong size" {
            inFolder (fun folder ->
                SampleSets.writePictures (fresh folder "one") (some 1 8 8 1 6 1)
                train folder "one" [] |> expectComplaint 3 "of one class, 0"
                SampleSets.writeIdx folder "train" (some 1 8 8 3 30 1)
                train folder "." [ "--image-size"; "4x4" ] |> expectComplaint 2 "--image-size"

                for size in [ "4x"; "0x4"; "4x4x4" ] do
                    train folder "." [ "--image-size"; size ]
                    |> expectComplaint 2 $"--image-size {size}"

                train folder "." [ "--channels"; "2" ] |> expectComplaint 2 "--channels"

                text folder "classes.txt" [ "x"; "y"; "z" ]

                run folder [ "train"; "--data"; "."; "--arch"; "flatten, dense 4" ]
                |> expectComplaint 2 "3 classes")
        }
        test "Kaggle's files train as they are, though the test has no labels" {
            inFolder (fun folder ->
                let data = fresh folder "kaggle"
                SampleSets.writeCsv (inside data "train.csv") true (some 1 8 8 3 60 1)
                let lines = File.ReadAllLines(inside data "train.csv")

                File.WriteAllLines(
                    inside data "test.csv",
                    lines |> Array.map (fun line -> line.Substring(line.IndexOf ',' + 1))
                )

                let output = trainAlone folder "kaggle" []
                Expect.stringContains (lastLine output) "lacks the labels" "why there is no test")
        }
    ]

let tests =
    testList "Host.DataSource" [ testList "reading" reading; testList "commands" commands ]
