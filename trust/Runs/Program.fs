/// The program as users start it, one process a run.
module Cnn.Trust.Runs.Program

open System
open System.Diagnostics
open System.IO

/// The built program: beside this one, in the same folder of outputs.
let dll: string =
    let configuration = DirectoryInfo(AppContext.BaseDirectory).Name
    Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "Cnn.Host", configuration, "cnn.dll"))

type Outcome =
    {
        Code: int
        Output: string
        Error: string
    }

    /// The last thing that was said on stderr.
    member outcome.Complaint: string =
        match
            outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            |> Array.tryLast
        with
        | Some line -> line.Trim()
        | None -> ""

/// Starts a program in a folder.
let startOther (program: string) (folder: string) (arguments: string list) : Process =
    ProcessStartInfo(
        program,
        arguments,
        WorkingDirectory = folder,
        RedirectStandardOutput = true,
        RedirectStandardError = true
    )
    |> Process.Start
    |> nonNull

/// Starts `cnn ARGUMENTS` in a folder.
let start (folder: string) (arguments: string list) : Process =
    startOther "dotnet" folder (dll :: arguments)

/// Waits for the end of a process.
let finish (running: Process) : Outcome =
    let error = running.StandardError.ReadToEndAsync()
    let output = running.StandardOutput.ReadToEnd()
    running.WaitForExit()

    {
        Code = running.ExitCode
        Output = output
        Error = error.Result
    }

/// `cnn ARGUMENTS` in a folder, to its end.
let run (folder: string) (arguments: string list) : Outcome =
    use running = start folder arguments
    finish running

/// The same; anything but success is a failure of what is being shown.
let runOk (folder: string) (arguments: string list) : string =
    let outcome = run folder arguments

    if outcome.Code <> 0 then
        let command = String.Join(' ', arguments)
        failwith $"cnn {command} ended with {outcome.Code}: {outcome.Complaint}"

    outcome.Output
