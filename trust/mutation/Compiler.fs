namespace Cnn.Mutation

open System
open System.IO
open FSharp.Compiler.CodeAnalysis
open FSharp.Compiler.Diagnostics

/// Compiles mutants, in this process: the compiler has to warm up only once.
[<Sealed>]
type Compiler(checker: FSharpChecker, scratch: Scratch) =

    /// Without what only slows it down, and without warnings, which are errors in a build: an argument that a mutant does not use
    /// any more is no reason to reject it.
    let leaves (argument: string) =
        [ "-o:"; "--doc:"; "--debug"; "--warnaserror"; "--warnon" ]
        |> List.exists (fun (prefix: string) -> argument.StartsWith prefix)

    let compile (arguments: string seq) (target: string) : FSharpDiagnostic[] =
        let all =
            [| "fsc.exe"; $"-o:{target}"; yield! arguments |> Seq.filter (leaves >> not) |]

        let found, failure = checker.Compile all |> Async.RunSynchronously

        match failure with
        | Some cause when found.Length = 0 -> raise cause
        | _ -> found |> Array.filter (fun d -> d.Severity = FSharpDiagnosticSeverity.Error)

    let core = scratch.CoreArguments

    let isCore (argument: string) =
        argument.StartsWith "-r:" && Path.GetFileName argument = "Cnn.Core.dll"

    let tests (coreDll: string) =
        scratch.TestArguments
        |> Seq.map (fun argument -> if isCore argument then $"-r:{coreDll}" else argument)
        // functions marked inline are copied all the same
        |> Seq.append [ "--crossoptimize-"; "--nowin32manifest" ]

    let folder (name: string) =
        Directory.CreateDirectory(scratch.Path $"mutants/{name}").FullName

    /// The core as it is.
    let original =
        let target = Path.Combine(folder "original", "Cnn.Core.dll")

        if compile core target |> Array.isEmpty |> not then
            failwith "the core cannot be compiled"

        File.ReadAllBytes target

    /// Works with other texts of some files.
    let withTexts (texts: (string * string) list) (work: unit -> 'A) : 'A =
        let before =
            texts |> List.map (fun (file, _) -> file, File.ReadAllText(scratch.Path file))

        try
            for file, text in texts do
                File.WriteAllText(scratch.Path file, text)

            work ()
        finally
            for file, text in before do
                File.WriteAllText(scratch.Path file, text)

    /// The folder with the programs of a mutant, if there are any that differ from the original.
    member _.Compile(name: string, mutant: Mutant) : Result<string, Outcome> =
        let folder = folder name
        let target = Path.Combine(folder, "Cnn.Core.dll")
        let text = Mutant.apply (File.ReadAllText(scratch.Path mutant.File)) mutant

        withTexts [ mutant.File, text ] (fun () ->
            if compile core target |> Array.isEmpty |> not then
                Error Rejected
            elif File.ReadAllBytes(target).AsSpan().SequenceEqual(original) then
                Error Same
            else
                if mutant.IsCopiedIntoCallers then
                    let errors = compile (tests target) (Path.Combine(folder, "Cnn.Tests.dll"))

                    if errors.Length > 0 then
                        failwith $"the tests cannot be compiled: {errors[0]}"

                Ok folder)

    /// One program with as many of the mutants as it takes, under their places in the array: its folder, and which they are. Where the
    /// compiler finds an error, the mutants of that line are left out, and it is asked again.
    member _.CompileTogether(mutants: Mutant[]) : string * Set<int> =
        let switch = scratch.Path "Switch.fs"
        File.WriteAllText(switch, Switches.source)

        // in front of the first file that is changed
        let arguments =
            let i = core |> Array.findIndex (fun argument -> argument.Contains "/Operations/")
            Array.insertAt i switch core

        let folder = folder "together"
        let target = Path.Combine(folder, "Cnn.Core.dll")

        let rec attempt (numbers: Set<int>) =
            let texts =
                numbers
                |> Seq.map (fun i -> i, mutants[i])
                |> Seq.groupBy (fun (_, mutant) -> mutant.File)
                |> Seq.map (fun (file, own) ->
                    file, Switches.render (File.ReadAllText(scratch.Path file)) (List.ofSeq own))
                |> List.ofSeq

            let errors = withTexts texts (fun () -> compile arguments target)

            let wrong =
                set
                    [
                        for error in errors do
                            for file, text in texts do
                                if scratch.Path file = error.FileName then
                                    let lines = text.Split '\n'

                                    // the nearest line before the error that has switches
                                    match
                                        lines[.. error.StartLine - 1]
                                        |> Array.rev
                                        |> Array.tryPick (fun line ->
                                            match Switches.numbers line with
                                            | [] -> None
                                            | some -> Some some)
                                    with
                                    | Some some -> yield! some
                                    | None -> ()
                    ]

            if errors.Length = 0 then
                numbers
            elif wrong.IsEmpty then
                failwith $"the mutants cannot be compiled together: {errors[0]}"
            else
                attempt (numbers - wrong)

        let switched =
            mutants
            |> Seq.indexed
            |> Seq.filter (fun (_, m) -> m.Expression.IsSome)
            |> Seq.map fst
            |> set
            |> attempt

        folder, switched
