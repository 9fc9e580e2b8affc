/// The commands on files from strangers.
module Cnn.Trust.Files.FileCommands

open System
open System.CommandLine
open System.Globalization
open Cnn.Trust
open Cnn.Trust.Output

let private shown (verdict: Verdict) : string =
    let text =
        match verdict with
        | Accepted -> "accepted"
        | Refused sentence -> sentence
        | Crashed reason -> "CRASH: " + reason
        | Hung -> "HANG"
        | Corrupt reason -> "CORRUPT: " + reason
        | Gorged reason -> "OVER THE BOUND: " + reason

    if text.Length > 150 then
        text.Substring(0, 150) + "…"
    else
        text

let private whole (n: int) =
    n.ToString("N0", CultureInfo.InvariantCulture)

/// Damages files; gives how often something went wrong.
let private damage (scratch: string) (isProtected: bool) (files: (Reader * string * byte[]) list) : int =
    let path = IO.Path.Combine(scratch, "input")

    let results =
        files
        |> List.map (fun (reader, name, file) -> Damage.inflict reader path (name, file, isProtected))

    table
        [
            "file"
            "bytes"
            "truncations"
            "bit flips"
            "refused"
            "accepted"
            "failures"
        ]
        [
            for r in results ->
                [
                    r.Name
                    whole r.Bytes
                    whole r.Truncations
                    whole r.Flips
                    whole r.Refused
                    whole r.Accepted
                    whole r.Failures.Length
                ]
        ]
    |> print

    for r in results do
        for damage, verdict in List.truncate 10 r.Failures do
            printfn $"{r.Name}, {damage}: {shown verdict}"

    results |> List.sumBy _.Failures.Length

/// Hand-made files; gives how many were not judged as they should be.
let private handMade (scratch: string) : int =
    let judged =
        HostileHeaders.all
        |> List.map (fun case -> case, Trial.run ModelFiles.models scratch { Bytes = case.File; IsSigned = true })

    let isWell (case: HostileHeaders.Case, trial: Trial) =
        match trial.Verdict, case.IsRight with
        | Accepted, (Some true | None)
        | Refused _, (Some false | None) -> true
        | _ -> false

    let width = judged |> List.map (fun (case, _) -> case.Name.Length) |> List.max

    for case, trial in judged do
        let mark = if isWell (case, trial) then " " else "!"
        printfn $"{mark} {case.Name.PadRight width}  {shown trial.Verdict}"

    let failures = judged |> List.filter (not << isWell) |> List.length
    printfn $"{judged.Length} hand-made files, {failures} judged wrongly or at too high a price"
    failures

/// Hand-made texts of networks; gives how many did harm.
let private texts (scratch: string) : int =
    let judged =
        Architectures.handMade
        |> List.map (fun (name, text) ->
            let input =
                {
                    Bytes = Text.Encoding.UTF8.GetBytes text
                    IsSigned = true
                }

            name, Trial.run Architectures.architectures scratch input)

    let isWell (trial: Trial) =
        trial.Verdict.IsAccepted || trial.Verdict.IsRefused

    let width = judged |> List.map (fun (name, _) -> name.Length) |> List.max

    for name, trial in judged do
        let mark = if isWell trial then " " else "!"
        printfn $"{mark} {name.PadRight width}  {shown trial.Verdict}"

    judged |> List.filter (fun (_, trial) -> not (isWell trial)) |> List.length

let private files () : Command =
    let command =
        Command(
            "files",
            "Damages files in order, each cut off after every byte and with every single bit flipped, and reads hand-made hostile ones."
        )

    command.SetAction(fun (_: ParseResult) ->
        withScratch (fun scratch ->
            printfn "Files that hold a digest or a checksum: no damage may pass unseen"
            let first = damage scratch true Damage.protectedFiles
            printfn ""
            printfn "Files that hold none: damage may do no harm"
            let second = damage scratch false Damage.otherFiles
            printfn ""
            printfn "Model files made by hand"
            let third = handMade scratch
            printfn ""
            printfn "Texts of networks made by hand"
            let fourth = texts scratch
            if first + second + third + fourth = 0 then 0 else 1))

    command

let private report (seed: int) (name: string) (index: int64) (verdict: Verdict) (bytes: byte[]) =
    let path = keep $"{name.Replace(' ', '-')}-{seed}-{index}.input" bytes
    Console.Error.WriteLine $"{name}, input {index}, kept in {path}: {shown verdict}"

let private progress (seed: int) (inputs: int64) (tried: int64) (elapsed: TimeSpan) =
    let rate = float tried / elapsed.TotalSeconds

    Console.Error.WriteLine(
        String.Format(
            CultureInfo.InvariantCulture,
            "{0:N0} of {1:N0} inputs after {2:F0} s, {3:N0} a second (seed {4})",
            tried,
            inputs,
            elapsed.TotalSeconds,
            rate,
            seed
        )
    )

let private fuzzAll (order: Fuzzing.Order) : int =
    withScratch (fun scratch ->
        try
            let clock = Diagnostics.Stopwatch.StartNew()
            let tallies = Fuzzing.run order scratch
            table Tally.Headings (tallies |> List.map _.Row) |> print
            let inputs = tallies |> List.sumBy _.Inputs
            let failures = tallies |> List.sumBy _.Failures

            String.Format(
                CultureInfo.InvariantCulture,
                "{0:N0} inputs of seed {1} in {2:F0} s: {3:N0} failures",
                inputs,
                order.Seed,
                clock.Elapsed.TotalSeconds,
                failures
            )
            |> Console.Out.WriteLine

            if failures = 0L then 0 else 1
        with Fuzzing.Endless index ->
            let bytes = (Fuzzing.input order.Seed index).Bytes
            report order.Seed (Fuzzing.readerOf index).Name index Hung bytes
            1)

/// One input again.
let private repeat (seed: int) (index: int64) : int =
    withScratch (fun scratch ->
        let reader, input = Fuzzing.readerOf index, Fuzzing.input seed index
        let path = keep $"{reader.Name.Replace(' ', '-')}-{seed}-{index}.input" input.Bytes
        printfn $"{reader.Name}, input {index} of seed {seed}, {input.Bytes.Length} bytes, kept in {path}"
        let trial = Trial.run reader (IO.Path.Combine(scratch, "input")) input
        printfn $"{shown trial.Verdict}"
        printfn $"{trial.Allocated} bytes allocated of at most {trial.Bound}, {trial.Milliseconds} ms"

        if trial.Verdict.IsAccepted || trial.Verdict.IsRefused then
            0
        else
            1)

let private fuzz () : Command =
    let inputs =
        Option<int64>(
            "--inputs",
            Description = "How many inputs, of all readers together.",
            DefaultValueFactory = fun _ -> 1_000_000L
        )

    let seed =
        Option<int>("--seed", Description = "The same seed, the same inputs.", DefaultValueFactory = fun _ -> 1)

    let minutes =
        Option<float>(
            "--minutes",
            Description = "End after so many minutes at the latest.",
            DefaultValueFactory = fun _ -> Double.PositiveInfinity
        )

    let only =
        Option<string>(
            "--only",
            Description =
                $"""Try the inputs of one reader alone: {String.Join(", ", Fuzzing.readers |> List.map _.Name)}."""
        )

    only.AcceptOnlyFromAmong(Fuzzing.readers |> List.map _.Name |> Array.ofList)
    |> ignore

    let index =
        Option<Nullable<int64>>("--index", Description = "Try this input alone, and keep it.")

    let command =
        Command("fuzz", "Feeds mutated files and texts to all readers, and counts what goes wrong.")

    for option in
        [
            inputs :> Option
            seed :> Option
            minutes :> Option
            only :> Option
            index :> Option
        ] do
        command.Options.Add option

    command.SetAction(fun (parsed: ParseResult) ->
        let seed, inputs = parsed.GetValue seed, parsed.GetValue inputs

        match parsed.GetValue index with
        | index when index.HasValue -> repeat seed index.Value
        | _ ->
            let minutes = parsed.GetValue minutes

            let order: Fuzzing.Order =
                {
                    Seed = seed
                    Inputs = inputs
                    Limit =
                        if Double.IsFinite minutes then
                            TimeSpan.FromMinutes minutes
                        else
                            TimeSpan.MaxValue
                    Threads = 2
                    Only =
                        match parsed.GetValue only with
                        | null -> Fuzzing.readers
                        | name -> Fuzzing.readers |> List.filter (fun reader -> reader.Name = name)
                    Failed = report seed
                    Progress = progress seed inputs
                }

            fuzzAll order)

    command

/// The commands.
let all () : Command list = [ files (); fuzz () ]
