/// Chooses some of the mutants, evenly over the files.
module Cnn.Mutation.Sample

open System

/// Mutants that every file has in a sample, if it has so many.
[<Literal>]
let private Least = 3

/// The same seed gives the same order of the mutants of a file, so a larger sample holds all of a smaller one.
let choose (seed: int) (size: int) (files: Mutant[][]) : Mutant[] =
    let ranked =
        files
        |> Array.mapi (fun i mutants ->
            let shuffled = Array.copy mutants
            Random(seed + i).Shuffle shuffled

            shuffled
            |> Array.mapi (fun rank mutant ->
                // the first few before all others; then each file in step with its length
                let turn =
                    if rank < Least then
                        float (rank - Least)
                    else
                        float rank / float shuffled.Length

                turn, mutant))
        |> Array.concat

    ranked
    |> Array.sortBy fst
    |> Array.truncate size
    |> Array.map snd
    |> Array.sortBy (fun m -> m.File, m.Start, m.Replacement)
