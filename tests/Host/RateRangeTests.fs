/// `cnn lr-find`: the rates it tries, its average, when it stops, and what it suggests.
module Cnn.Tests.Host.RateRangeTests

open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open Expecto
open Cnn.Tests.Host.Cli

let private find (arguments: string list) =
    [
        "lr-find"
        "--data"
        "."
        "--arch"
        "conv 4 3 pad 1, relu, pool 2, flatten, dense classes"
        "--batch-size"
        "20"
        "--optimizer"
        "sgd"
        "--augment"
        "none"
    ]
    @ arguments

let private inDataFolder (action: string -> unit) =
    inFolder (fun folder ->
        writeData folder 8 200 90
        action folder)

let private points (json: JsonElement) =
    [
        for point in json.GetProperty("points").EnumerateArray() ->
            point.GetProperty("learningRate").GetDouble(),
            point.GetProperty("loss").GetDouble(),
            point.GetProperty("smoothed").GetDouble()
    ]

let private rangeTest (folder: string) (arguments: string list) : JsonElement =
    (JsonDocument.Parse(runOk folder (find ("--json" :: arguments)))).RootElement

/// The mean of the losses so far, each weighted by 0.95 to the power of its age.
let private weightedMean (losses: float list) =
    let weights = losses |> List.mapi (fun i _ -> 0.95 ** float (losses.Length - 1 - i))
    List.sum (List.map2 (*) weights losses) / List.sum weights

let tests =
    testList
        "Host.RateRange"
        [
            test "rates rise by one factor, losses are averaged without bias, and it ends when they diverge" {
                inDataFolder (fun folder ->
                    let json =
                        rangeTest folder [ "--lr-min"; "1e-4"; "--lr-max"; "1e4"; "--steps"; "120" ]

                    let all = points json
                    Expect.isTrue (json.GetProperty("hasDiverged").GetBoolean()) "such a rate diverges"
                    Expect.isLessThan all.Length 120 "before the last rate"
                    let losses = all |> List.map (fun (_, loss, _) -> loss)

                    for i, (rate, _, smoothed) in List.indexed all do
                        Expect.floatClose Accuracy.high rate (1e-4 * (1e8 ** (float i / 119.0))) $"rate {i}"

                        Expect.floatClose
                            Accuracy.high
                            smoothed
                            (weightedMean (List.take (i + 1) losses))
                            $"average {i}"

                    // none but the last may be above the bound
                    for i in 0 .. all.Length - 2 do
                        let smoothed = all |> List.take (i + 1) |> List.map (fun (_, _, s) -> s)
                        Expect.isLessThanOrEqual (List.last smoothed) (4.0 * List.min smoothed) $"step {i}")
            }

            test "what is suggested follows from the points" {
                inDataFolder (fun folder ->
                    let json =
                        rangeTest folder [ "--lr-min"; "1e-4"; "--lr-max"; "10"; "--steps"; "100" ]

                    let rates, _, smoothed = List.unzip3 (points json)
                    let rates, smoothed = Array.ofList rates, Array.ofList smoothed
                    let lowest = Array.findIndex ((=) (Array.min smoothed)) smoothed
                    Expect.equal (json.GetProperty("lowest").GetDouble()) rates[lowest] "lowest"

                    Expect.floatClose
                        Accuracy.high
                        (json.GetProperty("tenthOfLowest").GetDouble())
                        (rates[lowest] / 10.0)
                        "a tenth"

                    let half = max 2 (rates.Length / 20)

                    let steepest =
                        [ half .. min lowest (rates.Length - 1 - half) ]
                        |> List.minBy (fun i -> smoothed[i + half] - smoothed[i - half])

                    Expect.equal (json.GetProperty("steepest").GetDouble()) rates[steepest] "steepest"
                    Expect.isGreaterThan rates[steepest] 1e-3 "where nothing is learned it is not steep")
            }

            test "the first step sees what the first step of train sees, and a chart is left" {
                inDataFolder (fun folder ->
                    // one batch is the whole epoch: its loss is that of the epoch
                    let flags = [ "--batch-size"; "200"; "--seed"; "3" ]

                    let arguments =
                        find [] |> List.filter (fun word -> word <> "--batch-size" && word <> "20")

                    let text =
                        runOk folder (arguments @ flags @ [ "--steps"; "12"; "--lr-max"; "0.01"; "--plot"; "p.png" ])

                    let trained =
                        runOk folder ("train" :: List.tail arguments @ flags @ [ "--epochs"; "1"; "--no-run-folder" ])

                    let first = Regex.Match(text, @"(?m)^ +1 +\S+ +(\d+\.\d+)").Groups[1].Value
                    Expect.equal first (Regex.Match(trained, @"loss (\d+\.\d+)").Groups[1].Value) "first loss"
                    Expect.stringContains text "suggested --lr" "what to do with it"

                    let png = File.ReadAllBytes(Path.Combine(folder, "p.png"))
                    Expect.sequenceEqual png[..3] [ 0x89uy; 0x50uy; 0x4Euy; 0x47uy ] "a PNG file")
            }

            test "rates at the ends of what there is; a test that ends with its first rate is drawn" {
                inDataFolder (fun folder ->
                    let json =
                        rangeTest folder [ "--lr-min"; "1e-300"; "--lr-max"; "1e300"; "--steps"; "21" ]

                    let rates = points json |> List.map (fun (rate, _, _) -> rate)
                    Expect.isGreaterThan rates.Length 5 "small rates do no harm"

                    for i, rate in List.indexed rates do
                        Expect.floatClose Accuracy.medium (log10 rate) (-300.0 + 30.0 * float i) $"rate {i}"

                    Expect.isEmpty (Directory.GetFiles(folder, "*.png")) "--json alone draws nothing"

                    let flags =
                        [ "--lr-min"; "1e30"; "--lr-max"; "1e31"; "--json"; "--plot"; "one.png" ]

                    Expect.equal (points (rangeTest folder flags)).Length 1 "points"
                    Expect.isNonEmpty (File.ReadAllBytes(Path.Combine(folder, "one.png"))) "chart")
            }

            test "threads change no point" {
                inDataFolder (fun folder ->
                    let one = rangeTest folder [ "--steps"; "30"; "--threads"; "1" ]
                    let two = rangeTest folder [ "--steps"; "30"; "--threads"; "2" ]
                    Expect.equal (points two) (points one) "points")
            }

            testList
                "wrong command lines"
                [
                    for flags, part in
                        [
                            [ "--lr-min"; "1"; "--lr-max"; "0.1" ], "--lr-min"
                            [ "--lr-min"; "0" ], "--lr-min"
                            [ "--steps"; "3" ], "--steps"
                            [ "--plot"; "nowhere/p.png" ], "--plot"
                            [ "--epochs"; "3" ], "--epochs"
                            [ "--recipe"; "--json" ], "--recipe"
                        ] do
                        test (String.concat " " flags) {
                            inDataFolder (fun folder -> run folder ("lr-find" :: flags) |> expectComplaint 2 part)
                        }
                ]
        ]
