module Cnn.Tests.Host.BadInputTests

open System.IO
open System.IO.Compression
open Expecto
open Cnn.Tests.Host.Cli

let private trainImages = "train-images-idx3-ubyte"
let private trainLabels = "train-labels-idx1-ubyte"

/// Each flag with a part of the sentence that must come back; all are usage errors.
let private flags =
    [
        [ "--epochs"; "-1" ], "--epochs"
        [ "--batch-size"; "0" ], "--batch-size"
        [ "--lr"; "nan" ], "--lr"
        [ "--lr"; "-1" ], "--lr"
        [ "--lr"; "fast" ], "--lr"
        [ "--threads"; "0" ], "--threads"
        [ "--seed"; "x" ], "--seed"
        [ "--model"; "vgg" ], "simple"
        [ "--model"; "deep"; "--arch"; "flatten, dense 10" ], "--arch"
        [ "--optimizer"; "lion" ], "adamw"
        [ "--schedule"; "later" ], "one-cycle"
        [ "--augment"; "mirror" ], "shift"
        [ "--augment"; "shift, rotate 400" ], "180 degrees"
        [ "--augment"; "" ], "needed"
        [ "--init"; "zero" ], "he"
        [ "--init"; "normal:-1" ], "positive"
        [ "--init"; "normal:1e39" ], "single precision"
        [ "--arch"; "conv 8" ], "kernel"
        [ "--arch"; "conv 8 3, dense 3" ], "flatten"
        [ "--arch"; "flatten, dense 2" ], "3 classes"
        [ "--arch"; "flatten, dense 2000000000, dense 3" ], "more than an array can hold"
        [ "--arch"; "relu 1, flatten, dense 3" ], "takes nothing"
        [ "--arch"; "conv 64 3 pad 1, conv 1 8 pad 9000, flatten, dense 3" ], "more than an array can hold"
        [ "--arch"; "avgpool 20000000 pad 19999999, flatten, dense 3" ], "16777216"
        [ "--arch"; "pool 20, flatten, dense 3" ], "does not fit"
        [ "--train-size"; "0" ], "--train-size"
        [ "--train-size"; "1000" ], "--train-size"
        [ "--validation"; "30" ], "--validation"
        [ "--out"; "nowhere/m.bin" ], "nowhere"
        [ "--out"; "." ], "folder"
        [ "--epoch"; "3" ], "--epoch"
    ]

let private badFlags =
    flags
    |> List.map (fun (flags, part) ->
        let name = String.concat " " flags

        test $"train {name}" {
            inFolder (fun folder ->
                writeData folder 8 30 9
                let before = Directory.GetFiles folder |> Array.length
                run folder ("train" :: "--data" :: "." :: flags) |> expectComplaint 2 part
                Expect.equal (Directory.GetFiles(folder).Length) before "files written")
        })

/// Something done to a good data folder, and a part of the sentence that must come back.
let private badData: (string * (string -> unit) * string) list =
    let change (name: string) (f: byte[] -> byte[]) (folder: string) =
        let path = Path.Combine(folder, name)
        File.WriteAllBytes(path, f (File.ReadAllBytes path))

    [
        "missing file", (fun folder -> File.Delete(Path.Combine(folder, trainLabels))), trainLabels
        "empty file", change trainImages (fun _ -> [||]), trainImages
        "truncated file", change trainImages (fun b -> b[.. b.Length - 2]), trainImages
        "bytes too many", change trainImages (fun b -> Array.append b [| 0uy |]), trainImages
        "wrong magic", change trainImages (fun b -> Array.append [| 1uy |] b[1..]), trainImages
        "labels for images", change trainImages (fun _ -> idx 0x801 [ 3 ] [| 0uy; 1uy; 2uy |]), trainImages
        "counts that differ", change trainLabels (fun _ -> idx 0x801 [ 3 ] [| 0uy; 1uy; 2uy |]), "3"
        "extents that overflow",
        change trainImages (fun _ -> idx 0x803 [ 2147483647; 2147483647; 28 ] [||]),
        trainImages
        "no images", change trainImages (fun _ -> idx 0x803 [ 0; 8; 8 ] [||]), trainImages
        "damaged gzip",
        (fun folder ->
            use stream = new MemoryStream()

            do
                use gzip = new GZipStream(stream, CompressionLevel.Fastest, leaveOpen = true)
                gzip.Write(File.ReadAllBytes(Path.Combine(folder, trainImages)))

            let packed = stream.ToArray()
            File.WriteAllBytes(Path.Combine(folder, trainImages), packed[.. packed.Length / 2])),
        trainImages
        "a .gz that is not gzip",
        (fun folder -> File.Move(Path.Combine(folder, trainImages), Path.Combine(folder, trainImages + ".gz"))),
        "gzip"
        "a wrong checksum",
        (fun folder ->
            File.WriteAllText(Path.Combine(folder, "SHA256SUMS"), String.replicate 64 "0" + "  " + trainImages + "\n")),
        trainImages
        "a folder in place of a file",
        (fun folder ->
            File.Delete(Path.Combine(folder, trainImages))
            Directory.CreateDirectory(Path.Combine(folder, trainImages)) |> ignore),
        trainImages
    ]

let private badDataTests =
    badData
    |> List.map (fun (name, damage, part) ->
        test $"data: {name}" {
            inFolder (fun folder ->
                writeData folder 8 30 9
                damage folder

                run
                    folder
                    [
                        "train"
                        "--data"
                        "."
                        "--arch"
                        "flatten, dense 3"
                        "--epochs"
                        "1"
                        "--out"
                        "m.bin"
                    ]
                |> expectComplaint 3 part

                Expect.isFalse (File.Exists(Path.Combine(folder, "m.bin"))) "a model was written")
        })

let private badModels =
    [
        test "eval: missing, empty, foreign or damaged models, a folder" {
            inFolder (fun folder ->
                let write (name: string) (content: byte[]) =
                    File.WriteAllBytes(Path.Combine(folder, name), content)

                write "empty.bin" [||]
                write "text.bin" "not a model at all"B
                write "zeros.bin" (Array.zeroCreate 100)
                Directory.CreateDirectory(Path.Combine(folder, "folder.bin")) |> ignore

                for name in [ "missing.bin"; "empty.bin"; "text.bin"; "zeros.bin"; "folder.bin" ] do
                    run folder [ "eval"; name ] |> expectComplaint 3 name)
        }

        test "eval: a truncated model, images of another size, labels beyond the classes" {
            inFolder (fun folder ->
                writeData folder 8 30 9

                runOk
                    folder
                    [
                        "train"
                        "--data"
                        "."
                        "--arch"
                        "flatten, dense 3"
                        "--no-run-folder"
                        "--epochs"
                        "0"
                        "--out"
                        "m.bin"
                    ]
                |> ignore

                let whole = File.ReadAllBytes(Path.Combine(folder, "m.bin"))
                File.WriteAllBytes(Path.Combine(folder, "half.bin"), whole[.. whole.Length / 2])
                run folder [ "eval"; "half.bin"; "--data"; "." ] |> expectComplaint 3 "half.bin"
                // MNIST, which is the default, has images of 28 x 28
                run folder [ "eval"; "m.bin" ] |> expectComplaint 3 "28x28"

                File.WriteAllBytes(
                    Path.Combine(folder, "t10k-labels-idx1-ubyte"),
                    idx 0x801 [ 9 ] [| 0uy; 1uy; 2uy; 0uy; 1uy; 2uy; 0uy; 1uy; 9uy |]
                )

                run folder [ "eval"; "m.bin"; "--data"; "." ] |> expectComplaint 3 "9")
        }

        test "eval without a model, an unknown command, a data folder that is none" {
            inFolder (fun folder ->
                run folder [ "eval" ] |> expectComplaint 2 "MODEL_FILE"
                run folder [ "dance" ] |> expectComplaint 2 "dance"
                run folder [ "train"; "--data"; "nowhere" ] |> expectComplaint 3 "nowhere")
        }
    ]

let tests = testList "Host.BadInput" (badFlags @ badDataTests @ badModels)
