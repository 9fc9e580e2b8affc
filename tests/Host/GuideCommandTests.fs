/// The guide, part by part, as a reader runs it: it prints what its page says, and says so when something in it does not hold.
module Cnn.Tests.Host.GuideCommandTests

open System.IO
open System.Text.RegularExpressions
open Expecto
open Cnn.Tests.Documents
open Cnn.Tests.Host.Cli

let private isNative = not (host.EndsWith ".dll")
let private program = nonNull (Path.GetDirectoryName host)

let private lastLine (output: string) : string =
    output.TrimEnd().ReplaceLineEndings("\n").Split('\n') |> Array.last

/// Runs a script of ours with the core of the program.
let private interactive (folder: string) (script: string) : Outcome =
    runCommand "dotnet" folder [ "fsi"; "--quiet"; "--nologo"; $"--lib:{program}"; script ]

let tests =
    testList
        "Host.Guide"
        [
            test "there are nine parts, each with a title" {
                inFolder (fun folder ->
                    let rows = (runOk folder [ "guide" ]).TrimEnd().ReplaceLineEndings("\n").Split('\n')
                    Expect.equal rows.Length 9 "parts"

                    for i in 0..8 do
                        Expect.isTrue (Regex.IsMatch(rows[i], $@"^{i + 1}  .+  .+\.fsx$")) rows[i])
            }
            testList
                "every check of every part passes"
                [
                    for part in 1..9 do
                        // a native program has no library that scripts could refer to
                        (if isNative then ptest else test) $"part {part}" {
                            inFolder (fun folder ->
                                let output = runOk folder [ "guide"; string part ]
                                let last = Regex.Match(lastLine output, @"^part (\d): all (\d+) checks passed$")
                                Expect.isTrue last.Success output
                                Expect.equal last.Groups[1].Value (string part) "part"
                                let passed = Regex.Count(output, @"(?m)^  \[ok\] ")
                                Expect.equal last.Groups[2].Value (string passed) "counted"
                                Expect.isGreaterThanOrEqual passed 7 "checks"
                                let script = Cnn.Site.Script.readAll GuidePage.guide |> List.item (part - 1)
                                let recorded = GuidePage.output (GuidePage.read script.Name)

                                Expect.isEmpty
                                    (GuidePage.disagreements part recorded output)
                                    "what the page says, and guide/render would write anew")
                        }
                ]
            (if isNative then ptest else test) "a part in which something does not hold says so, and fails" {
                inFolder (fun folder ->
                    for file in Directory.GetFiles(Path.Combine(program, "guide"), "*.fsx") do
                        File.Copy(file, Path.Combine(folder, Path.GetFileName file))

                    let script = Path.Combine(folder, "01-conv1d.fsx")
                    let text = File.ReadAllText script

                    let wrong =
                        text.Replace("let right = scatter edge", "let right = scatter (List.rev edge)")

                    Expect.notEqual wrong text "the flip"
                    File.WriteAllText(script, wrong)
                    let outcome = interactive folder script
                    Expect.equal outcome.Code 1 "exit code"
                    Expect.stringContains outcome.Output "[WRONG] the gradient without a flip" "which check"
                    Expect.equal (lastLine outcome.Output) "part 1: 2 of 13 checks FAILED" "counted")
            }
            test "there is no part 10" {
                inFolder (fun folder -> run folder [ "guide"; "10" ] |> expectComplaint 2 "parts 1 to 9")

                inFolder (fun folder -> run folder [ "guide"; "x" ] |> expectComplaint 2 "there is no part 'x'")
            }
        ]
