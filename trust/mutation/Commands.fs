/// Starts programs.
module Cnn.Mutation.Commands

open System
open System.Diagnostics
open System.Threading

let private start (folder: string) (program: string) (arguments: string list) (name: string, value: string) : Process =
    let info =
        ProcessStartInfo(
            program,
            arguments,
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    // a mutant may ask for any amount of memory
    info.Environment["DOTNET_GCHeapHardLimit"] <- "0x180000000"
    info.Environment[name] <- value
    info.Environment["DOTNET_NOLOGO"] <- "1"
    info.Environment["MSBUILDDISABLENODEREUSE"] <- "1"
    Process.Start info

/// The output of a program that must not fail.
let output (folder: string) (program: string) (arguments: string list) : string =
    use running = start folder program arguments ("DOTNET_CLI_TELEMETRY_OPTOUT", "1")
    let errors = running.StandardError.ReadToEndAsync()
    let output = running.StandardOutput.ReadToEnd()
    running.WaitForExit()

    if running.ExitCode <> 0 then
        let command = String.Join(' ', program :: arguments)
        failwith $"'{command}' failed:\n{output}\n{errors.Result}"

    output

/// How a program ended.
type Ending =
    | Succeeded
    | Failed
    | TooLate

/// Runs a program until it ends, writes a line that says enough, or has had its time.
let watch
    (folder: string)
    (program: string)
    (arguments: string list)
    (variable: string * string)
    (isFailure: string -> bool)
    (limit: TimeSpan)
    : Ending =
    use running = start folder program arguments variable
    use stop = new ManualResetEventSlim(false)
    use failure = new ManualResetEventSlim(false)

    let look (line: string) =
        if not (isNull line) && isFailure line then
            failure.Set()
            stop.Set()

    running.OutputDataReceived.Add(fun e -> look e.Data)
    running.ErrorDataReceived.Add(fun e -> look e.Data)
    running.Exited.Add(fun _ -> stop.Set())
    running.EnableRaisingEvents <- true
    running.BeginOutputReadLine()
    running.BeginErrorReadLine()

    let isInTime = stop.Wait limit

    if running.HasExited then
        running.WaitForExit()

        if failure.IsSet || running.ExitCode <> 0 then
            Failed
        else
            Succeeded
    else
        running.Kill(entireProcessTree = true)
        running.WaitForExit()
        if isInTime then Failed else TooLate
