/// Every command that README.md and the guide print does what the text around it says; and what documents show as output is what comes.
module Cnn.Tests.Documents.CommandTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open SkiaSharp
open Cnn.Host.Data
open Cnn.Tests.Host
open Cnn.Trust.Data
open Cnn.Tests.Documents
open Cnn.Tests.Documents.CommandCases

let private documents =
    "README.md"
    :: [
        for script in Directory.GetFiles(GuidePage.guide, "0*.fsx") |> Array.sort -> $"guide/{Path.GetFileName script}"
    ]

let private printed: Lazy<Printed.Command list> =
    lazy (documents |> List.collect Printed.read)

// ---- a folder with all that a reader would have by then -------------------------------------------------

let private write (folder: string) (name: string) (contents: byte[]) =
    let path = Path.Combine(folder, name)
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
    File.WriteAllBytes(path, contents)

let private jpeg (picture: Picture) : byte[] =
    use bitmap = SKBitmap.Decode(ImageFile.EncodePng picture)
    use data = bitmap.Encode(SKEncodedImageFormat.Jpeg, 90)
    data.ToArray()

let private prepare (folder: string) : unit =
    // ./cnn, which would build what is built already
    let program = Path.Combine(folder, "cnn")
    File.WriteAllText(program, $"#!/bin/sh\nexec {Cli.shellCommand} \"$@\"\n")
    File.SetUnixFileMode(program, UnixFileMode.UserRead ||| UnixFileMode.UserExecute)
    write folder "model.bin" DrawnDigits.learned.Value
    write folder "digit.png" (ImageFile.EncodePng((DrawnDigits.digit 0).Inverted().Resized(90, 90)))
    write folder "photo.jpg" (jpeg (DrawnDigits.photograph (Random 1) (DrawnDigits.digit 1)))
    // a folder of pictures for each class
    for half, count in [ "train", 90; "test", 30 ] do
        SampleSets.writePictures (Path.Combine(folder, "DIR", half)) (DataCase.some 1 8 8 3 count 1)

let private shell (folder: string) (line: string) : Cli.Outcome =
    Cli.runCommand "bash" folder [ "-c"; line ]

let private lines (text: string) : string list =
    text.TrimEnd().ReplaceLineEndings("\n").Split '\n' |> List.ofArray

// ---- what a case asks ---------------------------------------------------------------------------------

let private check (folder: string) (case: Case) : unit =
    for before in case.Before do
        let outcome = shell folder before
        Expect.equal outcome.Code 0 $"{before}: {outcome.Error}"

    let outcome = shell folder case.Line
    Expect.equal outcome.Code 0 $"exit code; on stderr: {outcome.Error}"

    for pattern in case.Prints do
        if not (lines outcome.Output |> List.exists (fun line -> Regex.IsMatch(line, pattern))) then
            failtest $"no line is like {pattern}: {outcome.Output}"

    for file in case.Writes do
        Expect.isTrue (File.Exists(Path.Combine(folder, file))) $"{file} is there"

let private checkNamed (folder: string) (line: string) : unit =
    // an option may need a value, and the help none
    let command = line.Split " --" |> Array.head
    let help = shell folder $"{command} --help"
    Expect.equal help.Code 0 $"exit code; on stderr: {help.Error}"

    for option in Regex.Matches(line, "--[a-z-]+") do
        Expect.stringContains help.Output option.Value "an option that there is"

let private checkUntil (folder: string) (line: string) (sign: string) : unit =
    let arguments = line.Split ' ' |> List.ofArray |> List.tail
    let said = ref false

    let outcome =
        Cli.duringRun
            sign
            (fun line running ->
                said.Value <- not (isNull line)
                Cli.interrupt running)
            folder
            arguments

    if outcome.Error.Contains "cannot be used, most likely another program has it" then
        skiptest "the port is another program's"

    Expect.equal outcome.Code 0 $"exit code; on stderr: {outcome.Error}"
    Expect.isTrue said.Value $"it says: {sign}"

let private inPreparedFolder (action: string -> unit) =
    Cli.inFolder (fun folder ->
        prepare folder
        action folder)

let private short: Test list =
    [
        for case in all do
            match case.Way with
            | Short -> test case.Line { inPreparedFolder (fun folder -> check folder case) }
            | Named -> test $"{case.Line}, named" { inPreparedFolder (fun folder -> checkNamed folder case.Line) }
            | Until sign -> test case.Line { inPreparedFolder (fun folder -> checkUntil folder case.Line sign) }
            | Long
            | LeftOut _ -> ()
    ]

// ---- output that documents show ---------------------------------------------------------------------------

let private checkOutput (folder: string) (command: Printed.Command) : unit =
    let outcome = shell folder $"{{ {command.Line}\n}} 2>&1"

    // a command that is shown without output may say something all the same
    if not command.Output.IsEmpty then
        // documents leave out the empty lines above and below a picture of characters
        let written = List.filter (fun (line: string) -> line.Trim() <> "")

        match Agreement.ofLines (written command.Output) (written (lines outcome.Output)) with
        | None -> ()
        | Some line -> failtest $"{command.Document} prints '{line}', and the program: {outcome.Output}"

let private shown (document: string) : Printed.Command list =
    Printed.read document |> List.filter (fun command -> not command.Output.IsEmpty)

// what README.md says of five seeds, against the numbers that were kept of them
let private results =
    test "the accuracies of README.md are the means and ranges of docs/results" {
        let readme = File.ReadAllText(Path.Combine(GuidePage.repository, "README.md"))

        let rows =
            Regex.Matches(
                readme,
                @"`\./cnn train( --recipe (?<recipe>\w+))?`.*\| (?<mean>[\d.]+) %, mean of (?<seeds>\d) seeds \((?<least>[\d.]+) to (?<most>[\d.]+) %\)"
            )

        Expect.equal rows.Count 3 "recipes"

        for row in rows do
            let recipe =
                if row.Groups["recipe"].Success then
                    row.Groups["recipe"].Value
                else
                    "default"

            let seeds = row.Groups["seeds"].Value
            let file = Path.Combine(GuidePage.docs, "results", $"{recipe}.jsonl")

            Cli.inFolder (fun folder ->
                let table =
                    Cli.runOk folder [ "experiment"; recipe; "--seeds"; seeds; "--markdown"; "--out"; file ]

                let accuracies =
                    [
                        for one in Regex.Matches(table, @"\| \d+ \| ([\d.]+) % \|") -> float one.Groups[1].Value
                    ]

                Expect.equal accuracies.Length (int seeds) recipe

                let mean =
                    float (Regex.Match(table, @"\| mean of \d \| ([\d.]+) %").Groups[1].Value)

                let figure (name: string) = float row.Groups[name].Value
                Expect.floatClose Accuracy.high (figure "mean") (Math.Round(mean, 2)) $"{recipe}, mean"
                Expect.floatClose Accuracy.high (figure "least") (List.min accuracies) $"{recipe}, least"
                Expect.floatClose Accuracy.high (figure "most") (List.max accuracies) $"{recipe}, most")
    }

let tests =
    testList
        "Documents.Commands"
        [
            test "every command that is printed is put to the test, and says there what is tested" {
                Expect.isGreaterThan printed.Value.Length 30 "commands"
                let known = all |> List.map _.Line
                let lines = printed.Value |> List.map _.Line
                Expect.equal (List.except known lines) [] "printed, and not tested: add a case to CommandCases.fs"
                Expect.equal (List.except lines known) [] "tested, and not printed any more"
                Expect.equal (List.distinct known) known "one case each"

                for case in all do
                    let texts = printed.Value |> List.filter (fun command -> command.Line = case.Line)

                    for words in case.Says do
                        Expect.exists
                            texts
                            (fun command -> command.Around.Contains words)
                            $"{case.Line}: the text says '{words}'"
            }
            results
            testList "of README.md and the guide" short
            testList
                "shown with their output"
                [
                    for command in shown "docs/trust.md" do
                        test command.Line { inPreparedFolder (fun folder -> checkOutput folder command) }
                ]
        ]

/// The long ones, one after the other, in a fresh clone of what is committed: `--long-commands` of the tests.
let long: Lazy<Test> =
    lazy
        (let clone = Directory.CreateTempSubdirectory("cnn-clone-").FullName
         AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> Directory.Delete(clone, recursive = true))

         let made =
             Cli.runCommand "git" clone [ "clone"; "--quiet"; GuidePage.repository; "." ]

         Expect.equal made.Code 0 made.Error

         let withOutput document isMeant =
             testList
                 document
                 [
                     for command in Printed.read document |> List.filter (fun c -> isMeant c.Line) ->
                         test command.Line { checkOutput clone command }
                 ]

         let first, others =
             all
             |> List.filter (fun case -> case.Way = Long)
             |> List.partition (fun case -> case.Line = "./cnn train --epochs 10")

         let run (cases: Case list) =
             testList "of README.md and the guide" [ for case in cases -> test case.Line { check clone case } ]

         testSequenced
         <| testList
             "long commands"
             [
                 run first
                 // these show the model that it trained
                 withOutput "docs/predict.md" _.Contains("cnn predict")
                 withOutput "docs/onnx.md" _.Contains("fast.")
                 run others
             ])
