/// The order in which a checkpoint reaches the disk, as the system sees it: the bytes into a file of another name, that file to the disk, the
/// new name, and the folder to the disk.
module Cnn.Trust.Runs.Tracing

open System
open System.IO
open System.Text.RegularExpressions

/// The program that shows system calls.
let private tracer = "strace"

/// Whether it is there.
let isPossible () : bool =
    (Environment.GetEnvironmentVariable "PATH"
     |> Option.ofObj
     |> Option.defaultValue "")
        .Split
        Path.PathSeparator
    |> Array.exists (fun folder -> File.Exists(Path.Combine(folder, tracer)))

type Call =
    | Write of bytes: int64
    | FlushFile
    | Rename of target: string
    | FlushFolder

    member call.Shown: string =
        match call with
        | Write bytes -> $"write   {bytes} bytes to the temporary file"
        | FlushFile -> "fsync   the temporary file"
        | Rename target -> $"rename  it to {target}"
        | FlushFolder -> "fsync   the folder"

let private temporary = @"/run/\.cnn-[^/>""]+\.tmp"

/// The calls of a line that concern the files of the run, with a number that tells one temporary file from the next.
let private ofLine (line: string) : (string * Call) option =
    let fits (pattern: string) = Regex.Match(line, pattern)
    let write = fits $@"p?write(?:64|v)?\(\d+<[^>]*({temporary})>.* = (\d+)$"
    let flush = fits $@"f(?:data)?sync\(\d+<[^>]*({temporary})>\) += 0$"

    let rename =
        fits $@"rename(?:at2?)?\(.*""[^""]*({temporary})"".*""[^""]*/run/([^""/]+)"".*\) += 0$"

    let folder = fits @"fsync\(\d+<[^>]*/run>\) += 0$"

    if write.Success then
        Some(write.Groups[1].Value, Write(int64 write.Groups[2].Value))
    elif flush.Success then
        Some(flush.Groups[1].Value, FlushFile)
    elif rename.Success then
        Some(rename.Groups[1].Value, Rename rename.Groups[2].Value)
    elif folder.Success then
        Some("", FlushFolder)
    else
        None

/// A call that another thread's came between stands on two lines.
let private joined (lines: string seq) : string list =
    let unfinished = Collections.Generic.Dictionary<string, string>()

    [
        for line in lines do
            let thread = line.Split(' ', 2)[0]

            if line.EndsWith "<unfinished ...>" then
                unfinished[thread] <- line.Replace("<unfinished ...>", "")
            else
                let resumed = Regex.Match(line, @"<\.\.\. \w+ resumed>(.*)$")

                match unfinished.TryGetValue thread with
                | true, start when resumed.Success -> start + resumed.Groups[1].Value
                | _ -> line
    ]

/// The calls for each checkpoint of a short run, in their order.
let checkpoints (folder: string) : Call list list =
    SmallData.write folder 8 60 12
    let trace = Path.Combine(folder, "trace")

    let arguments =
        [
            "-f"
            "-y"
            "-s"
            "0"
            "-e"
            "trace=write,pwrite64,writev,pwritev,fsync,fdatasync,rename,renameat,renameat2"
            "-o"
            trace
            "dotnet"
            Program.dll
            "train"
            "--data"
            "."
            "--arch"
            "flatten, dense classes"
            "--epochs"
            "3"
            "--batch-size"
            "20"
            "--augment"
            "none"
            "--run"
            "run"
            "--out"
            "m.bin"
        ]

    use running = Program.startOther tracer folder arguments
    let outcome = Program.finish running

    if outcome.Code <> 0 then
        failwith $"the run under {tracer} ended with {outcome.Code}: {outcome.Complaint}"

    let calls = joined (File.ReadLines trace) |> List.choose ofLine

    let renames =
        calls
        |> List.indexed
        |> List.choose (fun (i, (file, call)) ->
            match call with
            | Rename RunFiles.Last -> Some(i, file)
            | _ -> None)

    [
        for i, file in renames ->
            [
                for _, call in calls |> List.take (i + 1) |> List.filter (fun (other, _) -> other = file) -> call
                yield!
                    calls
                    |> List.skip (i + 1)
                    |> List.map snd
                    |> List.takeWhile (fun call -> call = FlushFolder)
                    |> List.truncate 1
            ]
    ]

/// Whether that order is one that no crash can harm.
let isSafe (calls: Call list) : bool =
    match calls |> List.skipWhile (fun (call: Call) -> call.IsWrite) with
    | [ FlushFile; Rename _; FlushFolder ] -> calls.Head.IsWrite
    | _ -> false
