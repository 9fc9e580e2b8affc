/// Recipes: which numbers hold for a run, and that wrong files are told apart from right ones.
module Cnn.Tests.Host.RecipeTests

open System
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open Expecto
open Cnn.Tests.Host.Cli

let private recipe =
    """
    // a comment
    {
      "name": "bars", "version": 3, "description": "for bars", /* another */
      "arch": "conv 8 3 pad 1, relu, pool 2, flatten, dense classes",
      "init": "he", "epochs": 2, "batch-size": 20,
      "optimizer": "adam", "lr": 0.01, "schedule": "linear 0.1",
    }
    """

let private write (folder: string) (name: string) (text: string) =
    File.WriteAllText(Path.Combine(folder, name), text)

let private config (folder: string) (arguments: string list) : string =
    runOk folder ("train" :: "--print-config" :: arguments)

/// The keys and values of a configuration, as they are written.
let private values (json: string) : Map<string, string> =
    use document = JsonDocument.Parse json

    Map
        [
            for field in document.RootElement.EnumerateObject() -> field.Name, field.Value.GetRawText()
        ]

/// One change to a good recipe, and parts of the sentence that must come back.
let private faults: (string * (string -> string) * string list) list =
    let replace (was: string) (is: string) (text: string) =
        Expect.stringContains text was "the test's own recipe"
        text.Replace(was, is)

    [
        "an unknown key", replace "\"lr\"" "\"lrr\": 1, \"lr\"", [ "\"lrr\""; "batch-size" ]
        "a key twice", replace "\"lr\"" "\"lr\": 1, \"lr\"", [ "\"lr\" twice" ]
        "a key that is missing", replace "\"epochs\": 2," "", [ "lacks"; "\"epochs\"" ]
        "a key in capitals", replace "\"lr\"" "\"LR\"", [ "\"lr\"" ]
        "text for a number", replace "0.01" "\"fast\"", [ "\"lr\""; "above 0" ]
        "a number for text", replace "\"adam\"" "7", [ "\"optimizer\""; "text" ]
        "null", replace "0.01" "null", [ "\"lr\""; "above 0" ]
        "a negative rate", replace "0.01" "-1", [ "\"lr\""; "-1"; "above 0" ]
        "a rate that is infinite", replace "0.01" "1e999", [ "\"lr\""; "above 0" ]
        "half an epoch", replace "\"epochs\": 2" "\"epochs\": 2.5", [ "\"epochs\""; "whole number" ]
        "no images in a batch", replace "20" "0", [ "\"batch-size\""; "at least 1" ]
        "version 0", replace "3," "0,", [ "\"version\""; "at least 1" ]
        "smoothing of everything",
        replace "\"lr\"" "\"label-smoothing\": 1, \"lr\"",
        [ "\"label-smoothing\""; "below 1" ]
        "yes for true", replace "\"lr\"" "\"normalize\": \"yes\", \"lr\"", [ "\"normalize\""; "true or false" ]
        "an unknown optimizer", replace "adam" "lion", [ "\"optimizer\""; "nesterov" ]
        "an unknown schedule", replace "linear 0.1" "later", [ "\"schedule\""; "one-cycle" ]
        "an unknown augmentation", replace "\"lr\"" "\"augment\": \"mirror\", \"lr\"", [ "\"augment\""; "mirror" ]
        "an unknown initialisation", replace "\"he\"" "\"zero\"", [ "\"init\""; "glorot" ]
        "an unknown layer", replace "relu" "rellu", [ "\"arch\""; "rellu" ]
        "too few outputs", replace "dense classes" "dense 2", [ "\"arch\""; "3 classes" ]
        "half a character", replace "\"bars\"" "\"\\ud800\"", [ "\"name\""; "whole characters" ]
        "half a character in a key", replace "\"lr\"" "\"\\ud800\"", [ "half a character" ]
        "a list", (fun _ -> "[]"), [ "object" ]
        "no JSON", replace "\"lr\":" "\"lr\"", [ "not JSON"; "line 7" ]
        "an empty file", (fun _ -> ""), [ "not JSON" ]
    ]

let tests =
    testList
        "Host.Recipe"
        [
            test "the recipes of the program are read, and name the flags of train" {
                inFolder (fun folder ->
                    let help = runOk folder [ "train"; "--help" ]

                    for name in [ "fast"; "default"; "best" ] do
                        let keys = values (config folder [ "--recipe"; name ])
                        Expect.equal keys["name"] $"\"{name}\"" "name"

                        for key in keys.Keys |> Seq.except [ "name"; "version"; "description" ] do
                            Expect.isTrue (Regex.IsMatch(help, $@"(?m)^ *--{key}\b")) $"--{key} in the help")
            }

            test "without a word it is the default recipe, which says what it always did" {
                inFolder (fun folder ->
                    let keys = values (config folder [])
                    Expect.equal keys (values (config folder [ "--recipe"; "default" ])) "by its name"

                    for key, value in
                        [
                            "epochs", "10"
                            "batch-size", "64"
                            "lr", "0.05"
                            "optimizer", "\"nesterov\""
                            "schedule", "\"one-cycle 0.3\""
                            "augment", "\"shift 2\""
                            "init", "\"he\""
                            "weight-decay", "0"
                            "label-smoothing", "0"
                            "clip-norm", "0"
                            "ema", "0"
                            "normalize", "false"
                        ] do
                        Expect.equal keys[key] value key)
            }

            test "every flag goes before the recipe, and what is printed is a recipe that prints itself" {
                inFolder (fun folder ->
                    write folder "bars.json" recipe

                    let flags =
                        [
                            "epochs", "3"
                            "batch-size", "7"
                            "lr", "0.125"
                            "weight-decay", "0.0005"
                            "label-smoothing", "0.1"
                            "clip-norm", "2"
                            "ema", "0.99"
                            "normalize", "true"
                            "optimizer", "\"sgd\""
                            "schedule", "\"cosine 0.05\""
                            "augment", "\"shift 2\""
                            "init", "\"glorot\""
                            "arch", "\"flatten, dense 20->classes\""
                        ]

                    let before = config folder [ "--recipe"; "bars.json" ]

                    let after =
                        config
                            folder
                            ("--recipe"
                             :: "bars.json"
                             :: [
                                 for key, value in flags do
                                     "--" + key
                                     value.Trim '"'
                             ])

                    let was, is = values before, values after

                    for key, value in flags do
                        Expect.equal is[key] value key
                        Expect.notEqual was[key] value $"{key} was so before"

                    Expect.equal is["version"] "3" "version"
                    Expect.stringContains is["name"] "--lr 0.125" "the name tells"

                    write folder "effective.json" after
                    Expect.equal (config folder [ "--recipe"; "effective.json" ]) after "again"
                    Expect.isEmpty (Directory.GetFiles(folder, "*.bin")) "a model")
            }

            test "--model takes the place of the layers, for any number of classes; and false that of true" {
                inFolder (fun folder ->
                    write folder "bars.json" (recipe.Replace("\"lr\"", "\"normalize\": true, \"lr\""))

                    let keys =
                        values (config folder [ "--recipe"; "bars.json"; "--model"; "simple"; "--normalize"; "false" ])

                    Expect.equal keys["arch"] "\"conv 8 3, relu, pool 2, flatten, dense classes\"" "layers"
                    Expect.equal keys["normalize"] "false" "normalize")
            }

            test "a recipe and its flags one by one train the same model, bit by bit; another recipe does not" {
                inFolder (fun folder ->
                    writeData folder 8 120 30
                    write folder "bars.json" recipe

                    let train (arguments: string list) (out: string) =
                        runOk folder ([ "train"; "--data"; "."; "--out"; out; "--no-run-folder" ] @ arguments)
                        |> ignore

                        modelIn folder out

                    let ofRecipe = train [ "--recipe"; "bars.json" ] "a"

                    let ofFlags =
                        train
                            [
                                "--arch"
                                "conv 8 3 pad 1, relu, pool 2, flatten, dense 3"
                                "--epochs"
                                "2"
                                "--batch-size"
                                "20"
                                "--optimizer"
                                "adam"
                                "--lr"
                                "0.01"
                                "--schedule"
                                "linear 0.1"
                                "--augment"
                                "none"
                            ]
                            "b"

                    Expect.sequenceEqual ofFlags ofRecipe "the same"
                    let other = train [ "--recipe"; "bars.json"; "--schedule"; "linear" ] "c"
                    Expect.isFalse (other = ofRecipe) "another schedule"
                    let normalized = train [ "--recipe"; "bars.json"; "--normalize" ] "d"
                    Expect.isFalse (normalized = ofRecipe) "normalised")
            }

            test "inputs are normalised by the images that are trained on, not by those held out" {
                inFolder (fun folder ->
                    writeData folder 8 120 30
                    write folder "bars.json" recipe
                    // the last half much brighter: held out, it must not count
                    let path = Path.Combine(folder, "train-images-idx3-ubyte")
                    let images = File.ReadAllBytes path
                    let middle = 16 + 60 * 64

                    File.WriteAllBytes(path, images |> Array.mapi (fun i b -> if i < middle then b else max b 100uy))

                    let train (arguments: string list) (out: string) =
                        runOk
                            folder
                            ([ "train"; "--recipe"; "bars.json"; "--normalize"; "--data"; "."; "--out"; out ]
                             @ "--no-run-folder" :: arguments)
                        |> ignore

                        modelIn folder out

                    let heldOut = train [ "--validation"; "60" ] "a"
                    let cutOff = train [ "--train-size"; "60" ] "b"
                    Expect.sequenceEqual heldOut cutOff "the first half in both"

                    let all = train [ "--epochs"; "0" ] "c"
                    let half = train [ "--epochs"; "0"; "--train-size"; "60" ] "d"
                    Expect.isFalse (all = half) "another mean")
            }

            test "the name of a recipe gives no commands to a terminal" {
                inFolder (fun folder ->
                    writeData folder 8 30 9
                    write folder "r.json" (recipe.Replace("\"bars\"", "\"\\u001b[31mred\""))

                    let outcome =
                        run folder [ "train"; "--data"; "."; "--recipe"; "r.json"; "--epochs"; "1" ]

                    Expect.stringContains outcome.Error "recipe ?[31mred" "the name"
                    Expect.isFalse ((outcome.Output + outcome.Error).Contains '\027') "an escape code")
            }

            testList
                "wrong files"
                [
                    for name, change, parts in faults do
                        test name {
                            inFolder (fun folder ->
                                writeData folder 8 30 9
                                write folder "r.json" (change recipe)
                                let outcome = run folder [ "train"; "--data"; "."; "--recipe"; "r.json" ]

                                for part in "r.json" :: parts do
                                    outcome |> expectComplaint 3 part

                                Expect.isFalse (File.Exists(Path.Combine(folder, "model.bin"))) "a model was written")
                        }

                    test "no file, a folder" {
                        inFolder (fun folder ->
                            run folder [ "train"; "--recipe"; "nowhere.json" ]
                            |> expectComplaint 3 "nowhere.json"

                            run folder [ "train"; "--recipe"; "slow" ] |> expectComplaint 3 "default"
                            run folder [ "train"; "--recipe"; "." ] |> expectComplaint 3 "is a folder")
                    }
                ]

            testList
                "wrong flags"
                [
                    for flags, part in
                        [
                            [ "--weight-decay"; "-1" ], "--weight-decay"
                            [ "--label-smoothing"; "1" ], "--label-smoothing"
                            [ "--clip-norm"; "inf" ], "--clip-norm"
                            [ "--ema"; "1" ], "--ema"
                            [ "--normalize"; "maybe" ], "'maybe'"
                            [ "--normalize=maybe" ], "give true or false"
                            [ "--print-config"; "--arch"; "rellu, dense 3" ], "rellu"
                            [ "--patience"; "0" ], "--patience"
                            [ "--patience"; "3" ], "--validation"
                            [ "--schedule"; "cosine 2" ], "below 1"
                            [ "--recipe" ], "--recipe"
                        ] do
                        test (String.Join(' ', flags)) {
                            inFolder (fun folder -> run folder ("train" :: flags) |> expectComplaint 2 part)
                        }
                ]

            test "all pixels alike cannot be normalised" {
                inFolder (fun folder ->
                    writeData folder 8 30 9
                    write folder "bars.json" recipe

                    File.WriteAllBytes(
                        Path.Combine(folder, "train-images-idx3-ubyte"),
                        idx 0x803 [ 30; 8; 8 ] (Array.zeroCreate (30 * 64))
                    )

                    run folder [ "train"; "--data"; "."; "--recipe"; "bars.json"; "--normalize" ]
                    |> expectComplaint 3 "normalised")
            }
        ]
