module Cnn.Tests.Host.TrainTests

open System
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open Expecto
open Cnn.Tests.Host.Cli

/// Flags of a short run that learns the bars.
let private small =
    [
        "--arch", "conv 8 3 pad 1, relu, pool 2, flatten, dense 3"
        "--data", "."
        "--batch-size", "20"
        "--lr", "0.01"
        "--optimizer", "adam"
        "--schedule", "constant"
        "--augment", "none"
        "--seed", "7"
    ]

/// `train` with those flags, some of them given other values.
let private command (changes: (string * string) list) : string list =
    let kept =
        small
        |> List.filter (fun (flag, _) -> not (List.exists (fst >> (=) flag) changes))

    "train" :: List.collect (fun (flag, value) -> [ flag; value ]) (kept @ changes)

/// And no folder of the run: few tests look at it, and its report takes longer than the run.
let private train (folder: string) (changes: (string * string) list) =
    runOk folder (command changes @ [ "--no-run-folder" ])

let private inDataFolder (action: string -> unit) =
    inFolder (fun folder ->
        writeData folder 8 300 90
        action folder)

let private line (start: string) (output: string) =
    output.Split '\n'
    |> Array.find (fun line -> line.StartsWith(start, StringComparison.Ordinal))

let private model (folder: string) (name: string) =
    File.ReadAllBytes(Path.Combine(folder, name))

let tests =
    testList
        "Host.Train"
        [
            test "a run learns, and eval repeats its last line exactly" {
                inDataFolder (fun folder ->
                    let trained = train folder [ "--epochs", "6"; "--out", "m.bin" ]
                    let evaluated = runOk folder [ "eval"; "m.bin"; "--data"; "." ]

                    use json =
                        JsonDocument.Parse(runOk folder [ "eval"; "m.bin"; "--data"; "."; "--json" ])

                    let accuracy = json.RootElement.GetProperty("accuracy").GetDouble()
                    let percent = Regex.Match(line "test accuracy" trained, @"\d+\.\d+").Value
                    Expect.isGreaterThan accuracy 0.9 "accuracy"

                    let repeated =
                        (100.0 * accuracy).ToString("F2", Globalization.CultureInfo.InvariantCulture)

                    Expect.equal repeated percent "accuracy in JSON"
                    Expect.stringContains evaluated percent "accuracy of eval")
            }

            test "off a terminal: plain lines, one an epoch, each with its images/s" {
                inDataFolder (fun folder ->
                    let outcome = run folder (command [ "--epochs", "3" ])

                    let lines =
                        Regex.Matches(outcome.Output, @"^epoch \d.*\d images/s", RegexOptions.Multiline)

                    Expect.equal lines.Count 3 $"epochs in: {outcome.Output}"
                    Expect.isFalse ((outcome.Output + outcome.Error).Contains '\027') "an escape code")
            }

            test "threads do not change a bit of the model, seeds do" {
                inDataFolder (fun folder ->
                    for threads in [ "1"; "2"; "3" ] do
                        train
                            folder
                            [
                                "--epochs", "1"
                                "--batch-size", "100"
                                "--threads", threads
                                "--out", threads
                            ]
                        |> ignore

                    train folder [ "--epochs", "1"; "--batch-size", "100"; "--seed", "8"; "--out", "other" ]
                    |> ignore

                    Expect.sequenceEqual (model folder "2") (model folder "1") "2 threads"
                    Expect.sequenceEqual (model folder "3") (model folder "1") "3 threads"
                    Expect.isFalse (model folder "other" = model folder "1") "another seed")
            }

            test "images that are varied on several threads are the same" {
                inDataFolder (fun folder ->
                    for threads in [ "1"; "3" ] do
                        train
                            folder
                            [
                                "--epochs", "2"
                                "--augment", "shift 1, rotate, flip, elastic 8 2, erase 0.25"
                                "--threads", threads
                                "--out", threads
                            ]
                        |> ignore

                    Expect.sequenceEqual (model folder "3") (model folder "1") "3 threads")
            }

            test "every optimizer, schedule and augmentation trains" {
                inDataFolder (fun folder ->
                    for flags in
                        [
                            [ "--optimizer", "sgd"; "--schedule", "step" ]
                            [ "--optimizer", "momentum"; "--schedule", "cosine" ]
                            [ "--optimizer", "nesterov"; "--schedule", "one-cycle" ]
                            [ "--optimizer", "adamw"; "--augment", "shift" ]
                            [ "--optimizer", "adam"; "--augment", "rotate, elastic 8 2, erase 0.25" ]
                        ] do
                        let text = train folder (("--epochs", "2") :: flags)
                        Expect.stringContains text "test accuracy" $"{flags}")
            }

            test "with --validation the test set is not opened, and need not be there" {
                inDataFolder (fun folder ->
                    for file in Directory.GetFiles(folder, "t10k-*") do
                        File.Delete file

                    // with its report, which must not look there either
                    let text = runOk folder (command [ "--epochs", "2"; "--validation", "60" ])
                    Expect.stringContains text "validation accuracy" "the last line"
                    Expect.isFalse (text.Contains "test accuracy") "a look at the test set")
            }

            test "a run that diverges stops with 4 and leaves the file that was there" {
                inDataFolder (fun folder ->
                    File.WriteAllText(Path.Combine(folder, "m.bin"), "precious")

                    run folder (command [ "--optimizer", "sgd"; "--lr", "1e30"; "--out", "m.bin" ])
                    |> fun outcome ->
                        Expect.equal outcome.Code 4 $"exit code: {outcome.Error}"
                        Expect.stringContains outcome.Error "--lr" "what to try"
                        Expect.isFalse (outcome.Error.Contains "   at ") "a stack trace"

                    Expect.equal (File.ReadAllText(Path.Combine(folder, "m.bin"))) "precious" "the old file"
                    Expect.isEmpty (Directory.GetFiles(folder, "*.tmp*")) "half-written files")
            }

            test "Ctrl-C in the middle of an epoch saves a whole model and exits with 130" {
                inFolder (fun folder ->
                    writeData folder 8 3000 90

                    let outcome =
                        interruptAfter
                            "epoch 1/"
                            folder
                            (command [ "--epochs", "100000"; "--batch-size", "1"; "--out", "m.bin" ])

                    Expect.equal outcome.Code 130 $"exit code: {outcome.Error}"
                    runOk folder [ "eval"; "m.bin"; "--data"; "." ] |> ignore)
            }

            test "an untrained network guesses: about one in ten on MNIST" {
                inFolder (fun folder ->
                    runOk
                        folder
                        [
                            "train"
                            "--model"
                            "simple"
                            "--epochs"
                            "0"
                            "--out"
                            "u.bin"
                            "--no-run-folder"
                        ]
                    |> ignore

                    use json = JsonDocument.Parse(runOk folder [ "eval"; "u.bin"; "--json" ])
                    let accuracy = json.RootElement.GetProperty("accuracy").GetDouble()
                    Expect.isTrue (accuracy > 0.02 && accuracy < 0.25) $"accuracy {accuracy}"
                    Expect.equal (json.RootElement.GetProperty("examples").GetInt32()) 10000 "examples"
                    Expect.equal (json.RootElement.GetProperty("perClass").GetArrayLength()) 10 "classes"
                    Expect.equal (json.RootElement.GetProperty("confusion").GetArrayLength()) 10 "rows"
                    // a class that is never predicted has no precision: null, and never NaN
                    for row in json.RootElement.GetProperty("perClass").EnumerateArray() do
                        let kind = row.GetProperty("precision").ValueKind
                        Expect.isTrue (kind = JsonValueKind.Number || kind = JsonValueKind.Null) "precision")
            }

            test "part 6 of the guide: batch-1 SGD on 4,000 images reaches 85 %" {
                inFolder (fun folder ->
                    let text =
                        runOk
                            folder
                            [
                                "train"
                                "--no-run-folder"
                                "--model"
                                "simple"
                                "--train-size"
                                "4000"
                                "--epochs"
                                "3"
                                "--batch-size"
                                "1"
                                "--lr"
                                "0.005"
                                "--optimizer"
                                "sgd"
                                "--schedule"
                                "constant"
                                "--augment"
                                "none"
                                "--validation"
                                "0"
                                "--init"
                                "normal:0.01"
                                "--seed"
                                "1"
                            ]

                    let percent = Regex.Match(line "test accuracy" text, @"\d+\.\d+").Value
                    Expect.isGreaterThan (float percent) 85.0 "accuracy")
            }

            test "gradcheck passes and shows its table" {
                inFolder (fun folder ->
                    let text = runOk folder [ "gradcheck" ]
                    Expect.stringContains text "conv2d" "operations"
                    Expect.stringContains text "deep" "networks"
                    Expect.isFalse (text.Contains "FAILED") "failures")
            }

            test "summary counts what part 8 of the guide counts" {
                inFolder (fun folder ->
                    let text = runOk folder [ "summary"; "--model"; "deep" ]
                    Expect.stringContains text "32x7x7" "the second pool"
                    Expect.stringContains text "1568" "flatten"
                    Expect.isTrue (Regex.IsMatch(text, "206[, ]?922")) "parameters")
            }
        ]
