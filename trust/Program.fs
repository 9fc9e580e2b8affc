/// trust/run COMMAND; --help tells what there is.
module Cnn.Trust.Program

open System
open System.CommandLine

/// A command is a value of System.CommandLine whose action gives the exit code; it is added here.
let private commands () : Command list =
    List.concat [ Files.FileCommands.all (); Runs.RunCommands.all (); Data.DataCommands.all () ]

[<EntryPoint>]
let main arguments =
    let root =
        RootCommand
            "Shows that the program can be trusted. Exit codes: 0 nothing was found, 1 something was, 2 wrong command line."

    for command in commands () do
        root.Subcommands.Add command

    let parsed = root.Parse(arguments)

    match List.ofSeq parsed.Errors with
    | first :: _ ->
        Console.Error.WriteLine $"trust: {first.Message}"
        2
    | [] -> parsed.Invoke(InvocationConfiguration(EnableDefaultExceptionHandler = false))
