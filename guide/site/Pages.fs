/// The pages, each as one string.
module Cnn.Site.Pages

open System
open System.Text.RegularExpressions
open Cnn.Site.Script
open Cnn.Site.Recording
open Cnn.Site.Markup

/// What every page says about itself.
type Site =
    {
        Parts: Script list
        /// Of all that the pages are made from.
        Digest: string
        /// Where the recorded outputs were seen.
        Machine: string
    }

/// `toRoot` leads from the page to docs/.
let private page (site: Site) (toRoot: string) (title: string) (navigation: string) (main: string) (foot: string) =
    $"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="sources" content="{site.Digest}">
<title>{encode title}</title>
<link rel="stylesheet" href="{toRoot}site.css">
</head>
<body>
<a class="skip" href="#main">Skip to the text</a>
<header>
{navigation}
</header>
<main id="main">
{main}
</main>
<footer>
{foot}
</footer>
</body>
</html>
"""

let private step (relation: string) (arrow: string) (target: Script option) : string =
    match target with
    | Some part ->
        $"<a rel=\"{relation}\" href=\"{part.Name}.html\">{arrow}<span>{part.Number}. {encode part.Title}</span></a>"
    | None -> "<span></span>"

let private numbers (site: Site) (here: Script) : string =
    let items =
        [
            for part in site.Parts ->
                let current =
                    if part.Number = here.Number then
                        " aria-current=\"page\""
                    else
                        ""

                $"<li><a href=\"{part.Name}.html\" title=\"{encode part.Title}\"{current}>{part.Number}</a></li>"
        ]
        |> String.concat ""

    $"<nav aria-label=\"Parts\"><a href=\"../index.html\">FunctionalCnn</a><ol>{items}</ol></nav>"

/// A part with what its blocks printed and drew.
let part (site: Site) (script: Script) (recorded: Recorded list) : string =
    let rec html (blocks: Block list) (recorded: Recorded list) : string list =
        match blocks, recorded with
        | Prose text :: rest, _ -> prose text :: html rest recorded
        | Code text :: rest, block :: below ->
            [
                code text
                if block.Output <> "" then
                    output block.Output
                for drawn in block.Pictures do
                    picture drawn.Svg
            ]
            @ html rest below
        | _ -> []

    let neighbour by =
        site.Parts |> List.tryFind (fun part -> part.Number = script.Number + by)

    let steps = step "prev" "Before" (neighbour -1) + step "next" "Next" (neighbour 1)

    let foot =
        $"""<nav class="steps" aria-label="Before and next">{steps}</nav>
<p>This page is <a href="../../guide/{script.Name}.fsx">guide/{script.Name}.fsx</a>, a program; <code>./cnn guide {script.Number}</code> runs it. What it prints was seen on {encode site.Machine}; elsewhere the last digits may differ.</p>"""

    page
        site
        "../"
        $"{script.Number}. {script.Title} – FunctionalCnn"
        (numbers site script)
        (html script.Blocks recorded |> String.concat "\n")
        foot

/// The first page, from its Markdown. A link to a part that has no text gets the title of the part, and an image that is named as a
/// picture of the guide is that picture.
let index (site: Site) (pictures: Picture list) (markdown: string) : string =
    let named (name: string) =
        match pictures |> List.tryFind (fun picture -> picture.Name = name) with
        | Some found -> picture found.Svg
        | None -> raise (FormatException $"index.md shows a picture {name}, which no part draws")


    let filled =
        (markdown, site.Parts)
        ||> List.fold (fun text part ->
            let link = $"(guide/{part.Name}.html)"

            if text.Contains("[]" + link, StringComparison.Ordinal) then
                text.Replace("[]" + link, $"[{part.Title}]{link}")
            else
                raise (FormatException $"index.md has no link to {part.Name}"))

    page
        site
        ""
        "FunctionalCnn: a convolutional network from scratch, in F#"
        "<nav aria-label=\"Guide\"><span>FunctionalCnn</span></nav>"
        (Regex.Replace(
            prose filled,
            "<p><img src=\"(.*?)\".*?></p>",
            (fun (found: Match) -> named found.Groups[1].Value)
        ))
        "<p>MIT licensed. MNIST is by LeCun, Cortes and Burges, CC BY-SA 3.0.</p>"
