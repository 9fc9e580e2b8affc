/// The commands that documents print, with the text around them and the output below them.
module Cnn.Tests.Documents.Printed

open System
open System.IO
open System.Text.RegularExpressions
open Markdig
open Markdig.Extensions.Tables
open Markdig.Syntax
open Markdig.Syntax.Inlines

type Command =
    {
        /// The document, from the root of the repository.
        Document: string
        /// As one types it, from the root of the repository.
        Line: string
        /// The paragraph or the row of a table that it stands in.
        Around: string
        /// What it prints, where the document shows that.
        Output: string list
    }

let private pipeline =
    MarkdownPipelineBuilder().UsePipeTables().UsePreciseSourceLocation().Build()

// the names of programs, and not of folders: those of benches and trials only with arguments
let private isCommand (text: string) : bool =
    Regex.IsMatch(text, @"^(\./cnn|cnn|dotnet)( |$)|^(\./publish|\.paket/lock)\b|^(bench|trust)/\S+ \S")

// on Windows it is typed without the folder
let private typed (text: string) : string =
    if text.StartsWith "cnn " then $"./{text}" else text

// what the text says, without its line breaks
let private around (text: string) (inline': Inline) : string =
    let rec rowOf (block: Block) =
        match block with
        | :? TableRow as row -> text.Split('\n')[row.Line]
        | :? TableCell as cell -> rowOf (nonNull cell.Parent)
        | :? LeafBlock as leaf when (leaf.Parent :? TableCell) -> rowOf (nonNull leaf.Parent)
        | leaf -> text.Substring(leaf.Span.Start, leaf.Span.Length)

    let rec blockOf (container: ContainerInline | null) : Block =
        match container with
        | null -> failwith "a code span outside of all blocks"
        | some when isNull some.Parent -> nonNull some.ParentBlock
        | some -> blockOf some.Parent

    Regex.Replace(rowOf (blockOf inline'.Parent), @"\s+", " ")

let private inProse (document: string) (text: string) (parsed: MarkdownDocument) : Command list =
    [
        for code in parsed.Descendants<CodeInline>() do
            if isCommand code.Content then
                {
                    Document = document
                    Line = typed code.Content
                    Around = around text code
                    Output = []
                }
    ]

// lines behind a prompt are commands, and what follows is what they print; without any prompt, each line may be one
let private inBlock (document: string) (block: FencedCodeBlock) : Command list =
    let lines = block.Lines.ToString().Split '\n' |> List.ofArray
    let hasPrompt = lines |> List.exists _.StartsWith("$ ")

    let command (line: string) (output: string list) =
        {
            Document = document
            Line = typed line
            Around = ""
            Output = output
        }

    let rec read (lines: string list) =
        match lines with
        | [] -> []
        | line :: rest when line.StartsWith "$ " ->
            let output = rest |> List.takeWhile (fun line -> not (line.StartsWith "$ "))
            command line[2..] output :: read (List.skip output.Length rest)
        | _ :: rest -> read rest

    if hasPrompt then
        read lines
    else
        [
            for line in lines do
                let line = Regex.Replace(line, @"\s+# .*$", "")

                if isCommand line then
                    command line []
        ]

let private ofMarkdown (document: string) (text: string) : Command list =
    let parsed = Markdown.Parse(text, pipeline)

    inProse document text parsed
    @ (parsed.Descendants<FencedCodeBlock>()
       |> Seq.collect (inBlock document)
       |> List.ofSeq)

/// Those of a document: Markdown, or a script whose comments are.
let read (document: string) : Command list =
    let text =
        File.ReadAllText(Path.Combine(GuidePage.repository, document)).ReplaceLineEndings "\n"

    if document.EndsWith ".fsx" then
        [
            for prose in Regex.Matches(text, @"\(\*\*(.*?)\*\)", RegexOptions.Singleline) do
                yield! ofMarkdown document prose.Groups[1].Value
        ]
    else
        ofMarkdown document text
