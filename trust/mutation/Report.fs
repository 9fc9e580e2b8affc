/// What is printed.
module Cnn.Mutation.Report

/// Where a mutant is, and what it changes.
let place (mutant: Mutant) : string =
    $"{mutant.File}:{mutant.Line}:{mutant.Column}  {mutant.Change}"

let line (mutant: Mutant) (outcome: Outcome) : string =
    $"{place mutant}  {Outcome.describe outcome}"

let private row (name: string) (outcomes: Outcome list) : string =
    let count (is: Outcome -> bool) =
        outcomes |> List.filter is |> List.length

    let killed = count _.IsKilled
    let hung = count _.IsHung
    let survived = count _.IsSurvived
    let rejected = count _.IsRejected
    let same = count _.IsSame
    let tried = killed + hung + survived
    $"{name, -24}{outcomes.Length, 9}{rejected, 10}{same, 7}{killed, 9}{hung, 9}{survived, 10}{killed + hung, 7} of {tried}"

/// A row a file, and one for all.
let table (results: (Mutant * Outcome) list) : string list =
    let byFile = results |> List.groupBy (fun (mutant, _) -> mutant.File)

    [
        $"""{"file", -24}{"mutants", 9}{"rejected", 10}{"same", 7}{"killed", 9}{"by time", 9}{"survived", 10}{"found", 7}"""
        for file, own in byFile do
            row (System.IO.Path.GetFileName file) (List.map snd own)
        row "all" (List.map snd results)
    ]
