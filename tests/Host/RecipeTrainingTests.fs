/// Recipes at work: those of the program on data that they were not made for, and every number of a recipe with its effect.
module Cnn.Tests.Host.RecipeTrainingTests

open System
open System.IO
open System.Text.Json
open Expecto
open Cnn
open Cnn.Tests.Host.Cli

/// What a model file says of an image that no file has.
let private logits (folder: string) (size: int) (file: string) : float32 list =
    let model =
        Model.Decode(ReadOnlyMemory(File.ReadAllBytes(Path.Combine(folder, file))))

    let image = Array.init (size * size) (fun i -> byte (i * 37 % 256))
    List.ofArray (model.Logits(ReadOnlyMemory image, 1).ToArray())

let private ofProgram =
    [
        for name in [ "fast"; "default"; "best" ] do
            test $"{name} trains on images of another size, with other classes" {
                inFolder (fun folder ->
                    // large enough for the pools of a network that is made for 28 x 28
                    writeData folder 16 150 30

                    let train (epochs: string) (out: string) =
                        runOk
                            folder
                            [
                                "train"
                                "--recipe"
                                name
                                "--data"
                                "."
                                "--epochs"
                                epochs
                                "--out"
                                out
                                "--no-run-folder"
                            ]

                    train "0" "before.bin" |> ignore
                    let text = train "1" "after.bin"
                    Expect.stringContains text "30 images)" "what it is tested on"
                    let before, after = logits folder 16 "before.bin", logits folder 16 "after.bin"
                    Expect.equal after.Length 3 "an output for each class"
                    Expect.isTrue (after |> List.forall Single.IsFinite) $"{after}"
                    Expect.notEqual after before "it has learned something"

                    use json =
                        JsonDocument.Parse(runOk folder [ "eval"; "after.bin"; "--data"; "."; "--json" ])

                    Expect.equal (json.RootElement.GetProperty("perClass").GetArrayLength()) 3 "classes")
            }
    ]

/// `train` for two short epochs with these flags, and what its model says.
let private trained (folder: string) (flags: string list) : float32 list =
    runOk
        folder
        ([
            "train"
            "--no-run-folder"
            "--data"
            "."
            "--batch-size"
            "20"
            "--lr"
            "0.02"
            "--schedule"
            "constant"
            "--augment"
            "none"
            "--out"
            "m.bin"
         ]
         @ flags)
    |> ignore

    logits folder 8 "m.bin"

let private plain =
    [ "--epochs"; "2"; "--arch"; "conv 4 3, relu, pool 2, flatten, dense classes" ]

let private numbers =
    [
        for flag, value, off in
            [
                "--weight-decay", "0.5", "0"
                "--label-smoothing", "0.2", "0"
                "--clip-norm", "0.05", "0"
                "--ema", "0.9", "0"
            ] do
            test $"{flag} changes the model, and {off} does not" {
                inFolder (fun folder ->
                    writeData folder 8 200 30
                    let without = trained folder plain
                    Expect.equal (trained folder (plain @ [ flag; off ])) without "off"
                    Expect.notEqual (trained folder (plain @ [ flag; value ])) without value)
            }

        test "the rate of dropout changes what is learned, and nothing before" {
            inFolder (fun folder ->
                writeData folder 8 200 30

                let dropping (rate: string) (epochs: string) =
                    trained
                        folder
                        [
                            "--epochs"
                            epochs
                            "--arch"
                            $"conv 4 3, relu, pool 2, flatten, dropout {rate}, dense classes"
                        ]

                Expect.equal (dropping "0.5" "0") (dropping "0.1" "0") "untrained, nothing is dropped"
                Expect.notEqual (dropping "0.5" "2") (dropping "0.1" "2") "trained")
        }

        test "adamw decays by 0.01 where nobody says otherwise, and what is printed is what holds" {
            inFolder (fun folder ->
                writeData folder 8 200 30
                let adamw = plain @ [ "--optimizer"; "adamw" ]
                let usual = trained folder adamw
                Expect.equal (trained folder (adamw @ [ "--weight-decay"; "0.01" ])) usual "0.01"
                let none = trained folder (adamw @ [ "--weight-decay"; "0" ])
                Expect.equal none (trained folder (plain @ [ "--optimizer"; "adam" ])) "0 is adam"
                Expect.notEqual none usual "the decay is seen"

                let decay (flags: string list) =
                    use json = JsonDocument.Parse(runOk folder ("train" :: "--print-config" :: flags))
                    json.RootElement.GetProperty("weight-decay").GetDouble()

                Expect.equal (decay adamw) 0.01 "printed"
                Expect.equal (decay (adamw @ [ "--weight-decay"; "0" ])) 0.0 "a flag"

                let recipe (extra: string) =
                    let text =
                        $"""{{ "name": "r", "version": 1, "arch": "flatten, dense classes", "init": "he", "epochs": 1,
                               "batch-size": 20, "optimizer": "adamw", "lr": 0.01, "schedule": "constant"{extra} }}"""

                    File.WriteAllText(Path.Combine(folder, "r.json"), text)

                recipe ""
                Expect.equal (decay [ "--recipe"; "r.json" ]) 0.01 "a recipe that says nothing"
                Expect.equal (decay [ "--recipe"; "r.json"; "--optimizer"; "sgd" ]) 0.0 "of another optimizer"
                recipe ", \"weight-decay\": 0"
                Expect.equal (decay [ "--recipe"; "r.json" ]) 0.0 "a recipe that says 0")
        }
    ]

let tests = testList "Host.RecipeTraining" (ofProgram @ numbers)
