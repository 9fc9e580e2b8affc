/// `cnn export --pytorch` and `cnn import`: the files that they write, and what they refuse.
module Cnn.Tests.Host.PyTorchFileTests

open System
open System.IO
open Expecto
open Cnn
open Cnn.Tests.Host.Cli
open Cnn.Tests.Interchange.StateDictCases

let private write (folder: string) (name: string) (bytes: byte[]) =
    File.WriteAllBytes(Path.Combine(folder, name), bytes)

let private arch = [ "--arch"; SmallLayers; "--input"; "1x5x5"; "--classes"; "4" ]

let private bad: (string list * int * string) list =
    [
        [ "w.safetensors" ], 2, "say with --model or --arch which network they are of"
        [ "w.safetensors"; "--model"; "lenet"; "--arch"; "flatten, dense 4" ], 2, "give one of them"
        "w.safetensors" :: arch @ [ "--input"; "5x5" ], 2, "--input is given 2 times"
        [ "w.safetensors"; "--model"; "lenet"; "--input"; "28x28" ], 2, "channels, rows and columns, such as 1x28x28"
        [ "w.safetensors"; "--model"; "lenet"; "--input"; "1x2x2" ], 2, "layer 3"
        "w.safetensors" :: arch @ [ "--pixels"; "0.5" ], 2, "--pixels '0.5' is not bytes, unit, or a mean"
        "w.safetensors" :: arch @ [ "--pixels"; "0.5 0" ], 2, "deviation above 0"
        "w.safetensors" :: arch @ [ "--pixels"; "0.5 1e-320" ], 2, "cannot normalise an image"
        "w.safetensors" :: arch @ [ "--map"; "conv1" ], 2, "--map 'conv1' is not possible"
        "w.safetensors" :: arch @ [ "--map"; "conv3=0" ], 3, "it has no module 'conv3'"
        "w.safetensors" :: arch @ [ "--out"; "nowhere/m.bin" ], 2, "nowhere"
        "w.safetensors" :: arch @ [ "--out"; "./w.safetensors" ], 2, "is the file itself"
        [ "w.safetensors"; "--model"; "lenet"; "--classes"; "a,b" ],
        3,
        "the weights in w.safetensors cannot be used: its module"
        [
            "w.safetensors"
            "--arch"
            SmallLayers
            "--input"
            "1x5x5"
            "--classes"
            "a,b,c,c"
        ],
        2,
        "the same name"
        "nowhere.safetensors" :: arch, 3, "there is no file nowhere.safetensors"
        "w.pt" :: arch, 3, "safetensors.torch.save_file"
        arch, 2, "FILE"
    ]

let private badExports: (string list * int * string) list =
    [
        [ "model.bin" ], 2, "say what to write"
        [ "model.bin"; "--map"; "conv1=0" ], 2, "give --pytorch FILE as well"
        [ "model.bin"; "--onnx"; "a"; "--pytorch"; "b" ], 2, "give one of them"
        [ "model.bin"; "--pytorch"; "model.bin" ], 2, "the model itself"
        [ "model.bin"; "--pytorch"; "nowhere/w" ], 2, "nowhere"
        [ "model.bin"; "--pytorch"; "o"; "--map"; "conv1=7" ],
        2,
        "the network has no layer '7' that learns; those are 0, 1, 3, 5"
        [ "w.safetensors"; "--pytorch"; "o" ], 3, "w.safetensors is not a usable model"
    ]

let tests =
    testList
        "Host.PyTorchFile"
        [
            test "weights of PyTorch become a model, which becomes the same weights again" {
                inFolder (fun folder ->
                    write folder "w.safetensors" (file "F32" small)

                    let shown =
                        runOk
                            folder
                            [
                                "import"
                                "w.safetensors"
                                "--arch"
                                SmallLayers
                                "--input"
                                "1x5x5"
                                "--classes"
                                "cat,dog,hen,cow"
                                "--pixels"
                                "0.5 0.25"
                                "--out"
                                "model.bin"
                            ]

                    for part in
                        [
                            "conv1"
                            "Conv2d"
                            "2x1x2x2"
                            "bn1"
                            "conv 3 3x1"
                            "(byte / 255 - 0.5) / 0.25"
                            "model.bin  sha256 "
                        ] do
                        Expect.stringContains shown part "what is shown"

                    let model =
                        Model.Decode(ReadOnlyMemory(File.ReadAllBytes(Path.Combine(folder, "model.bin"))))

                    Expect.sequenceEqual model.ClassNames [ "cat"; "dog"; "hen"; "cow" ] "names"
                    Expect.equal model.Normalization (struct (0.5, 0.25)) "normalisation"

                    // the pixel values that the formulas of torch.nn get after ToTensor and Normalize
                    let pixels = Array.init 25 (fun i -> byte (i * 10))
                    let x = Array2D.init 5 5 (fun i j -> (float pixels[5 * i + j] / 255.0 - 0.5) / 0.25)
                    let logits = model.Logits(ReadOnlyMemory pixels, 1).ToArray() |> Array.map float
                    Cnn.Tests.Support.expectClose 1e-5 "logits" (smallLogits small x) logits

                    let names = "conv1=0,bn1=1,conv2=3,fc=5"

                    runOk folder [ "export"; "model.bin"; "--pytorch"; "back.safetensors"; "--map"; names ]
                    |> ignore

                    runOk folder ("import" :: "back.safetensors" :: arch @ [ "--out"; "again.bin" ])
                    |> ignore

                    let again =
                        Model.Decode(ReadOnlyMemory(File.ReadAllBytes(Path.Combine(folder, "again.bin"))))

                    Expect.sequenceEqual
                        (again.WithNormalization(0.5, 0.25).WithClassNames(model.ClassNames).Encode())
                        (model.Encode())
                        "the same model")
            }

            test "what is decided by order, or filled in, is said" {
                inFolder (fun folder ->
                    let one name =
                        [ $"{name}.weight", [ 2; 2 ], [ 1.0; 2.0; 3.0; 4.0 ] ]

                    write folder "w" (file "F32" (one "b" @ one "a"))

                    let outcome =
                        run
                            folder
                            [
                                "import"
                                "w"
                                "--arch"
                                "flatten, dense 2, gelu, dense 2"
                                "--input"
                                "1x1x2"
                                "--classes"
                                "2"
                            ]

                    let shown = outcome.Output
                    Expect.stringContains outcome.Error "nn.GELU(approximate=\"tanh\")" "which gelu"
                    Expect.stringContains shown "by order: others have its shape" "order"
                    Expect.stringContains shown "no bias in the file: zeros" "bias")
            }

            test "mistakes end in one sentence, and nothing is written" {
                inFolder (fun folder ->
                    write folder "w.safetensors" (file "F32" small)
                    write folder "w.pt" (Array.append "PK\003\004"B (Array.zeroCreate 100))

                    for arguments, code, part in bad do
                        run folder ("import" :: arguments) |> expectComplaint code part

                    Expect.isFalse (File.Exists(Path.Combine(folder, "model.bin"))) "a model"

                    runOk folder ("import" :: "w.safetensors" :: arch @ [ "--out"; "model.bin" ])
                    |> ignore

                    for arguments, code, part in badExports do
                        run folder ("export" :: arguments) |> expectComplaint code part

                    Expect.isFalse (File.Exists(Path.Combine(folder, "o"))) "weights")
            }

            test "names in a file cannot reach the terminal as commands" {
                inFolder (fun folder ->
                    let name = "a\u001b[2J\nb"
                    let entries = [ $"{name}.weight", [ 2; 2 ], [ 1.0; 2.0; 3.0; 4.0 ] ]
                    write folder "w" (file "F32" entries)

                    let common =
                        [
                            "import"
                            "w"
                            "--out"
                            "m.bin"
                            "--input"
                            "1x1x2"
                            "--classes"
                            "2"
                            "--arch"
                        ]

                    let shown = runOk folder (common @ [ "flatten, dense 2" ])
                    Expect.isFalse (shown.Contains '\027') "an escape code"
                    Expect.stringContains shown "a [2J b" "its name"

                    run folder (common @ [ "flatten, dense 3, dense 2" ])
                    |> expectComplaint 3 "'a [2J b'")
            }
        ]
