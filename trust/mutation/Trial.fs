namespace Cnn.Mutation

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO

/// Runs the tests of the scratch copy with the core from a folder.
[<Sealed>]
type Trial(scratch: Scratch) =
    let folder = scratch.TestFolder
    let own = Path.Combine(folder, "Cnn.Tests.dll")
    let ownCopy = own + ".original"

    do File.Copy(own, ownCopy, true)

    let isFailure (line: string) =
        line.Contains " failed in " || line.Contains " errored in "

    let run (number: string) (limit: TimeSpan) (list: string) : Commands.Ending =
        // with the dot at its end it is the whole name of a list
        Commands.watch folder "dotnet" [ own; "--filter"; $"cnn.{list}." ] (Switches.Variable, number) isFailure limit

    /// How long each list takes with the core as it is.
    let times = Dictionary<string, TimeSpan>()

    // other work may share the processor
    let limit (list: string) =
        TimeSpan.FromSeconds 30.0 + 10.0 * times[list]

    /// The lists that are asked about a file: its own, then all others, quick ones first.
    let lists (file: string) =
        Lists.own file
        @ (List.except (Lists.own file) Lists.all |> List.sortBy (fun list -> times[list]))

    /// From now on the tests run with the programs in this folder.
    member _.Place(programs: string) =
        File.Copy(Path.Combine(programs, "Cnn.Core.dll"), Path.Combine(folder, "Cnn.Core.dll"), true)
        let tests = Path.Combine(programs, "Cnn.Tests.dll")
        File.Copy((if File.Exists tests then tests else ownCopy), own, true)

    /// Measures every list, with no mutant chosen; each must pass. How long they take together, in seconds.
    member _.Measure() : float =
        for list in Lists.all do
            let watch = Stopwatch.StartNew()

            if run "" (TimeSpan.FromMinutes 10.0) list <> Commands.Succeeded then
                failwith $"the list '{list}' does not pass with the core as it is"

            times[list] <- watch.Elapsed

        times.Values |> Seq.sumBy (fun time -> time.TotalSeconds)

    /// What the tests say about a mutant, chosen by its number if the program has several.
    member _.Run(number: string, mutant: Mutant) : Outcome =
        lists mutant.File
        |> Seq.tryPick (fun list ->
            match run number (limit list) list with
            | Commands.Succeeded -> None
            | Commands.Failed -> Some(Killed list)
            | Commands.TooLate -> Some(Hung list))
        |> Option.defaultValue Survived
