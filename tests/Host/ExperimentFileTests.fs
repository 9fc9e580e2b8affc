/// `cnn experiment`: what its results depend on, seeds that diverge, files that others use, and how long a level took.
module Cnn.Tests.Host.ExperimentFileTests

open System
open System.Globalization
open System.IO
open System.Text.Json.Nodes
open System.Text.RegularExpressions
open System.Threading
open System.Threading.Tasks
open Expecto
open Cnn.Tests.Host.Cli
open Cnn.Tests.Host.BarsExperiment

/// Not null, which the type of a node allows.
let private present (node: JsonNode | null) : JsonNode =
    match node with
    | null -> failtest "a value is missing"
    | node -> node

let private results (folder: string) : JsonObject list =
    [
        for line in File.ReadAllLines(path folder) -> (present (JsonNode.Parse line)).AsObject()
    ]

let private text (name: string) (result: JsonObject) : string =
    (present result[name]).GetValue<string>()

/// Writes the results again, one of them changed.
let private change (folder: string) (index: int) (edit: JsonObject -> unit) =
    let all = results folder
    edit all[index]
    File.WriteAllLines(path folder, all |> List.map (fun result -> result.ToJsonString()))

let private diverging = [ "--optimizer"; "sgd"; "--lr"; "1e30"; "--seeds"; "2" ]

let tests =
    testList
        "Host.ExperimentFile"
        [
            test "seeds that diverge are kept as such, and the next ones are run" {
                inRecipeFolder (fun folder ->
                    let first = run folder (experiment diverging)
                    Expect.equal first.Code 4 first.Error
                    Expect.stringContains first.Error "seed 1, 2" "which seeds"
                    Expect.stringContains first.Error "--lr" "what to try"
                    Expect.equal (Regex.Matches(first.Output, @"(?m)^ +[12] +diverged").Count) 2 "rows"
                    let kept = results folder
                    Expect.equal kept.Length 2 "lines"

                    for result in kept do
                        Expect.isNull result["accuracy"] "accuracy"
                        Expect.isTrue ((present result["diverged"]).GetValue<bool>()) "diverged"

                    let again = run folder (experiment (diverging @ [ "--plot"; "p.png" ]))
                    Expect.equal again.Code 4 again.Error
                    Expect.isFalse (again.Error.Contains "seed 1  ") "it was trained again"
                    Expect.equal (results folder).Length 2 "lines")
            }

            test "the mean is that of the seeds that did not diverge, and says so" {
                inRecipeFolder (fun folder ->
                    runOk folder (experiment [ "--seeds"; "3" ]) |> ignore

                    change folder 1 (fun result ->
                        result["accuracy"] <- null
                        result["loss"] <- null
                        result["diverged"] <- JsonValue.Create true)

                    let mean =
                        results folder
                        |> List.indexed
                        |> List.filter (fun (i, _) -> i <> 1)
                        |> List.averageBy (fun (_, result) -> (present result["accuracy"]).GetValue<float>())

                    let shown = (100.0 * mean).ToString("F3", CultureInfo.InvariantCulture)
                    let outcome = run folder (experiment [ "--seeds"; "3" ])
                    Expect.equal outcome.Code 4 outcome.Error
                    Expect.stringContains outcome.Output $"accuracy {shown} %% ±" "mean"
                    Expect.stringContains outcome.Output "mean of 2 seeds; 1 seed diverged" "of which"
                    let table = runOk folder (experiment [ "--seeds"; "3"; "--markdown" ])
                    Expect.stringContains table "| 2 | diverged | - |" "row"
                    Expect.stringContains table $"| mean of 2 | {shown} %%" "mean")
            }

            test "missing test files are told before anything is trained; other test files are another configuration" {
                inRecipeFolder (fun folder ->
                    runOk folder (experiment [ "--seeds"; "1" ]) |> ignore
                    let labels = Path.Combine(folder, "t10k-labels-idx1-ubyte")
                    let bytes = File.ReadAllBytes labels
                    File.Delete labels

                    for command in [ experiment [ "--seeds"; "2" ]; [ "train"; "--data"; "."; "--epochs"; "1" ] ] do
                        run folder command |> expectComplaint 3 "t10k-labels"

                    bytes[bytes.Length - 1] <- (bytes[bytes.Length - 1] + 1uy) % 3uy
                    File.WriteAllBytes(labels, bytes)
                    runOk folder (experiment [ "--seeds"; "1" ]) |> ignore

                    match results folder with
                    | [ before; after ] -> Expect.notEqual (text "config" after) (text "config" before) "digest"
                    | other -> failtest $"{other.Length} lines"

                    // where it is not opened, it does not matter
                    let heldOut = experiment [ "--seeds"; "1"; "--validation"; "60" ]
                    runOk folder heldOut |> ignore
                    File.Delete labels
                    runOk folder heldOut |> ignore
                    Expect.equal (results folder).Length 3 "lines")
            }

            test "a name and the numbers that it stands for are one configuration" {
                inRecipeFolder (fun folder ->
                    let flags = [ "--seeds"; "1"; "--augment" ]
                    runOk folder (experiment (flags @ [ "shift" ])) |> ignore

                    runOk folder (experiment (flags @ [ "shift 2"; "--schedule"; "cosine 0" ]))
                    |> ignore

                    Expect.equal (results folder).Length 1 "lines"
                    let settings = (present (results folder).Head["settings"]).AsObject()
                    Expect.equal (text "augment" settings) "shift 2" "augmentation"
                    Expect.equal (text "schedule" settings) "cosine 0" "schedule")
            }

            test "a loss of 0, which has no logarithm, is drawn" {
                inRecipeFolder (fun folder ->
                    let flags = experiment [ "--seeds"; "1" ]
                    runOk folder flags |> ignore

                    change folder 0 (fun result ->
                        let last = (present result["curve"]).AsArray()[1]
                        (present last).AsObject()["loss"] <- JsonValue.Create 0.0)

                    runOk folder (flags @ [ "--markdown"; "--plot"; "p.png" ]) |> ignore
                    Expect.isNonEmpty (File.ReadAllBytes(Path.Combine(folder, "p.png"))) "chart")
            }

            test "results of different builds are told apart; each has its threads and processor" {
                inRecipeFolder (fun folder ->
                    let output = runOk folder (experiment [ "--seeds"; "2"; "--threads"; "1" ])
                    let result = (results folder).Head
                    let build = text "build" result
                    let processor = Regex.Escape(text "processor" result)
                    Expect.isTrue (Regex.IsMatch(build, "^[0-9a-f]{12}$")) build

                    Expect.equal (Regex.Matches(output, $@"(?m) 1  {processor}\r?$").Count) 2 "rows"

                    change folder 1 (fun result -> result["build"] <- JsonValue.Create "feedfacebeef")

                    for more in [ []; [ "--markdown" ] ] do
                        let outcome = run folder (experiment ([ "--seeds"; "2" ] @ more))
                        Expect.equal outcome.Code 0 outcome.Error
                        Expect.stringContains outcome.Error $"{build} (seed 1); feedfacebeef (seed 2)" "which"
                        Expect.equal (outcome.Output.Contains "| feedfacebeef |") (not more.IsEmpty) "column"

                    // lines from before there was such a key
                    change folder 1 (fun result -> result.Remove "build" |> ignore)
                    let outcome = run folder (experiment [ "--seeds"; "2" ])
                    Expect.stringContains outcome.Error "unknown (seed 2)" "none")
            }

            test "a file that another process holds is waited for, and what it added meanwhile is not computed again" {
                inRecipeFolder (fun folder ->
                    runOk folder (experiment [ "--seeds"; "2" ]) |> ignore
                    let both = File.ReadAllBytes(path folder)
                    let first = Array.IndexOf(both, byte '\n') + 1
                    File.WriteAllBytes(path folder, both[.. first - 1])

                    use held =
                        new FileStream(path folder, FileMode.Open, FileAccess.ReadWrite, FileShare.None)

                    let running = Task.Run(fun () -> run folder (experiment [ "--seeds"; "2" ]))
                    // longer than it takes to start
                    Thread.Sleep 2500
                    Expect.isFalse running.IsCompleted "it waits"
                    held.SetLength 0L
                    held.Write(both, 0, both.Length)
                    held.Dispose()
                    Expect.equal running.Result.Code 0 running.Result.Error
                    Expect.equal running.Result.Error "" "nothing is trained"
                    Expect.sequenceEqual (File.ReadAllBytes(path folder)) both "the file")
            }

            test "--reach tells when the held-out images were recognised, in the text and in Markdown" {
                inRecipeFolder (fun folder ->
                    let flags = [ "--seeds"; "1"; "--validation"; "60"; "--epochs"; "4" ]
                    let usual = runOk folder (experiment flags)
                    let curve = (present (results folder).Head["curve"]).AsArray()

                    let points =
                        [
                            for point in curve ->
                                let point = present point

                                (present point["epoch"]).GetValue<int>(),
                                (present point["seconds"]).GetValue<float>(),
                                100.0 * (present point["validationAccuracy"]).GetValue<float>()
                        ]

                    let expected (level: float) =
                        match points |> List.tryFind (fun (_, _, accuracy) -> accuracy >= level - 1e-6) with
                        | Some(epoch, seconds, _) ->
                            let seconds = seconds.ToString("F1", CultureInfo.InvariantCulture)
                            $"in epoch {epoch} after {seconds} s"
                        | None -> "not reached"

                    Expect.stringContains usual (expected 99.0) "99 unless given"
                    let last = points |> List.map (fun (_, _, accuracy) -> accuracy) |> List.max
                    Expect.isLessThan last 100.0 "the case must leave something unreached"
                    let level = last.ToString("R", CultureInfo.InvariantCulture)

                    for reach, sign in [ level, expected last; "100", "not reached" ] do
                        for more in [ []; [ "--markdown" ] ] do
                            let output = runOk folder (experiment (flags @ [ "--reach"; reach ] @ more))
                            Expect.stringContains output sign $"{reach} {more}")
            }

            test "--markdown needs nothing to write to; wrong files for --out and --plot" {
                inRecipeFolder (fun folder ->
                    run folder (experiment [ "--markdown"; "--out"; "nowhere/x.jsonl" ])
                    |> expectComplaint 3 "no results"

                    run folder (experiment [ "--out"; "/dev/null" ]) |> expectComplaint 2 "device"

                    run folder (experiment [ "--plot"; "./bars.jsonl" ])
                    |> expectComplaint 2 "--plot"

                    run folder (experiment [ "--reach"; "99" ]) |> expectComplaint 2 "--validation"

                    run folder (experiment [ "--reach"; "0"; "--validation"; "60" ])
                    |> expectComplaint 2 "--reach")
            }
        ]
