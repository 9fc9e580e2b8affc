/// The folder that a run leaves: what is in it, and that it repeats the run.
module Cnn.Tests.Host.RunFolderTests

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open Expecto
open Cnn.Host.Runs
open Cnn.Tests.Host.Cli
open Cnn.Tests.Host.RunFolderCase

let private contents =
    [
        test "unless told otherwise: a folder below runs, with the time, the recipe and the seed" {
            inDataFolder (fun folder ->
                let text = runOk folder (command [ "--epochs"; "1"; "--seed"; "-3" ])
                let name = Array.exactlyOne (runs folder)
                Expect.isTrue (Regex.IsMatch(name, @"^\d{8}-\d{6}-default-seed-3$")) name
                // as another test may run in another second, the clock is only near
                let time = DateTime.ParseExact(name[..14], "yyyyMMdd-HHmmss", null)
                Expect.isLessThan (abs (DateTime.UtcNow - time).TotalMinutes) 10.0 "the time in UTC"
                let last = text.TrimEnd().Split('\n') |> Array.last
                let shown = Path.Combine("runs", name)
                Expect.stringStarts last $"{shown}  config.json, events.out.tfevents." "the last line"
                Expect.stringEnds last ".cnn, last.safetensors, metrics.jsonl, model.bin, report.html" "the last line")
        }

        test "the model is there twice, and its digest is that of the result" {
            inDataFolder (fun folder ->
                let text =
                    runOk folder (command [ "--epochs"; "2"; "--out"; "m.bin"; "--run"; "r" ])

                let sum = digest (inside folder [ "m.bin" ])
                Expect.equal (digest (inside folder [ "r"; "model.bin" ])) sum "in the folder"
                Expect.stringContains text $"m.bin  sha256 {sum}" "printed"
                let result = (metrics (inside folder [ "r" ])).Result
                Expect.equal result.Model sum "in the result"
                Expect.equal result.End RunEnd.Completed "its end"
                Expect.equal (result.Score, result.Examples) ("test", Nullable 60) "on what"
                Expect.equal (result.Epoch, result.Step) (Nullable 2, Nullable 12L) "after how much"

                use json =
                    JsonDocument.Parse(runOk folder [ "eval"; "r/model.bin"; "--data"; "."; "--json" ])

                let field (name: string) =
                    json.RootElement.GetProperty(name).GetDouble()

                Expect.equal (result.Accuracy, result.Loss) (Nullable(field "accuracy"), Nullable(field "loss")) "eval")
        }

        test "a line an epoch, as it was printed, and the same in the event file" {
            inDataFolder (fun folder ->
                let text =
                    runOk folder (command [ "--epochs"; "3"; "--validation"; "100"; "--run"; "r" ])

                let path = inside folder [ "r" ]
                let read = metrics path
                Expect.equal [ for epoch in read.Epochs -> epoch.Epoch, epoch.Step ] [ 1, 4L; 2, 8L; 3, 12L ] "steps"
                Expect.equal read.Result.Score "validation" "the test images were not opened"

                let shown (value: float) =
                    value.ToString("F4", Globalization.CultureInfo.InvariantCulture)

                for epoch in read.Epochs do
                    let line =
                        $"epoch {epoch.Epoch}/3  loss {shown epoch.Loss} .* validation loss {shown epoch.ValidationLoss.Value} "

                    Expect.isTrue (Regex.IsMatch(text, line)) $"{line} in {text}"
                    Expect.isGreaterThan epoch.ImagesPerSecond 0.0 "images/s"

                let points (value: EpochLine -> float) =
                    [ for epoch in read.Epochs -> epoch.Step, float32 (value epoch) ]

                Expect.equal
                    (curves path)
                    (Map
                        [
                            "loss/train", points _.Loss
                            "accuracy/train", points _.Accuracy
                            "learning_rate", points _.LearningRate
                            "loss/validation", points _.ValidationLoss.Value
                            "accuracy/validation", points _.ValidationAccuracy.Value
                        ])
                    "curves"

                let last = read.Epochs[2]
                Expect.equal read.Result.Accuracy last.ValidationAccuracy "the result is that of the last epoch")
        }

        test "without held-out images there is the accuracy on the test images, once, after the last step" {
            inDataFolder (fun folder ->
                runOk folder (command [ "--epochs"; "2"; "--run"; "r" ]) |> ignore
                let path = inside folder [ "r" ]
                let tags = curves path

                Expect.equal
                    (tags.Keys |> Seq.sort |> List.ofSeq)
                    [ "accuracy/test"; "accuracy/train"; "learning_rate"; "loss/train" ]
                    "curves"

                Expect.equal tags["accuracy/test"] [ 12L, float32 (metrics path).Result.Accuracy.Value ] "test")
        }

        test "an untrained network: no epochs, but a result" {
            inDataFolder (fun folder ->
                runOk folder (command [ "--epochs"; "0"; "--run"; "r" ]) |> ignore
                let read = metrics (inside folder [ "r" ])
                Expect.isEmpty read.Epochs "epochs"
                Expect.equal (read.Result.Epoch, read.Result.Step) (Nullable 0, Nullable 0L) "the model")
        }

        test "config.json has the recipe in full, and what else the run depends on" {
            inDataFolder (fun folder ->
                runOk
                    folder
                    (command
                        [
                            "--epochs"
                            "1"
                            "--validation"
                            "100"
                            "--patience"
                            "3"
                            "--normalize"
                            "true"
                            "--threads"
                            "1"
                            "--run"
                            "r"
                        ])
                |> ignore

                let json = config (inside folder [ "r" ])
                let recipe = json.GetProperty "recipe"

                // it is a recipe, and gives itself
                File.WriteAllText(inside folder [ "again.json" ], recipe.GetRawText())

                use printed =
                    JsonDocument.Parse(runOk folder [ "train"; "--recipe"; "again.json"; "--print-config" ])

                Expect.isTrue (JsonElement.DeepEquals(recipe, printed.RootElement)) $"{recipe}"

                let number (name: string) = json.GetProperty(name).GetInt32()

                Expect.equal
                    (List.map number [ "seed"; "threads"; "validation"; "patience" ])
                    [ 1; 1; 100; 3 ]
                    "numbers"

                Expect.equal (json.GetProperty("train-size").ValueKind) JsonValueKind.Null "all images"
                Expect.equal (json.GetProperty("data").GetString()) folder "data"
                let model = json.GetProperty "model"

                Expect.equal
                    (model.GetProperty("architecture").GetString())
                    "conv 4 3, relu, pool 2, flatten, dense 3"
                    "layers"

                // 4 kernels of 3 x 3, 36 inputs for 3 classes, and biases
                Expect.equal (model.GetProperty("parameters").GetInt32()) (4 * 9 + 4 + 36 * 3 + 3) "parameters"
                let images = File.ReadAllBytes(inside folder [ "train-images-idx3-ubyte" ])
                // the first 200 of 300: what is held out is unknown
                let known = images[16 .. 16 + 200 * 64 - 1]
                let mean = (known |> Array.averageBy float) / 255.0
                let normalization = model.GetProperty "normalization"
                Expect.floatClose Accuracy.medium (normalization.GetProperty("mean").GetDouble()) mean "mean"
                Expect.isNotEmpty (json.GetProperty("program").GetProperty("build").GetString()) "build"
                Expect.isGreaterThan (json.GetProperty("machine").GetProperty("cores").GetInt32()) 0 "machine")
        }

        test "the command in config.json, given to a shell, gives the same model" {
            if OperatingSystem.IsWindows() then
                skiptest "quotes are those of a POSIX shell"

            inDataFolder (fun folder ->
                let recipe = "it's my \"own\" $recipe.json"

                File.WriteAllText(
                    inside folder [ recipe ],
                    runOk folder ("train" :: "--print-config" :: quick @ [ "--epochs"; "2" ])
                )

                runOk
                    folder
                    [
                        "train"
                        "--recipe"
                        recipe
                        "--data"
                        "."
                        "--lr=0.02"
                        "--run"
                        "r"
                        "--train-size"
                        "200"
                    ]
                |> ignore

                let first = config (inside folder [ "r" ])
                let text = first.GetProperty("command").GetString()
                Expect.stringEnds text "--seed 1" "the seed, though it was not given"
                let script = $"cnn() {{ {shellCommand} \"$@\"; }}; {text} --run again"

                use shell =
                    Process.Start(
                        ProcessStartInfo(
                            "sh",
                            [ "-c"; script ],
                            WorkingDirectory = folder,
                            RedirectStandardOutput = true
                        )
                    )

                shell.StandardOutput.ReadToEnd() |> ignore
                shell.WaitForExit()
                Expect.equal shell.ExitCode 0 text
                let again = inside folder [ "again" ]
                Expect.equal ((config again).GetProperty("command").GetString()) text "the same command"
                Expect.equal (metrics again).Result (metrics (inside folder [ "r" ])).Result "the same result")
        }
    ]

let private ends =
    [
        test "an interrupted run leaves what there is, and says so" {
            inFolder (fun folder ->
                writeData folder 8 3000 60

                let outcome =
                    interruptAfter "epoch 2/" folder (command [ "--epochs"; "100000"; "--run"; "r" ])

                Expect.equal outcome.Code 130 outcome.Error
                let path = inside folder [ "r" ]
                let read = metrics path
                Expect.isGreaterThanOrEqual read.Epochs.Count 2 "epochs"
                Expect.equal read.Result.End RunEnd.Interrupted "its end"
                Expect.equal read.Result.Model (digest (Path.Combine(path, "model.bin"))) "the model"
                Expect.isNull read.Result.Score "it was not judged"
                Expect.stringContains outcome.Output "r  config.json" "the last line")
        }

        test "a run that diverges leaves no model, and the reason" {
            inDataFolder (fun folder ->
                let outcome =
                    run folder (command [ "--optimizer"; "sgd"; "--lr"; "1e30"; "--run"; "r" ])

                Expect.equal outcome.Code 4 outcome.Error
                let path = inside folder [ "r" ]
                let result = (metrics path).Result
                Expect.equal result.End RunEnd.Diverged "its end"
                Expect.stringContains result.Reason "diverged in epoch 1" "why"
                Expect.isNull result.Model "no model"
                Expect.isFalse (File.Exists(Path.Combine(path, "model.bin"))) "no file")
        }

        test "a folder that is gone costs neither training nor model: told once, and the exit code is 74" {
            if OperatingSystem.IsWindows() then
                skiptest "files that are open cannot be removed there"

            inFolder (fun folder ->
                writeData folder 8 3000 60

                let outcome =
                    duringRun
                        "epoch 1/"
                        (fun _ _ -> Directory.Delete(inside folder [ "r" ], recursive = true))
                        folder
                        (command [ "--epochs"; "100"; "--run"; "r"; "--threads"; "1"; "--out"; "m.bin" ])

                Expect.equal outcome.Code 74 outcome.Error
                Expect.equal (Regex.Matches(outcome.Error, "not complete").Count) 1 outcome.Error
                Expect.stringContains outcome.Output "test accuracy" "to its end"
                runOk folder [ "eval"; "m.bin"; "--data"; "." ] |> ignore)
        }
    ]

let tests = testList "Host.RunFolder" (contents @ ends)
