/// The parts of the guide as they are written: F# scripts, with prose in Markdown between `(**` and `*)`.
module Cnn.Site.Script

open System
open System.IO
open System.Security.Cryptography
open System.Text

/// What a part consists of, in the order in which it is read.
type Block =
    | Prose of markdown: string
    | Code of fsharp: string

type Script =
    {
        /// The file without its extension: 01-conv1d.
        Name: string
        /// From 1.
        Number: int
        /// The heading without its number: A window slides along a signal.
        Title: string
        Blocks: Block list
    }

let private lines (text: string) : string list =
    text.ReplaceLineEndings("\n").Split('\n') |> List.ofArray

let private joined (lines: string list) : string = (String.concat "\n" lines).Trim '\n'

/// The blocks of a script. Raises FormatException for prose that does not end.
let blocks (text: string) : Block list =
    let rec code (gathered: string list) (rest: string list) : Block list =
        match rest with
        | "(**" :: below -> Code(joined (List.rev gathered)) :: prose [] below
        | line :: below -> code (line :: gathered) below
        | [] -> [ Code(joined (List.rev gathered)) ]

    and prose (gathered: string list) (rest: string list) : Block list =
        match rest with
        | "*)" :: below -> Prose(joined (List.rev gathered)) :: code [] below
        | line :: below -> prose (line :: gathered) below
        | [] -> raise (FormatException "a block of prose is opened by (** and never closed by *)")

    code [] (lines text)
    |> List.filter (function
        | Code ""
        | Prose "" -> false
        | _ -> true)

/// The code of a script, block by block.
let code (script: Script) : string list =
    script.Blocks
    |> List.choose (function
        | Code text -> Some text
        | Prose _ -> None)

/// Reads a part. Raises FormatException if it does not begin with its number and title.
let read (path: string) : Script =
    let name = nonNull (Path.GetFileNameWithoutExtension path)
    let number = int (name.Substring(0, 2))
    let blocks = blocks (File.ReadAllText path)
    let start = $"# {number}. "

    match blocks with
    | Prose text :: _ when text.StartsWith(start, StringComparison.Ordinal) ->
        {
            Name = name
            Number = number
            Title = (List.head (lines text)).Substring start.Length
            Blocks = blocks
        }
    | _ ->
        raise (
            FormatException $"{path} does not begin with prose whose first line is its heading, such as {start}Title"
        )

let private ordered (folder: string) (pattern: string) : string list =
    Directory.GetFiles(folder, pattern)
    |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))
    |> List.ofArray

/// The parts in the folder of the guide, in order.
let readAll (guide: string) : Script list = ordered guide "0*.fsx" |> List.map read

/// A fingerprint of all that a page is made from: the scripts (what they load included), and the program that renders them. A page keeps
/// it, so that one can see whether it is out of date.
let digest (guide: string) : string =
    let site = Path.Combine(guide, "site")
    use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256

    for path in
        ordered guide "*.fsx"
        @ ordered site "*.fs"
        @ ordered site "*.css"
        @ ordered site "*.md" do
        let text = (File.ReadAllText path).ReplaceLineEndings "\n"
        hash.AppendData(Encoding.UTF8.GetBytes $"{Path.GetFileName path}\000{text}\000")

    Convert.ToHexStringLower(hash.GetHashAndReset()).Substring(0, 32)
