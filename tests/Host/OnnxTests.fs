/// `cnn export` and `cnn import` as they are typed.
module Cnn.Tests.Host.OnnxTests

open System
open System.IO
open Expecto
open Cnn
open Cnn.Host.Onnx
open Cnn.Interchange
open Cnn.Tests.Host.Cli
open Cnn.Tests.Interchange.GraphCases

let private write (folder: string) (name: string) (bytes: byte[]) =
    File.WriteAllBytes(Path.Combine(folder, name), bytes)

let private read (folder: string) (name: string) : byte[] =
    File.ReadAllBytes(Path.Combine(folder, name))

let private model () =
    Model
        .Create("conv 3 3 pad 1, batchnorm, relu, dropout 0.2, pool 2, flatten, dense 3", 1, 6, 6, "he", 1)
        .WithNormalization(0.1307, 0.3081)
        .WithClassNames([ "a"; "b"; "ç" ])
        .WithTrainingCommand("cnn train --seed 1")

let private foreign =
    graph
        (images 1 2 2)
        [
            node "Flatten" [ "x" ] "f" []
            node "MatMul" [ "f"; "w" ] "l" []
            node "Softmax" [ "l" ] "y" []
        ]
        [ constant "w" [ 4; 2 ] 1 ]

let tests =
    testList
        "Host.Onnx"
        [
            test "a model that is exported and imported has the same bytes" {
                inFolder (fun folder ->
                    write folder "model.bin" (model().Encode())
                    let printed = runOk folder [ "export"; "model.bin"; "--onnx"; "model.onnx" ]
                    Expect.stringStarts printed "model.onnx  operator set 20, " "what was written"
                    let outcome = run folder [ "import"; "model.onnx"; "--out"; "again.bin" ]
                    Expect.equal outcome.Code 0 outcome.Error
                    Expect.equal outcome.Error "" "nothing to say"
                    Expect.stringContains outcome.Output "1x6x6: conv 3 3 pad 1, batchnorm" "what was read"
                    Expect.sequenceEqual (read folder "again.bin") (read folder "model.bin") "bytes"
                    // the same model, the same file
                    runOk folder [ "export"; "again.bin"; "--onnx"; "again.onnx" ] |> ignore
                    Expect.sequenceEqual (read folder "again.onnx") (read folder "model.onnx") "bytes")
            }
            test "an import replaces a model only where it is told to, and takes from nobody what the file says itself" {
                inFolder (fun folder ->
                    write folder "model.bin" (model().Encode())
                    runOk folder [ "export"; "model.bin"; "--onnx"; "model.onnx" ] |> ignore

                    run folder [ "import"; "model.onnx" ]
                    |> expectComplaint 2 "model.bin is there already; say with --out"

                    run folder [ "import"; "model.onnx"; "--pixels"; "unit"; "--out"; "u.bin" ]
                    |> expectComplaint 3 "it says by itself how bytes become its inputs"

                    Expect.isFalse (File.Exists(Path.Combine(folder, "u.bin"))) "a model"
                    Expect.sequenceEqual (read folder "model.bin") (model().Encode()) "the first model"
                    runOk folder [ "import"; "model.onnx"; "--out"; "model.bin" ] |> ignore)
            }
            test "of a file of another program it is said what was taken for granted" {
                inFolder (fun folder ->
                    write folder "net.onnx" (OnnxWriter.Encode foreign)
                    let outcome = run folder [ "import"; "net.onnx" ]
                    Expect.equal outcome.Code 0 outcome.Error
                    Expect.stringContains outcome.Error "net.onnx: its softmax is left out" "softmax"
                    Expect.stringContains outcome.Error "taken as byte / 255, which --pixels can change" "pixels"
                    let summary = runOk folder [ "summary"; "net.bin" ]
                    Expect.stringContains summary "flatten" "summary"

                    let told =
                        run folder [ "import"; "net.onnx"; "--pixels"; "0.1307, 0.3081"; "--out"; "b.bin" ]

                    Expect.isFalse (told.Error.Contains "--pixels") told.Error

                    let struct (mean, deviation) =
                        (Model.Decode(ReadOnlyMemory(read folder "b.bin"))).Normalization

                    Expect.equal (mean, deviation) (0.1307, 0.3081) "normalisation")
            }
            test "what cannot be is told in a sentence" {
                inFolder (fun folder ->
                    write folder "model.bin" (model().Encode())
                    write folder "noise.onnx" (Array.create 100 0xFFuy)
                    write folder "empty.onnx" [||]

                    write
                        folder
                        "transposed.onnx"
                        (OnnxWriter.Encode(graph (images 1 2 2) [ node "Transpose" [ "x" ] "y" [] ] []))

                    write
                        folder
                        "flat.onnx"
                        (OnnxWriter.Encode(
                            graph
                                [ Open "N"; Fixed 4L ]
                                [ node "MatMul" [ "x"; "w" ] "y" [] ]
                                [ constant "w" [ 4; 2 ] 1 ]
                        ))

                    let complain code part arguments =
                        run folder arguments |> expectComplaint code part

                    complain 2 "say what to write, such as --onnx" [ "export"; "model.bin" ]
                    complain 2 "is the model itself" [ "export"; "model.bin"; "--onnx"; "model.bin" ]
                    complain 2 "is a folder" [ "export"; "model.bin"; "--onnx"; "." ]
                    complain 3 "there is no file none.bin" [ "export"; "none.bin"; "--onnx"; "a.onnx" ]
                    complain 3 "noise.onnx is not a usable model" [ "export"; "noise.onnx"; "--onnx"; "a.onnx" ]
                    complain 2 "is the file itself" [ "import"; "noise.onnx"; "--out"; "noise.onnx" ]
                    complain 2 "--pixels 'rgb' is not bytes, unit" [ "import"; "noise.onnx"; "--pixels"; "rgb" ]
                    complain 3 "noise.onnx is not an ONNX file" [ "import"; "noise.onnx" ]
                    complain 3 "empty.onnx is empty" [ "import"; "empty.onnx" ]

                    complain
                        3
                        "model.bin is a model of this program already"
                        [ "import"; "model.bin"; "--out"; "a.bin" ]

                    complain 3 "node '/y' (Transpose): no layer here" [ "import"; "transposed.onnx"; "--out"; "a.bin" ]

                    complain
                        3
                        "its examples are 4; the models here are for images"
                        [ "import"; "flat.onnx"; "--out"; "a.bin" ]

                    Expect.isFalse (File.Exists(Path.Combine(folder, "a.bin"))) "nothing is written")
            }
        ]
