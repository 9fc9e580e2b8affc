/// Images in CSV files: what a reader must make of every spelling, and what it must refuse, with the row and the column.
module Cnn.Tests.Host.CsvFilesTests

open System
open System.IO
open Expecto
open Cnn.Host.Data
open Cnn.Trust.Data
open Cnn.Tests.Host.Cli
open Cnn.Tests.Host.DataCase

/// The images of a file of these lines.
let private read (lines: string list) : LabelledImages =
    fromFolder (fun folder ->
        text folder "digits.csv" lines
        training (Path.Combine(folder, "digits.csv")))

let private refuses (name: string) (lines: string list) (parts: string list) =
    test name {
        inFolder (fun folder ->
            text folder "digits.csv" lines

            expectRefusal ("digits.csv" :: parts) (fun () -> training (Path.Combine(folder, "digits.csv"))))
    }

let private row (label: string) (pixels: int list) =
    String.Join(',', label :: List.map string pixels)

let private spellings =
    [
        "no header", [ "3,0,1,2,255"; "0,9,8,7,6" ]
        "the header of Kaggle", [ "label,pixel0,pixel1,pixel2,pixel3"; "3,0,1,2,255"; "0,9,8,7,6" ]
        "a header of names by row and column", [ "label,1x1,1x2,2x1,2x2"; "3,0,1,2,255"; "0,9,8,7,6" ]
        "pixels with numbers for names", [ "label,0,1,2,3"; "3,0,1,2,255"; "0,9,8,7,6" ]
        "labels last", [ "pixel1,pixel2,pixel3,pixel4,class"; "0,1,2,255,3"; "9,8,7,6,0" ]
        "quotes", [ "\"3\",\"0\",1,2,255"; "0,9,8,7,6" ]
        "semicolons", [ "3;0;1;2;255"; "0;9;8;7;6" ]
        "tabs", [ "3\t0\t1\t2\t255"; "0\t9\t8\t7\t6" ]
        "spaces", [ "3, 0, 1, 2, 255"; " 0 , 9 , 8 , 7 , 6 " ]
        "empty lines", [ ""; "3,0,1,2,255"; ""; "0,9,8,7,6"; "" ]
        "lines that end as on Windows", [ "3,0,1,2,255\r"; "0,9,8,7,6\r" ]
        "a mark of the encoding", [ "\uFEFF3,0,1,2,255"; "0,9,8,7,6" ]
    ]
    |> List.map (fun (name, lines) ->
        test name {
            let images = read lines
            Expect.equal (shape images) (2, 1, 2, 2) "shape"
            Expect.equal images.Pixels [| 0uy; 1uy; 2uy; 255uy; 9uy; 8uy; 7uy; 6uy |] "pixels"
            Expect.equal images.Labels [| 3uy; 0uy |] "labels"
            Expect.isEmpty (names images) "names"
        })

let private meanings =
    [
        test "names of classes are numbered in the order of their characters" {
            let images =
                read
                    [
                        "dog,0,1,2,3"
                        "Zebra,4,5,6,7"
                        "\"a, \"\"b\"\"\",8,9,10,11"
                        "dog,12,13,14,15"
                        "#1,1,1,1,1"
                    ]

            Expect.equal (names images) [ "#1"; "Zebra"; "a, \"b\""; "dog" ] "names"
            Expect.equal images.Labels [| 3uy; 1uy; 2uy; 3uy; 0uy |] "labels"
        }
        test "a class may be called y or digit, in the first row too" {
            Expect.equal (read [ "y,0,1,2,3"; "x,4,5,6,7" ]).Count 2 "y"
            Expect.equal (read [ "digit,0,1,2,3"; "letter,4,5,6,7" ]).Count 2 "digit"
        }
        test "three times a square is red, green and blue" {
            let images = read [ row "0" [ 1..12 ]; row "1" [ 13..24 ] ]
            Expect.equal (shape images) (2, 3, 2, 2) "shape"
            Expect.equal (images.Image(0).ToArray()) [| 1uy .. 12uy |] "the planes"
        }
        test "a size that is given decides, and so does a model" {
            inFolder (fun folder ->
                text folder "a.csv" [ row "0" [ 1..12 ]; row "1" [ 13..24 ] ]
                let source = DataSource.Open(Path.Combine(folder, "a.csv"))
                let grey = source.LoadTraining(ImageForm(Nullable 1, Nullable 3, Nullable 4))
                Expect.equal (shape grey) (2, 1, 3, 4) "grey"
                let size = source.LoadTest(ImageForm(Nullable(), Nullable 1, Nullable 4))
                Expect.equal (shape size) (2, 3, 1, 4) "three planes of that size"

                expectRefusal [ "a.csv"; "12 pixels"; "1x4x4"; "16" ] (fun () ->
                    source.LoadTest(ImageForm(Nullable 1, Nullable 4, Nullable 4)))

                expectRefusal [ "a.csv"; "12 pixels"; "--image-size" ] (fun () ->
                    source.LoadTraining(ImageForm(Nullable 1, Nullable(), Nullable()))))
        }
        test "in a folder, one file is for training and one for the test" {
            for trainingName, testName in
                [
                    "train.csv", "test.csv"
                    "mnist_train.csv", "mnist_test.csv"
                    "a-train.csv", "b-test.csv"
                ] do
                inFolder (fun folder ->
                    text folder trainingName [ row "0" [ 1..4 ]; row "1" [ 5..8 ] ]
                    text folder testName [ row "1" [ 9..12 ] ]
                    let source = DataSource.Open folder
                    Expect.isNull source.MissingTest "there is a test"
                    Expect.equal (shape (training folder)) (2, 1, 2, 2) "training"
                    Expect.equal (shape (testing folder)) (1, 1, 2, 2) "test")
        }
        test "a test file without labels is none" {
            inFolder (fun folder ->
                text folder "train.csv" [ "label,p0,p1,p2,p3"; row "0" [ 1..4 ]; row "1" [ 5..8 ] ]
                text folder "test.csv" [ "p0,p1,p2,p3"; "1,2,3,4" ]
                let source = DataSource.Open folder
                Expect.stringContains source.MissingTest "lacks the labels" "why"
                Expect.equal (shape (training folder)) (2, 1, 2, 2) "training"
                expectRefusal [ "test.csv"; "lacks the labels" ] (fun () -> testing folder))
        }
        test "a file by itself has no test, but a model can be tested with it" {
            inFolder (fun folder ->
                text folder "a.csv" [ row "0" [ 1..4 ]; row "1" [ 5..8 ] ]
                let source = DataSource.Open(Path.Combine(folder, "a.csv"))
                Expect.stringContains source.MissingTest "a.csv is a single file" "why"
                Expect.equal (source.LoadTest ImageForm.Any).Pixels [| 1uy .. 8uy |] "its images")
        }
        test "a list of digests is held against the file" {
            inFolder (fun folder ->
                text folder "train.csv" [ row "0" [ 1..4 ]; row "1" [ 5..8 ] ]
                text folder "SHA256SUMS" [ String.replicate 64 "0" + "  train.csv" ]
                expectRefusal [ "train.csv"; "SHA256SUMS" ] (fun () -> training folder))
        }
    ]

let private refusals =
    [
        refuses "no row" [ "" ] [ "no row" ]
        refuses "a header alone" [ "label,p0,p1,p2,p3" ] [ "no row" ]
        refuses "a single column" [ "1"; "2" ] [ "row 1"; "single column" ]
        refuses "a row that is short" [ "0,1,2,3,4"; "1,2,3,4" ] [ "row 2"; "4 columns"; "have 5" ]
        refuses "a row that is long" [ "l,a,b,c,d"; "0,1,2,3,4"; "0,1,2,3,4,5" ] [ "row 3"; "6 columns"; "have 5" ]
        refuses "a pixel too large" [ "0,1,2,3,4"; "1,2,300,4,5" ] [ "row 2"; "column 3"; "'300'"; "255" ]
        refuses "a pixel too large in the first row" [ "0,1,300,3,4"; "1,2,3,4,5" ] [ "row 1"; "column 3"; "'300'" ]
        refuses "a pixel below 0" [ "0,1,2,3,-4"; "1,2,3,4,5" ] [ "row 1"; "column 5"; "'-4'" ]
        refuses "a pixel that is no number" [ "0,1,2,3,4"; "1,2,x,4,5" ] [ "row 2"; "column 3"; "'x'" ]
        refuses "a pixel that is no number in the first row" [ "a,1,x,3,4"; "b,2,3,4,5" ] [ "row 1"; "column 3"; "'x'" ]
        refuses "a pixel that is not whole" [ "0,1,2,3,0.5"; "1,2,3,4,5" ] [ "row 1"; "column 5"; "'0.5'" ]
        refuses "a pixel that is missing" [ "0,1,2,3,4"; "1,2,,4,5" ] [ "row 2"; "column 3"; "''" ]
        refuses "a label out of range" [ "0,1,2,3,4"; "256,2,3,4,5" ] [ "row 2"; "label 256"; "0 to 255" ]
        refuses "a label below 0" [ "0,1,2,3,4"; "-1,2,3,4,5" ] [ "row 2"; "label -1" ]
        refuses "a label that is missing" [ "0,1,2,3,4"; ",2,3,4,5" ] [ "row 2"; "no label in column 1" ]
        refuses
            "a label of more than a hundred characters"
            [ row (String('a', 101)) [ 1..4 ]; row "b" [ 1..4 ] ]
            [ "row 1"; "100 characters" ]
        refuses "a label with a line in it" [ "\"a\nb\",1,2,3,4"; "c,1,2,3,4" ] [ "row 1"; "no label" ]
        refuses
            "more classes than labels can tell apart"
            [ for i in 0..256 -> row $"c{i}" [ 1..4 ] ]
            [ "row 257"; "256" ]
        refuses "pixels that are no square" [ "0,1,2,3,4,5"; "1,2,3,4,5,6" ] [ "5 pixels"; "--image-size" ]
        refuses "a quote without an end" [ "0,1,2,3,4"; "\"1,2,3,4,5" ] [ "row 2"; "quote" ]
        test "text that is not UTF-8" {
            inFolder (fun folder ->
                place folder "a.csv" [| yield! "0,1,2,3,4\n"B; 0xFCuy; yield! ",1,2,3,4\n"B |]
                expectRefusal [ "a.csv"; "UTF-8" ] (fun () -> training (Path.Combine(folder, "a.csv"))))
        }
        test "a row without an end takes no memory without one" {
            inFolder (fun folder ->
                place folder "a.csv" [| yield! "0,1,2,3,4\n"B; yield! Array.create 30_000_000 '7'B |]

                let path = Path.Combine(folder, "a.csv")

                let read () =
                    expectRefusal [ "a.csv"; "row 2"; "characters" ] (fun () -> training path)

                let bytes, () = allocated read
                // doubled from 128 KB to 8 MB, and what keeps places
                Expect.isLessThan bytes 40_000_000L "bytes allocated")
        }
        test "two files for one half" {
            inFolder (fun folder ->
                text folder "a_train.csv" [ "0,1" ]
                text folder "train.csv" [ "0,1" ]
                expectRefusal [ "a_train.csv"; "could both be train.csv" ] (fun () -> training folder))
        }
    ]

let private memory =
    [
        test "reading takes the images and a buffer, not the file" {
            inFolder (fun folder ->
                let images = some 1 28 28 10 3000 1
                let path = Path.Combine(folder, "a.csv")
                SampleSets.writeCsv path true images
                let bytes, read = allocated (fun () -> training path)
                Expect.equal read.Pixels images.Pixels "pixels"
                Expect.equal read.Labels images.Labels "labels"
                let file = FileInfo(path).Length
                Expect.isGreaterThan file (3L * images.Pixels.LongLength) "the file is much larger"
                Expect.isLessThan bytes (images.Pixels.LongLength + 1_500_000L) $"bytes allocated; the file has {file}")
        }
    ]

let tests =
    testList
        "Host.CsvFiles"
        [
            testList "spelling" spellings
            testList "meaning" meanings
            testList "refusal" refusals
            testList "memory" memory
        ]
