/// Runs a part of the guide, and keeps what each of its blocks printed and drew.
module Cnn.Site.Recording

open System
open System.Diagnostics
open System.IO
open Cnn.Site.Script

type Picture =
    {
        /// What the script calls it: 01-windows.
        Name: string
        Svg: string
    }

/// A block of code, what it printed, and its pictures.
type Recorded =
    {
        Code: string
        Output: string
        Pictures: Picture list
    }

/// A part could not be run, or not be taken to pieces.
exception RecordingFailed of reason: string

// "record separator": no part prints it
let private mark = '\030'

/// The code with a mark printed after every block but the last, which ends the program by itself.
let private marked (code: string list) : string =
    code |> String.concat "\nprintfn \"\\030\"\n"

/// Runs a script with F# Interactive; its pictures go into `pictures`. Gives what it printed.
let private run (script: string) (pictures: string) : string =
    let info =
        ProcessStartInfo(
            "dotnet",
            [ "fsi"; "--quiet"; "--nologo"; script ],
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    info.Environment["GUIDE_PICTURES"] <- pictures

    use running =
        match Process.Start info with
        | null -> raise (RecordingFailed "dotnet did not start")
        | running -> running

    let error = running.StandardError.ReadToEndAsync()
    let output = running.StandardOutput.ReadToEnd().ReplaceLineEndings "\n"
    running.WaitForExit()

    if running.ExitCode <> 0 then
        raise (RecordingFailed $"it ended with exit code {running.ExitCode}:\n{output}\n{error.Result}")

    if error.Result.Trim() <> "" then
        raise (RecordingFailed $"it complained:\n{error.Result}")

    output

/// The pictures whose names a block of code has in quotes, in that order.
let private drawnBy (pictures: Picture list) (code: string) : Picture list =
    pictures
    |> List.map (fun picture -> code.IndexOf($"\"{picture.Name}\"", StringComparison.Ordinal), picture)
    |> List.filter (fun (at, _) -> at >= 0)
    |> List.sortBy fst
    |> List.map snd

/// Runs a part against the program that is built in `host`, in a folder of its own there, which is removed afterwards.
let record (host: string) (guide: string) (part: Script) : Recorded list =
    let folder = Path.Combine(host, $"site-{Environment.ProcessId}")

    try
        let pictureFolder = Path.Combine(folder, "pictures")
        Directory.CreateDirectory pictureFolder |> ignore

        for path in Directory.GetFiles(guide, "*.fsx") do
            File.Copy(path, Path.Combine(folder, nonNull (Path.GetFileName path)))

        let code = code part
        let script = Path.Combine(folder, part.Name + ".fsx")
        File.WriteAllText(script, marked code)
        let outputs = (run script pictureFolder).Split mark

        if outputs.Length <> code.Length then
            raise (RecordingFailed $"it has {code.Length} blocks of code, and {outputs.Length} of them ran")

        let pictures =
            [
                for path in Directory.GetFiles(pictureFolder, "*.svg") ->
                    {
                        Name = nonNull (Path.GetFileNameWithoutExtension path)
                        Svg = (File.ReadAllText path).ReplaceLineEndings("\n").Trim()
                    }
            ]

        let recorded =
            [
                for block, output in Seq.zip code outputs ->
                    {
                        Code = block
                        Output = output.Trim '\n'
                        Pictures = drawnBy pictures block
                    }
            ]

        if List.sumBy (fun block -> block.Pictures.Length) recorded <> pictures.Length then
            raise (RecordingFailed "each picture must be named in one block of code")

        recorded
    finally
        if Directory.Exists folder then
            Directory.Delete(folder, recursive = true)
