/// What all commands have in common: tables, the folder for what they find, and a folder for files that live as long as the program.
module Cnn.Trust.Output

open System
open System.IO

/// Where inputs are kept that something went wrong with: beside all else that is built.
let keptFolder: string =
    Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "trust"))

/// Keeps an input, and gives the path of its file.
let keep (name: string) (bytes: byte[]) : string =
    Directory.CreateDirectory keptFolder |> ignore
    let path = Path.Combine(keptFolder, name)
    File.WriteAllBytes(path, bytes)
    path

/// Does something with a folder for small files that come and go, in memory where the system has such a disk. The script names it, so that
/// it can look into it after the program has died; else it is removed.
let withScratch (work: string -> 'T) : 'T =
    match Environment.GetEnvironmentVariable "TRUST_SCRATCH" with
    | null
    | "" ->
        let memory = "/dev/shm"

        let parent =
            if Directory.Exists memory then
                memory
            else
                Path.GetTempPath()

        let folder = Path.Combine(parent, $"cnn-trust-{Guid.NewGuid():N}")
        Directory.CreateDirectory folder |> ignore

        try
            work folder
        finally
            Directory.Delete(folder, recursive = true)
    | folder -> work folder

/// Rows under headings. Columns are as wide as what is in them: the first is text, to the left, and the others are numbers, to the right.
let table (headings: string list) (rows: string list list) : string list =
    let widths =
        headings :: rows
        |> List.transpose
        |> List.map (List.map String.length >> List.max)

    let line (row: string list) =
        List.zip row widths
        |> List.mapi (fun i (cell, width) -> if i = 0 then cell.PadRight width else cell.PadLeft width)
        |> String.concat "  "

    line headings
    :: String.concat "  " (widths |> List.map (fun width -> String('-', width)))
    :: List.map line rows

let print (lines: string list) : unit =
    for line in lines do
        Console.Out.WriteLine line
