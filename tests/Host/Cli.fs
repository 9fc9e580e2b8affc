/// Runs the command line as a program of its own, as a user would, and makes the small data sets that it needs.
module Cnn.Tests.Host.Cli

open System
open System.Diagnostics
open System.IO
open Expecto

/// The built host: beside the tests, in the same folder of outputs; or the program that CNN_PROGRAM names, such as a native one.
let host =
    match Environment.GetEnvironmentVariable "CNN_PROGRAM" with
    | null
    | "" ->
        let configuration = DirectoryInfo(AppContext.BaseDirectory).Name
        Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "Cnn.Host", configuration, "cnn.dll"))
    | program -> Path.GetFullPath program

/// What runs a program, and what it is told before its own arguments.
let runner (program: string) : string * string list =
    if program.EndsWith(".dll", StringComparison.Ordinal) then
        "dotnet", [ program ]
    else
        program, []

/// The program as a shell would be told it.
let shellCommand: string =
    let name, before = runner host
    name :: before |> List.map (fun word -> $"'{word}'") |> String.concat " "

type Outcome =
    {
        Code: int
        Output: string
        Error: string
    }

let private launchWith
    (variables: (string * string) list)
    (hasInput: bool)
    (name: string)
    (folder: string)
    (arguments: string list)
    : Process =
    let info =
        ProcessStartInfo(
            name,
            arguments,
            WorkingDirectory = folder,
            RedirectStandardInput = hasInput,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    for variable, value in variables do
        info.Environment[variable] <- value

    match Process.Start info with
    | null -> failtest $"{name} did not start"
    | started -> started

let private launch = launchWith []

let private startProgram (program: string) (folder: string) (arguments: string list) : Process =
    let name, before = runner program
    launch false name folder (before @ arguments)

let private start = startProgram host

let private finish (running: Process) : Outcome =
    let error = running.StandardError.ReadToEndAsync()
    let output = running.StandardOutput.ReadToEnd()

    if not (running.WaitForExit(TimeSpan.FromMinutes 5.0)) then
        running.Kill()
        failtest "the command line did not end"

    {
        Code = running.ExitCode
        Output = output
        Error = error.Result
    }

/// Any command, such as a shell, in this folder.
let runCommand (name: string) (folder: string) (arguments: string list) : Outcome =
    use running = launch false name folder arguments
    finish running

/// Another copy of the program, in this folder.
let runProgram (program: string) (folder: string) (arguments: string list) : Outcome =
    use running = startProgram program folder arguments
    finish running

/// cnn ARGUMENTS in this folder.
let run (folder: string) (arguments: string list) : Outcome =
    use running = start folder arguments
    finish running

/// The same, with these bytes on its stdin.
let runWith (input: byte[]) (folder: string) (arguments: string list) : Outcome =
    let name, before = runner host
    use running = launch true name folder (before @ arguments)
    running.StandardInput.BaseStream.Write(input, 0, input.Length)
    running.StandardInput.Close()
    finish running

/// The same, in an environment with these variables too, and with something done once a line of its results contains `sign`: it is told that line.
let duringRunWith
    (variables: (string * string) list)
    (sign: string)
    (action: string -> Process -> unit)
    (folder: string)
    (arguments: string list)
    : Outcome =
    let name, before = runner host
    use running = launchWith variables false name folder (before @ arguments)
    let mutable line = running.StandardOutput.ReadLine()

    while not (isNull line) && not (line.Contains sign) do
        line <- running.StandardOutput.ReadLine()

    action line running
    finish running

/// The same, in the environment of the tests.
let duringRun = duringRunWith []

/// What Ctrl-C does.
let interrupt (running: Process) : unit =
    use kill = Process.Start("kill", [ "-INT"; string running.Id ])
    kill.WaitForExit()

/// The same, interrupted as by Ctrl-C then.
let interruptAfter (sign: string) (folder: string) (arguments: string list) : Outcome =
    duringRun sign (fun _ -> interrupt) folder arguments

/// Succeeds and gives what was printed.
let runOk (folder: string) (arguments: string list) : string =
    let outcome = run folder arguments
    Expect.equal outcome.Code 0 $"exit code of {arguments}; on stderr: {outcome.Error}"
    outcome.Output

/// A fresh folder that is removed afterwards.
let inFolder (action: string -> unit) =
    let folder = Directory.CreateTempSubdirectory("cnn-tests-").FullName

    try
        action folder
    finally
        Directory.Delete(folder, recursive = true)

/// An IDX file: magic number, extents, bytes.
let idx = Cnn.Trust.Runs.SmallData.idx

/// Writes a data set of three classes in the four files that `--data` expects, not gzipped.
let writeData = Cnn.Trust.Runs.SmallData.write

/// All of a model in a file, but for the command that it was trained by: other commands may train the same model.
let modelIn (folder: string) (file: string) : byte[] =
    Cnn.Model.Decode(ReadOnlyMemory(File.ReadAllBytes(Path.Combine(folder, file)))).WithTrainingCommand("").Encode()

/// Wrong in one sentence: this exit code, a single line on stderr that contains `part`, nothing on stdout.
let expectComplaint (code: int) (part: string) (outcome: Outcome) =
    let error = outcome.Error.Trim()
    Expect.equal outcome.Code code $"exit code; on stderr: {error}"
    Expect.stringContains error part "what is wrong"
    Expect.isFalse (error.Contains "   at ") $"a stack trace: {error}"
    Expect.isFalse (error.Contains '\n') $"more than one line: {error}"
    Expect.isFalse (error.Contains '\027') "an escape code"
    Expect.equal outcome.Output "" "stdout"
