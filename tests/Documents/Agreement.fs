/// Whether a program still prints what a document says it prints, but for figures that vary.
module Cnn.Tests.Documents.Agreement

open System
open System.Globalization
open System.Text.RegularExpressions

// a digest, or a number: with commas between its thousands, decimals, an exponent
let private figure =
    Regex(@"[0-9a-f]{64}|(?<![\w.])\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.]*\w)", RegexOptions.Compiled)

// behind a number: it says how fast the machine was, and that is nobody's promise
let private ofMachine =
    Regex(@"^ (s|ms|seconds|minutes|images/s|GB/s|Gflops|MB|KB)\b", RegexOptions.Compiled)

let private words (line: string) : string list =
    figure.Split line
    |> Seq.map (fun part -> Regex.Replace(part, @"\s+", " ").Trim())
    |> List.ofSeq

let private value (text: string) : float =
    Double.Parse(text.Replace(",", ""), CultureInfo.InvariantCulture)

/// Two figures in the same place of a line. Whole numbers and words are promised; what has decimals was computed, and is another
/// one in its last digits where vectors have another width, or in its second one behind a training.
let private areClose (isPercent: bool) (printed: string) (actual: string) : bool =
    if printed.Length = 64 then
        actual.Length = 64
    elif printed.Contains '.' then
        let a, b = value printed, value actual
        // a training does not end a point higher or lower than another
        abs (a - b) <= (if isPercent then 1.0 else max 0.02 (0.25 * abs a))
    else
        printed = actual

/// One line. Spaces count as one.
let ofLine (printed: string) (actual: string) : bool =
    let figures (line: string) = List.ofSeq (figure.Matches line)

    words printed = words actual
    && List.forall2
        (fun (a: Match) (b: Match) ->
            let behind = printed.Substring(a.Index + a.Length)
            ofMachine.IsMatch behind || areClose (behind.StartsWith " %") a.Value b.Value)
        (figures printed)
        (figures actual)

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
