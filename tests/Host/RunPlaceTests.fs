/// Where the folder of a run is: no two runs share one, and none is put where it cannot be.
module Cnn.Tests.Host.RunPlaceTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open Cnn.Host.Runs
open Cnn.Tests.Host.Cli
open Cnn.Tests.Host.RunFolderCase

let private places =
    [
        test "runs that start at the same time have a folder each" {
            inDataFolder (fun folder ->
                let taken =
                    Array.Parallel.init 8 (fun _ -> runOk folder (command [ "--epochs"; "0"; "--threads"; "1" ]))
                    |> Array.map (fun text -> (text.TrimEnd().Split('\n') |> Array.last).Split("  ")[0])

                Expect.equal (Array.distinct taken).Length 8 $"{taken}"

                for path in taken do
                    Expect.equal (files (inside folder [ path ])).Count 5 path
                    Expect.equal (metrics (inside folder [ path ])).Result.End RunEnd.Completed path)
        }

        test "a taken name gets a number" {
            inDataFolder (fun folder ->
                // every name that the run may think of first, for the next minute
                for second in 0..60 do
                    let time = DateTime.UtcNow.AddSeconds(float second).ToString "yyyyMMdd-HHmmss"

                    for name in [ $"{time}-default-seed1"; $"{time}-default-seed1-2" ] do
                        let path = Directory.CreateDirectory(inside folder [ "runs"; name ]).FullName
                        File.WriteAllText(Path.Combine(path, "mine"), "")

                let text = runOk folder (command [ "--epochs"; "0" ])
                Expect.isTrue (Regex.IsMatch(text, @"(?m)^runs.\d{8}-\d{6}-default-seed1-3  ")) text)
        }

        test "--run takes a new folder, folders above it too, or an empty one" {
            inDataFolder (fun folder ->
                Directory.CreateDirectory(inside folder [ "empty" ]) |> ignore

                for path in [ "a/b/c"; "empty" ] do
                    let text = runOk folder (command [ "--epochs"; "0"; "--run"; path ])
                    Expect.stringContains text $"\n{path}  config.json" "the last line"
                    Expect.equal (files (inside folder [ path ])).Count 5 path

                Expect.isFalse (Directory.Exists(inside folder [ "runs" ])) "another folder")
        }

        test "a folder that cannot be is refused before anything is trained or written" {
            inDataFolder (fun folder ->
                Directory.CreateDirectory(inside folder [ "full" ]) |> ignore
                File.WriteAllText(inside folder [ "full"; "mine" ], "precious")
                File.WriteAllText(inside folder [ "file" ], "precious")

                for path, part in
                    [
                        "full", "not empty"
                        "file", "is a file"
                        "file/below", "cannot be written"
                        "", "not the path"
                    ] do
                    run folder (command [ "--run"; path ]) |> expectComplaint 2 part

                run folder (command [ "--run"; "x"; "--no-run-folder" ])
                |> expectComplaint 2 "--no-run-folder"

                File.WriteAllText(inside folder [ "runs" ], "")
                run folder (command []) |> expectComplaint 2 "--no-run-folder"
                Expect.equal (files (inside folder [ "full" ])) (set [ "mine" ]) "the full folder"
                Expect.isFalse (File.Exists(inside folder [ "model.bin" ])) "a model")
        }

        test "no folder where none is wanted, where nothing is trained, and from other commands" {
            inDataFolder (fun folder ->
                let text = runOk folder (command [ "--epochs"; "0"; "--no-run-folder" ])
                Expect.isFalse (text.Contains "config.json") text
                runOk folder (command [ "--print-config" ]) |> ignore
                run folder [ "train"; "--data"; "nowhere" ] |> expectComplaint 3 "nowhere"

                runOk
                    folder
                    [
                        "experiment"
                        "fast"
                        "--data"
                        "."
                        "--arch"
                        "flatten, dense classes"
                        "--seeds"
                        "1"
                        "--epochs"
                        "1"
                    ]
                |> ignore

                Expect.isEmpty (Directory.GetDirectories folder) "folders")
        }
    ]

let tests = testList "Host.RunPlace" places
