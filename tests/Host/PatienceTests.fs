/// `--patience`: when a run stops early, and which model it leaves.
module Cnn.Tests.Host.PatienceTests

open System.Globalization
open System.IO
open System.Text.RegularExpressions
open Expecto
open Cnn.Tests.Host.Cli

/// At this rate accuracy goes up and down, so that the best epoch is not the last.
let private command (extra: string list) =
    [
        "train"
        "--no-run-folder"
        "--data"
        "."
        "--arch"
        "conv 4 3, relu, pool 2, flatten, dense classes"
        "--optimizer"
        "adam"
        "--lr"
        "0.03"
        "--schedule"
        "constant"
        "--augment"
        "none"
        "--batch-size"
        "20"
        "--validation"
        "60"
    ]
    @ extra

/// The accuracies on the held-out images, as the lines of the epochs give them.
let private accuracies (output: string) : float list =
    [
        for found in Regex.Matches(output, @"(?m)^epoch .* validation loss \S+  accuracy (\S+) %") ->
            float found.Groups[1].Value
    ]

/// What must happen, by the accuracies of a run without patience: the epochs that are run, and the best of them.
let private expected (patience: int) (all: float list) : int * int =
    let rec go (epoch: int) (best: int) (left: float list) =
        match left with
        | next :: rest when epoch - best < patience || best = 0 ->
            let best = if best = 0 || next > all[best - 1] then epoch + 1 else best
            go (epoch + 1) best rest
        | _ -> epoch, best

    go 0 0 all

let tests =
    testList
        "Host.Patience"
        [
            test "the run stops as many epochs after its best as patience lasts, and saves the best" {
                inFolder (fun folder ->
                    writeData folder 8 200 30
                    let full = accuracies (runOk folder (command [ "--epochs"; "20" ]))
                    Expect.equal full.Length 20 "epochs"
                    let patience = 2
                    let stopped, best = expected patience full
                    Expect.isLessThan stopped 20 $"the case must stop early: {full}"
                    Expect.isLessThan best stopped "and its best epoch be another than its last"

                    let text =
                        runOk folder (command [ "--epochs"; "20"; "--patience"; $"{patience}"; "--out"; "p.bin" ])

                    Expect.equal (accuracies text) (List.take stopped full) "the epochs that were run"
                    Expect.stringContains text $"stopped after epoch {stopped} of 20" "that it stopped"

                    let shown = full[best - 1].ToString("F2", CultureInfo.InvariantCulture)
                    Expect.stringContains text $"validation accuracy {shown} %%" "whose accuracy"
                    Expect.stringContains text $"that of epoch {best}" "which epoch"

                    // constant rates: the run of that length ends with the model that was the best
                    runOk folder (command [ "--epochs"; $"{best}"; "--out"; "b.bin" ]) |> ignore

                    Expect.sequenceEqual
                        (modelIn folder "p.bin")
                        (modelIn folder "b.bin")
                        "the model of the best epoch")
            }

            test "where a later epoch diverges, the best model before is saved" {
                inFolder (fun folder ->
                    writeData folder 8 200 30
                    // every step turns the weights round and doubles them, until they are no numbers any more
                    let doubling = [ "--weight-decay"; "100"; "--epochs"; "50" ]
                    let lost = run folder (command (doubling @ [ "--out"; "lost.bin" ]))
                    Expect.equal lost.Code 4 lost.Error
                    Expect.stringContains lost.Error "no model was written" "without patience"
                    Expect.isFalse (File.Exists(Path.Combine(folder, "lost.bin"))) "a model"

                    let kept =
                        run folder (command (doubling @ [ "--patience"; "50"; "--out"; "kept.bin" ]))

                    Expect.equal kept.Code 4 kept.Error
                    let all = accuracies kept.Output
                    Expect.isGreaterThan all.Length 1 "epochs before"
                    let best = 1 + List.findIndex ((=) (List.max all)) all
                    Expect.stringContains kept.Error $"kept.bin is the model of epoch {best}," "which"
                    Expect.stringContains kept.Error "diverged" "why"

                    // constant rates: as above
                    runOk folder (command [ "--weight-decay"; "100"; "--epochs"; $"{best}"; "--out"; "b.bin" ])
                    |> ignore

                    Expect.sequenceEqual (modelIn folder "kept.bin") (modelIn folder "b.bin") "the model of that epoch")
            }

            test "patience that outlasts the run: every epoch, and the best model of them" {
                inFolder (fun folder ->
                    writeData folder 8 200 30

                    let text = runOk folder (command [ "--epochs"; "4"; "--patience"; "50" ])

                    Expect.equal (accuracies text).Length 4 "epochs"
                    Expect.isFalse (text.Contains "stopped") "it did not stop early"

                    let best = (List.max (accuracies text)).ToString("F2", CultureInfo.InvariantCulture)

                    Expect.stringContains text $"validation accuracy {best} %%" "the best")
            }
        ]
