/// The binary format of CIFAR-10.
module Cnn.Tests.Host.CifarFolderTests

open System
open System.IO
open Expecto
open Cnn.Host.Data
open Cnn.Trust.Data
open Cnn.Tests.Host.Cli
open Cnn.Tests.Host.DataCase

let private imageSize = 3 * 32 * 32

/// A record by hand: red, green and blue planes of one level each.
let private record (label: int) (levels: byte list) : byte[] =
    [|
        byte label
        for level in levels do
            yield! Array.create 1024 level
    |]

/// A folder in which nothing is wrong: two records in each file.
let private write (folder: string) =
    for i in 1..5 do
        place folder $"data_batch_{i}.bin" (Array.append (record i [ 1uy; 2uy; byte i ]) (record 0 [ 4uy; 5uy; 6uy ]))

    place folder "test_batch.bin" (Array.append (record 9 [ 7uy; 8uy; 9uy ]) (record 1 [ 1uy; 1uy; 1uy ]))

let private classNames =
    [
        "airplane"
        "automobile"
        "bird"
        "cat"
        "deer"
        "dog"
        "frog"
        "horse"
        "ship"
        "truck"
    ]

let private refuses (name: string) (damage: string -> unit) (parts: string list) =
    test name {
        inFolder (fun folder ->
            write folder
            damage folder
            expectRefusal parts (fun () -> training folder))
    }

let tests =
    testList
        "Host.CifarFolder"
        [
            test "records are a label, then the red, the green and the blue plane" {
                inFolder (fun folder ->
                    write folder
                    let images = training folder
                    Expect.equal (shape images) (10, 3, 32, 32) "shape"
                    Expect.equal images.Labels [| 1uy; 0uy; 2uy; 0uy; 3uy; 0uy; 4uy; 0uy; 5uy; 0uy |] "labels"

                    Expect.equal
                        (images.Image(4).ToArray())
                        (Array.tail (record 3 [ 1uy; 2uy; 3uy ]))
                        "the first image of the third file"

                    Expect.isEmpty (names images) "names"
                    let tested = testing folder
                    Expect.equal (shape tested) (2, 3, 32, 32) "shape of the test images"
                    Expect.equal tested.Labels [| 9uy; 1uy |] "their labels")
            }
            test "the names of the classes are in a file of their own" {
                inFolder (fun folder ->
                    write folder
                    // as in the original: an empty line ends it
                    text folder "batches.meta.txt" (classNames @ [ "" ])
                    Expect.equal (names (training folder)) classNames "names"
                    Expect.equal (names (testing folder)) classNames "of the test images too")
            }
            test "a set comes back as it was written" {
                inFolder (fun folder ->
                    let images = SampleSets.stripes 50 3
                    SampleSets.writeCifar folder images (SampleSets.stripes 10 4)
                    let read = training folder
                    Expect.equal read.Pixels images.Pixels "pixels"
                    Expect.equal read.Labels images.Labels "labels"
                    Expect.equal (names read) (names images) "names"
                    Expect.equal (read.Digest()) (images.Digest()) "digest")
            }
            test "without a test file there is none, and training goes on" {
                inFolder (fun folder ->
                    write folder
                    File.Delete(Path.Combine(folder, "test_batch.bin"))
                    let source = DataSource.Open folder
                    Expect.stringContains source.MissingTest "test_batch.bin" "why"
                    Expect.equal (training folder).Count 10 "training"
                    expectRefusal [ "test_batch.bin" ] (fun () -> testing folder))
            }
            test "reading takes the images and a buffer" {
                inFolder (fun folder ->
                    let images = some 3 32 32 10 1000 1
                    SampleSets.writeCifar folder images (some 3 32 32 10 10 2)
                    let bytes, read = allocated (fun () -> training folder)
                    Expect.equal read.Pixels images.Pixels "pixels"
                    Expect.isLessThan bytes (images.Pixels.LongLength + 800_000L) "bytes allocated")
            }
            test "a list of digests is held against the files" {
                inFolder (fun folder ->
                    write folder
                    text folder "SHA256SUMS" [ String.replicate 64 "0" + "  data_batch_4.bin" ]
                    expectRefusal [ "data_batch_4.bin"; "SHA256SUMS" ] (fun () -> training folder))
            }
            refuses
                "a file that is missing"
                (fun folder -> File.Delete(Path.Combine(folder, "data_batch_3.bin")))
                [ "data_batch_3.bin"; "no file" ]
            refuses
                "a record that is cut off"
                (fun folder -> place folder "data_batch_2.bin" (Array.take 3001 (record 1 [ 1uy; 2uy; 3uy ])))
                [ "data_batch_2.bin"; "record 1"; "72 of its 3,073" ]
            refuses "an empty file" (fun folder -> place folder "data_batch_5.bin" [||]) [ "data_batch_5.bin"; "empty" ]
            refuses
                "a label that no class has"
                (fun folder ->
                    place
                        folder
                        "data_batch_1.bin"
                        (Array.append (record 9 [ 1uy; 1uy; 1uy ]) (record 10 [ 1uy; 1uy; 1uy ])))
                [ "data_batch_1.bin"; "record 2"; "label 10"; "0 to 9" ]
            refuses
                "a label beyond the names"
                (fun folder -> text folder "batches.meta.txt" [ "a"; "b"; "c" ])
                [ "data_batch_3.bin"; "record 1"; "label 3"; "0 to 2" ]
            refuses
                "two classes of the same name"
                (fun folder -> text folder "batches.meta.txt" [ "a"; "b"; "a" ])
                [ "batches.meta.txt"; "line 3"; "name a" ]
            refuses
                "a name that a terminal would obey"
                (fun folder -> text folder "batches.meta.txt" [ "a"; "b\u001b[2J" ])
                [ "batches.meta.txt"; "line 2" ]
            refuses
                "a folder in place of a file"
                (fun folder ->
                    File.Delete(Path.Combine(folder, "data_batch_3.bin"))
                    Directory.CreateDirectory(Path.Combine(folder, "data_batch_3.bin")) |> ignore)
                [ "data_batch_3.bin"; "is a folder" ]
            test "the version for Python" {
                inFolder (fun folder ->
                    place folder "data_batch_1" [| 1uy |]
                    expectRefusal [ "Python"; "binary version" ] (fun () -> training folder))
            }
            test "more records than an array holds are counted before memory is taken" {
                inFolder (fun folder ->
                    write folder
                    // of holes: it takes no room on the disk
                    use file = File.OpenWrite(Path.Combine(folder, "data_batch_5.bin"))
                    file.SetLength(int64 (1 + imageSize) * 700_000L)
                    file.Dispose()

                    let bytes, () =
                        allocated (fun () ->
                            expectRefusal [ "700,008"; "3x32x32"; "are the most" ] (fun () -> training folder))

                    Expect.isLessThan bytes 5_000_000L "bytes allocated")
            }
        ]
