/// Prose and code as HTML.
module Cnn.Site.Markup

open System
open System.Net
open System.Text.RegularExpressions
open ColorCode
open Markdig
open Markdig.Extensions.AutoIdentifiers

let encode (text: string) : string = WebUtility.HtmlEncode text

// headings get names that one can link to; tags in prose are text
let private pipeline =
    MarkdownPipelineBuilder().UseAutoIdentifiers(AutoIdentifierOptions.GitHub).DisableHtml().Build()

/// What a reader of a desktop screen sees of a line before it must be scrolled.
let private columns = 120

/// What is wider than its column must be reached by the keyboard in order to be scrolled.
let private focus (label: string) (text: string) : string =
    if text.Split '\n' |> Array.exists (fun line -> line.Length > columns) then
        $" tabindex=\"0\" role=\"region\" aria-label=\"{label}\""
    else
        ""

/// Markdown as HTML.
let prose (markdown: string) : string =
    let html = Markdown.ToHtml(markdown, pipeline).ReplaceLineEndings("\n").Trim()

    Regex.Replace(
        html,
        "<pre><code>(.*?)</code></pre>",
        (fun (found: Match) ->
            let text = found.Groups[1].Value.TrimEnd '\n'
            let reach = focus "Formulas" (WebUtility.HtmlDecode text)
            $"<pre class=\"formula\"{reach}><code>{text}</code></pre>"),
        RegexOptions.Singleline
    )

/// F# with a class on each keyword, string and comment.
let code (fsharp: string) : string =
    let html =
        HtmlClassFormatter().GetHtmlString(fsharp, FSharp.language).ReplaceLineEndings "\n"
    // without the box that the formatter puts around it
    let first = html.IndexOf("<pre>", StringComparison.Ordinal) + 5

    let inner =
        html.Substring(first, html.LastIndexOf("</pre>", StringComparison.Ordinal) - first).Trim '\n'

    let reach = focus "Code" fsharp
    $"<pre class=\"code\"{reach}><code>{inner}</code></pre>"

/// What a block printed, the passed checks marked.
let output (text: string) : string =
    let html = (encode text).Replace("[ok]", "<span class=\"ok\">[ok]</span>")
    let reach = focus "Output" text
    $"<div class=\"output\"><p>It prints</p>\n<pre{reach}><samp>{html}</samp></pre></div>"

/// A picture with its caption, which is the title that the picture has.
let picture (svg: string) : string =
    let title = Regex.Match(svg, "<title>(.*?)</title>").Groups[1].Value
    $"<figure>\n<div class=\"picture\">{svg}</div>\n<figcaption>{title}</figcaption>\n</figure>"
