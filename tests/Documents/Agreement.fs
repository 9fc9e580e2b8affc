/// Whether a program still prints what a document says it prints, but for figures that vary.
module Cnn.Tests.Documents.Agreement

open System
open System.Globalization
open System.Text.RegularExpressions

// a digest, or a number by itself: with a sign, commas between its thousands, decimals, an exponent
let private figure =
    Regex(@"[0-9a-f]{64}|(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.]*\w)", RegexOptions.Compiled)

let private words (line: string) : string list =
    figure.Split line
    |> Seq.map (fun part -> Regex.Replace(part, @"\s+", " ").Trim())
    |> List.ofSeq

/// A figure of a document, where it stands, and the one that was printed there.
type Figures =
    {
        Recorded: string
        Printed: string
        /// The whole line of the document.
        Line: string
        /// What stands behind the figure in it.
        Behind: string
    }

    /// Both as numbers.
    member figures.Values: struct (float * float) =
        let value (text: string) =
            Double.Parse(text.Replace(",", ""), CultureInfo.InvariantCulture)

        struct (value figures.Recorded, value figures.Printed)

    /// Whether it is one in a hundred.
    member figures.IsPercent = figures.Behind.StartsWith(" %", StringComparison.Ordinal)

/// One line: the same words, spaces counting as one, and figures that may stand for each other.
let ofLineBy (mayStandFor: Figures -> bool) (recorded: string) (printed: string) : bool =
    words recorded = words printed
    && Seq.forall2
        (fun (a: Match) (b: Match) ->
            mayStandFor
                {
                    Recorded = a.Value
                    Printed = b.Value
                    Line = recorded
                    Behind = recorded.Substring(a.Index + a.Length)
                })
        (figure.Matches recorded)
        (figure.Matches printed)

// behind a number: it says how fast the machine was, and that is nobody's promise
let private ofMachine =
    Regex(@"^ (s|ms|seconds|minutes|images/s|GB/s|Gflops|MB|KB)\b", RegexOptions.Compiled)

// Whole numbers are promised; what has decimals was computed, and is another one in its last digits where vectors have another
// width, or in its second one behind a training, which does not end a point higher or lower for it.
let private areClose (figures: Figures) : bool =
    let isDigest = figures.Recorded.Length = 64

    if ofMachine.IsMatch figures.Behind then
        true
    elif isDigest then
        figures.Printed.Length = 64
    elif figures.Recorded.Contains '.' then
        let struct (a, b) = figures.Values
        abs (a - b) <= (if figures.IsPercent then 1.0 else 0.25 * abs a)
    else
        figures.Recorded = figures.Printed

/// One line that a command prints.
let ofLine: string -> string -> bool = ofLineBy areClose

/// All lines, in order; a line of three dots stands for any others, none among them. None if they agree, else the first printed line
/// that the output lacks.
let rec ofLines (printed: string list) (actual: string list) : string option =
    match printed, actual with
    | [], [] -> None
    | [], line :: _ -> Some $"the end, and not '{line}'"
    | [ "…" ], _ -> None
    | "…" :: rest, _ ->
        // the dots are as short as can be
        match Seq.tryFind (fun skipped -> ofLines rest (List.skip skipped actual) = None) [ 0 .. actual.Length ] with
        | Some _ -> None
        | None -> Some rest.Head
    | first :: _, [] -> Some first
    | first :: rest, line :: others ->
        if ofLine first line then
            ofLines rest others
        else
            Some first
