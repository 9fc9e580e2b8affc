/// Runs the command line as a program of its own, as a user would, and makes the small data sets that it needs.
module Cnn.Tests.Host.Cli

open System
open System.Buffers.Binary
open System.Diagnostics
open System.IO
open Expecto

/// The built host: beside the tests, in the same folder of outputs.
let host =
    let configuration = DirectoryInfo(AppContext.BaseDirectory).Name
    Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "Cnn.Host", configuration, "cnn.dll"))

type Outcome =
    {
        Code: int
        Output: string
        Error: string
    }

let private startProgram (program: string) (folder: string) (arguments: string list) : Process =
    let info =
        ProcessStartInfo(
            "dotnet",
            program :: arguments,
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    match Process.Start info with
    | null -> failtest "the command line did not start"
    | started -> started

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

/// Another copy of the program, in this folder.
let runProgram (program: string) (folder: string) (arguments: string list) : Outcome =
    use running = startProgram program folder arguments
    finish running

/// cnn ARGUMENTS in this folder.
let run (folder: string) (arguments: string list) : Outcome =
    use running = start folder arguments
    finish running

/// The same, with something done to it once a line of its results contains `sign`.
let duringRun (sign: string) (action: Process -> unit) (folder: string) (arguments: string list) : Outcome =
    use running = start folder arguments
    let mutable line = running.StandardOutput.ReadLine()

    while not (isNull line) && not (line.Contains sign) do
        line <- running.StandardOutput.ReadLine()

    action running
    finish running

/// The same, interrupted as by Ctrl-C then.
let interruptAfter (sign: string) (folder: string) (arguments: string list) : Outcome =
    let interrupt (running: Process) =
        use kill = Process.Start("kill", [ "-INT"; string running.Id ])
        kill.WaitForExit()

    duringRun sign interrupt folder arguments

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
let idx (magic: int) (extents: int list) (values: byte[]) : byte[] =
    let header = Array.zeroCreate (4 + 4 * extents.Length)

    magic :: extents
    |> List.iteri (fun i n -> BinaryPrimitives.WriteInt32BigEndian(Span(header, 4 * i, 4), n))

    Array.append header values

/// Images of bars: class 0 is a row, class 1 a column, class 2 a diagonal, each at a place that the index determines,
/// over a little noise. A small network learns them within a few epochs.
let private bars (size: int) (count: int) (seed: int) : byte[] * byte[] =
    let random = Random seed
    let labels = Array.init count (fun i -> byte (i % 3))

    let images =
        labels
        |> Array.collect (fun label ->
            let place = random.Next size

            Array.init (size * size) (fun cell ->
                let row, column = cell / size, cell % size

                let lit =
                    match label with
                    | 0uy -> row = place
                    | 1uy -> column = place
                    | _ -> (row + place) % size = column

                if lit then 255uy else byte (random.Next 40)))

    images, labels

/// Writes a data set of three classes in the four files that `--data` expects, not gzipped.
let writeData (folder: string) (size: int) (training: int) (test: int) =
    let write (prefix: string) (count: int) (seed: int) =
        let images, labels = bars size count seed
        File.WriteAllBytes(Path.Combine(folder, $"{prefix}-images-idx3-ubyte"), idx 0x803 [ count; size; size ] images)
        File.WriteAllBytes(Path.Combine(folder, $"{prefix}-labels-idx1-ubyte"), idx 0x801 [ count ] labels)

    write "train" training 1
    write "t10k" test 2

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
