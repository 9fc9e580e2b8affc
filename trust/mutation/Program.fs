/// trust/mutation/run [--seed N] [--sample N] [--file PART] [--line N] [--list] [--out FILE]
/// [--again FILE] [--scratch FOLDER]
///
/// Makes small changes, one at a time, to the operations and the training of the core, in a copy of the repository, and runs the tests
/// of the core on each. What no test sees has survived: either the change means nothing, or a test is missing.
/// Seed 1 and 200 mutants unless told otherwise; --file takes only files whose name has that part, --list only prints the mutants,
/// --again takes those that were not killed in an earlier report, and --scratch names a folder for the copy, which stays there: the next start has less to build.
module Cnn.Mutation.Program

open System
open System.IO
open System.Threading.Tasks
open FSharp.Compiler.CodeAnalysis

type private Options =
    {
        Seed: int
        Sample: int
        File: string
        Line: int option
        IsList: bool
        Out: string option
        /// An earlier report.
        Again: string option
        Scratch: string option
    }

let rec private read (options: Options) (arguments: string list) : Options =
    match arguments with
    | [] -> options
    | "--seed" :: value :: rest -> read { options with Seed = int value } rest
    | "--sample" :: value :: rest -> read { options with Sample = int value } rest
    | "--file" :: value :: rest -> read { options with File = value } rest
    | "--line" :: value :: rest -> read { options with Line = Some(int value) } rest
    | "--list" :: rest -> read { options with IsList = true } rest
    | "--out" :: value :: rest -> read { options with Out = Some value } rest
    | "--again" :: value :: rest -> read { options with Again = Some value } rest
    | "--scratch" :: value :: rest -> read { options with Scratch = Some value } rest
    | other :: _ -> failwith $"'{other}' is no option; the first lines of Program.fs say which there are"

let private none =
    {
        Seed = 1
        Sample = 200
        File = ""
        Line = None
        IsList = false
        Out = None
        Again = None
        Scratch = None
    }

/// The mutants of every file under operations and training.
let private mutants (checker: FSharpChecker) (root: string) : Mutant[][] =
    [| "Operations"; "Training" |]
    |> Array.collect (fun room ->
        Directory.GetFiles(Path.Combine(root, "src", "Cnn.Core", room), "*.fs")
        |> Array.sort)
    |> Array.map (fun file ->
        let name = Path.GetRelativePath(root, file).Replace('\\', '/')
        Mutations.ofFile checker name (File.ReadAllText file))

let private tryOut
    (checker: FSharpChecker)
    (root: string)
    (kept: string option)
    (write: string -> unit)
    (chosen: Mutant[])
    =
    use scratch = new Scratch(root, kept)
    let compiler = Compiler(checker, scratch)
    let trial = Trial scratch
    let together, switched = compiler.CompileTogether chosen
    trial.Place together
    write $"# {switched.Count} of them in one program, whose lists of tests take {trial.Measure():F0} s"

    let outcomes = Array.create chosen.Length Survived

    let found (i: int) (outcome: Outcome) =
        outcomes[i] <- outcome
        lock outcomes (fun () -> write (Report.line chosen[i] outcome))

    // one waits for files and clocks while the other computes
    Parallel.ForEach(
        switched,
        ParallelOptions(MaxDegreeOfParallelism = 2),
        fun i ->
            match trial.Run(string i, chosen[i]) with
            // not before it is known that it is another program
            | Survived -> ()
            | outcome -> found i outcome
    )
    |> ignore

    for i in 0 .. chosen.Length - 1 do
        if outcomes[i].IsSurvived then
            match compiler.Compile(string i, chosen[i]) with
            | Error outcome -> found i outcome
            | Ok _ when switched.Contains i -> found i Survived
            | Ok programs ->
                trial.Place programs
                found i (trial.Run("", chosen[i]))
                Directory.Delete(programs, true)

    write ""
    Report.table (List.ofArray (Array.zip chosen outcomes)) |> List.iter write

[<EntryPoint>]
let main arguments =
    let options = read none (List.ofArray arguments)
    let root = Directory.GetCurrentDirectory()
    let checker = FSharpChecker.Create()

    use out =
        match options.Out with
        | Some file -> new StreamWriter(file, AutoFlush = true)
        | None -> StreamWriter.Null

    let write (line: string) =
        Console.WriteLine line
        out.WriteLine line

    let all = mutants checker root

    let isInReport =
        match options.Again with
        | None -> fun _ -> true
        | Some file ->
            let lines =
                File.ReadAllLines file
                |> Array.filter (fun line -> not (line.Contains "  killed by "))

            fun mutant -> lines |> Array.exists _.StartsWith(Report.place mutant + "  ")

    let wanted =
        all
        |> Array.map (
            Array.filter (fun m ->
                Path.GetFileName(m.File).Contains(options.File, StringComparison.OrdinalIgnoreCase)
                && isInReport m
                && (options.Line.IsNone || options.Line = Some m.Line))
        )

    let chosen = Sample.choose options.Seed options.Sample wanted
    write $"# seed {options.Seed}: {chosen.Length} of {Array.sumBy Array.length wanted} mutants"

    if options.IsList then
        for m in chosen do
            write (Report.place m)
    else
        tryOut checker root options.Scratch write chosen

    0
