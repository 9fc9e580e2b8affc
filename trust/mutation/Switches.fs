/// All mutants in one program, where an environment variable chooses one: so the core is compiled once, not once for each.
/// (Untch, Offutt and Harrold 1993, "Mutation analysis using mutant schemata".)
///
/// An expression E with a mutant M becomes (if Switch.on 7 then (M) else (E)), and the mutants within E are within the else branch.
/// What has no expression of its own (a pattern), or is copied into callers, is left to be compiled alone.
module Cnn.Mutation.Switches

open System

[<Literal>]
let Variable = "CNN_MUTANT"

/// The source that the others call.
let source =
    $"""module internal Cnn.Mutation.Switch

let private chosen =
    match System.Environment.GetEnvironmentVariable "{Variable}" with
    | null
    | "" -> -1
    | number -> int number

let on (number: int) : bool = chosen = number
"""

let private call (number: int) = $"Cnn.Mutation.Switch.on {number}"

/// The lines of a block whose first one was in this column, all moved to the right, and on lines of their own.
let private block (column: int) (text: string) : string =
    let lines = (String(' ', column) + text).Split '\n'

    "\n"
    + String.Join(
        '\n',
        lines
        |> Array.map (fun line ->
            if String.IsNullOrWhiteSpace line then
                line
            else
                "    " + line)
    )
    + "\n"
    + String(' ', column + 4)

/// The text of a file with all of these mutants, each under its number.
let render (text: string) (mutants: (int * Mutant) list) : string =
    let groups =
        mutants
        |> List.choose (fun (number, mutant) ->
            mutant.Expression
            |> ValueOption.map (fun e -> e, (number, mutant))
            |> ValueOption.toOption)
        |> List.groupBy fst
        |> List.map (fun (expression, own) -> expression, List.map snd own)
        // of expressions that begin together, the longest first: it holds the others
        |> List.sortBy (fun ((first, beyond), _) -> first, -beyond)

    let column (position: int) =
        position - (text.LastIndexOf('\n', max 0 (position - 1)) + 1)

    let rec part (first: int) (beyond: int) groups : string =
        match groups with
        | [] -> text.Substring(first, beyond - first)
        | ((start, end'), own) :: rest ->
            let inner, after = rest |> List.partition (fun ((other, _), _) -> other < end')
            let original = part start end' inner

            let wrap =
                if text.Substring(start, end' - start).Contains '\n' then
                    block (column start)
                else
                    id

            let branches =
                own
                |> List.map (fun (number, mutant) ->
                    $"if {call number} then ({wrap (Mutant.applyWithin text (start, end') mutant)}) el")

            text.Substring(first, start - first)
            + "("
            + String.Join("", branches)
            + $"se ({wrap original}))"
            + part end' beyond after

    part 0 text.Length groups

/// The numbers of the mutants in a line.
let numbers (line: string) : int list =
    [
        for m in Text.RegularExpressions.Regex.Matches(line, @"Cnn\.Mutation\.Switch\.on (\d+)") do
            int m.Groups[1].Value
    ]
