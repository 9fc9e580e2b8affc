/// `cnn experiment`: every seed once, whatever happens in between.
module Cnn.Tests.Host.ExperimentTests

open System
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open Expecto
open Cnn.Tests.Host.Cli
open Cnn.Tests.Host.BarsExperiment

let private lines (folder: string) = File.ReadAllLines(path folder)

let private parse (line: string) = (JsonDocument.Parse line).RootElement

let private number (name: string) (line: JsonElement) = line.GetProperty(name).GetDouble()

let private text (name: string) (line: JsonElement) = line.GetProperty(name).GetString()

let private curve (line: JsonElement) =
    [ for point in line.GetProperty("curve").EnumerateArray() -> point ]

/// Without what differs between two runs of the same.
let private figures (line: JsonElement) =
    text "config" line,
    number "seed" line,
    number "accuracy" line,
    number "loss" line,
    [
        for point in curve line -> number "loss" point, number "accuracy" point, number "learningRate" point
    ]

let private isPng (file: string) =
    let bytes = File.ReadAllBytes file

    bytes.Length > 1000
    && bytes[..7] = [| 0x89uy; 0x50uy; 0x4Euy; 0x47uy; 0x0Duy; 0x0Auy; 0x1Auy; 0x0Auy |]

let tests =
    testList
        "Host.Experiment"
        [
            test "a line a seed with all that it depends on, and what train gives for that seed" {
                inRecipeFolder (fun folder ->
                    let output = runOk folder (experiment [ "--seeds"; "2"; "--first-seed"; "4" ])
                    let results = lines folder |> Array.map parse
                    Expect.sequenceEqual (results |> Array.map (number "seed")) [ 4.0; 5.0 ] "seeds"

                    for result in results do
                        Expect.equal (text "recipe" result) "bars" "recipe"
                        Expect.equal (number "version" result) 3.0 "version"
                        Expect.equal (text "score" result) "test" "score"
                        Expect.equal (number "images" result) 90.0 "images"
                        Expect.equal (number "epochs" result) 2.0 "epochs"
                        Expect.equal (number "trainingImages" result) 200.0 "training images"
                        Expect.isGreaterThan (number "imagesPerSecond" result) 0.0 "speed"
                        Expect.equal (text "config" result).Length 64 "digest"
                        Expect.equal (result.GetProperty("settings").GetProperty("lr").GetDouble()) 0.01 "settings"
                        Expect.equal (curve result).Length 2 "epochs of the curve"

                        let last = List.last (curve result)

                        Expect.equal
                            (last.GetProperty("validationAccuracy").ValueKind)
                            JsonValueKind.Null
                            "nothing held out"

                        Expect.equal (number "seconds" last) (number "seconds" result) "time adds up"

                        let trained =
                            runOk
                                folder
                                [
                                    "train"
                                    "--no-run-folder"
                                    "--recipe"
                                    "bars.json"
                                    "--data"
                                    "."
                                    "--seed"
                                    string (number "seed" result)
                                ]

                        let percent =
                            (100.0 * number "accuracy" result)
                                .ToString("F2", Globalization.CultureInfo.InvariantCulture)

                        Expect.stringContains trained $"test accuracy {percent} %%" "as train has it"
                        Expect.stringContains output $"{percent} %%" "the row of the seed"

                    Expect.notEqual (text "config" results[0]) "" "digest"
                    Expect.equal (text "config" results[0]) (text "config" results[1]) "one configuration")
            }

            test "mean and standard deviation are those of the seeds" {
                inRecipeFolder (fun folder ->
                    let output = runOk folder (experiment [ "--seeds"; "4" ])
                    let accuracies = lines folder |> Array.map (parse >> number "accuracy")
                    let mean = Array.average accuracies

                    let deviation =
                        sqrt ((accuracies |> Array.sumBy (fun a -> (a - mean) ** 2.0)) / 3.0)

                    Expect.isGreaterThan deviation 0.0 "the case must have a spread"

                    let shown =
                        String.Format(
                            Globalization.CultureInfo.InvariantCulture,
                            "accuracy {0:F3} % ± {1:F3}, from {2:F2} % to {3:F2} %, mean of 4 seeds",
                            100.0 * mean,
                            100.0 * deviation,
                            100.0 * Array.min accuracies,
                            100.0 * Array.max accuracies
                        )

                    Expect.stringContains output shown "the last line")
            }

            test "what the file has is not computed again; another configuration is" {
                inRecipeFolder (fun folder ->
                    runOk folder (experiment [ "--seeds"; "2" ]) |> ignore
                    let first = File.ReadAllText(path folder)
                    let again = run folder (experiment [ "--seeds"; "3" ])
                    Expect.equal again.Code 0 again.Error
                    let all = File.ReadAllText(path folder)
                    Expect.isTrue (all.StartsWith(first, StringComparison.Ordinal)) "the old lines"
                    Expect.equal (lines folder).Length 3 "one more"
                    Expect.isFalse (again.Error.Contains "seed 1 ") "seed 1 was trained again"
                    Expect.isTrue (again.Error.Contains "seed 3 ") "seed 3 was trained"
                    Expect.equal (Regex.Matches(again.Output, "test images").Count) 3 "rows of all three"

                    for flags in [ [ "--epochs"; "1" ]; [ "--validation"; "50" ]; [ "--train-size"; "100" ] ] do
                        runOk folder (experiment ([ "--seeds"; "1" ] @ flags)) |> ignore

                    let digests = lines folder |> Array.map (parse >> text "config") |> Array.distinct
                    Expect.equal digests.Length 4 "configurations"

                    // a new description is no new configuration
                    File.WriteAllText(
                        Path.Combine(folder, "bars.json"),
                        recipe.Replace("\"version\": 3", "\"description\": \"new\", \"version\": 4")
                    )

                    runOk folder (experiment [ "--seeds"; "3" ]) |> ignore
                    Expect.equal (lines folder).Length 6 "lines")
            }

            testList
                "a file whose last line was cut off"
                [
                    for name, cut in
                        [
                            "in its middle", (fun (all: string) -> all[.. all.Length - 100])
                            "before its end of line", (fun all -> all.TrimEnd '\n')
                            "after its first byte", (fun all -> all[.. all.TrimEnd('\n').LastIndexOf '\n' + 1])
                        ] do
                        test name {
                            inRecipeFolder (fun folder ->
                                runOk folder (experiment [ "--seeds"; "2" ]) |> ignore
                                let whole = File.ReadAllText(path folder)
                                let right = lines folder |> Array.map (parse >> figures)
                                File.WriteAllText(path folder, cut whole)
                                Expect.notEqual (File.ReadAllText(path folder)) whole "the case cuts something off"
                                runOk folder (experiment [ "--seeds"; "3" ]) |> ignore
                                let mended = lines folder |> Array.map (parse >> figures)
                                Expect.equal mended.Length 3 "lines"
                                Expect.sequenceEqual mended[..1] right "the same results"
                                Expect.isTrue (File.ReadAllText(path folder).EndsWith '\n') "a whole last line")
                        }
                ]

            test "with --validation the score is that of the held-out images, and no test file is opened" {
                inRecipeFolder (fun folder ->
                    for file in Directory.GetFiles(folder, "t10k-*") do
                        File.Delete file

                    let output = runOk folder (experiment [ "--seeds"; "1"; "--validation"; "60" ])
                    Expect.stringContains output "60 validation images" "what it is scored on"
                    let result = lines folder |> Array.head |> parse
                    Expect.equal (text "score" result) "validation" "score"
                    Expect.equal (number "trainingImages" result) 140.0 "the others are trained on"

                    Expect.equal
                        (number "validationAccuracy" (List.last (curve result)))
                        (number "accuracy" result)
                        "the last epoch")
            }

            test "Ctrl-C leaves whole lines alone, and what comes after them" {
                inRecipeFolder (fun folder ->
                    let outcome =
                        interruptAfter "test images" folder (experiment [ "--seeds"; "1000"; "--epochs"; "20" ])

                    Expect.equal outcome.Code 130 $"exit code: {outcome.Error}"
                    let all = File.ReadAllText(path folder)
                    Expect.isTrue (all.EndsWith '\n') "a whole last line"

                    for line in lines folder do
                        Expect.equal (number "epochs" (parse line)) 20.0 "a whole run")
            }

            test "--markdown prints the table and trains nothing; results that are missing are named" {
                inRecipeFolder (fun folder ->
                    runOk folder (experiment [ "--seeds"; "2" ]) |> ignore
                    let before = File.ReadAllText(path folder)
                    let outcome = run folder (experiment [ "--seeds"; "2"; "--markdown" ])
                    Expect.equal outcome.Code 0 outcome.Error
                    Expect.equal outcome.Error "" "nothing is trained"
                    Expect.equal (Regex.Matches(outcome.Output, @"(?m)^\| [12] \| \d+\.\d\d %").Count) 2 "rows"
                    Expect.isTrue (Regex.IsMatch(outcome.Output, @"(?m)^\| mean of 2 \| \d+\.\d{3} % ± \d")) "mean"
                    Expect.stringContains outcome.Output "`bars`, version 3" "what it is of"

                    run folder (experiment [ "--seeds"; "4"; "--markdown" ])
                    |> expectComplaint 3 "3, 4"

                    Expect.equal (File.ReadAllText(path folder)) before "the file")
            }

            test "--plot draws the curves, of a single epoch as well" {
                inRecipeFolder (fun folder ->
                    runOk folder (experiment [ "--seeds"; "2"; "--plot"; "two.png" ]) |> ignore

                    runOk folder (experiment [ "--seeds"; "1"; "--epochs"; "1"; "--plot"; "one.png" ])
                    |> ignore

                    for file in [ "two.png"; "one.png" ] do
                        Expect.isTrue (isPng (Path.Combine(folder, file))) file)
            }

            test "a line in the middle that is none is named; other wrong command lines" {
                inRecipeFolder (fun folder ->
                    runOk folder (experiment [ "--seeds"; "1" ]) |> ignore
                    File.AppendAllText(path folder, "{\"seed\": 2}\n")
                    run folder (experiment []) |> expectComplaint 3 "line 2"
                    run folder [ "experiment" ] |> expectComplaint 2 "RECIPE"
                    run folder [ "experiment"; "nope" ] |> expectComplaint 3 "default"
                    run folder (experiment [ "--seeds"; "0" ]) |> expectComplaint 2 "--seeds"
                    run folder (experiment [ "--epochs"; "0" ]) |> expectComplaint 2 "--epochs"
                    run folder (experiment [ "--out"; "nowhere/x" ]) |> expectComplaint 2 "nowhere"

                    run folder (experiment [ "--plot"; "nowhere/x.png" ])
                    |> expectComplaint 2 "--plot"

                    run folder (experiment [ "--seed"; "1" ]) |> expectComplaint 2 "--seed")
            }
        ]
