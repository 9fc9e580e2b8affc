/// The examples in the help: every command has some, and each is a command line that the program takes.
module Cnn.Tests.Host.HelpTests

open System
open System.CommandLine
open System.Text.RegularExpressions
open Expecto
open Cnn.Host
open Cnn.Host.Commands
open Cnn.Tests.Host.Cli

let private root = Program.Parse([]).CommandResult.Command

/// The words of a line as a shell would take them; double quotes keep words together.
let private words (line: string) : string list =
    [
        for it in Regex.Matches(line, "\"([^\"]*)\"|(\\S+)") do
            if it.Groups[1].Success then
                it.Groups[1].Value
            else
                it.Groups[2].Value
    ]

let private examples (command: Command) = List.ofSeq (Examples.Of command)

let private help (arguments: string list) : string list =
    (runOk Environment.CurrentDirectory (arguments @ [ "--help" ])).Split('\n')
    |> Array.map _.TrimEnd()
    |> List.ofArray

let tests =
    testList
        "Host.Help"
        [
            test "every command has examples, of itself" {
                let commands = List.ofSeq root.Subcommands
                Expect.isGreaterThan commands.Length 10 "commands looked at"

                for command in root :: commands do
                    Expect.isNonEmpty (examples command) $"'{command.Name}' has no example; give it some in Examples.cs"

                for command in commands do
                    for example in examples command do
                        Expect.equal
                            (List.item 1 (words example.Line))
                            command.Name
                            $"{example.Line} is of another command"
            }
            test "every example is a command line that the program takes" {
                for command in root :: List.ofSeq root.Subcommands do
                    for example in examples command do
                        match words example.Line with
                        | "cnn" :: arguments ->
                            let parsed = Program.Parse(Array.ofList arguments)
                            let faults = [ for it in parsed.Errors -> it.Message ]
                            Expect.isEmpty faults example.Line
                            Expect.isEmpty parsed.UnmatchedTokens example.Line
                            Expect.isFalse (parsed.CommandResult.Command :? RootCommand) $"{example.Line} does nothing"
                        | _ -> failtest $"'{example.Line}' does not start with cnn"

                let wrong = Program.Parse [| "train"; "--epoch"; "1" |]
                Expect.isNonEmpty wrong.Errors "and would be found if it were not"
            }
            test "the first steps go from one command to the next" {
                let steps = [ for it in examples root -> List.item 1 (words it.Line) ]
                Expect.equal (List.truncate 3 steps) [ "train"; "eval"; "show" ] "the beginning"
            }
            test "the help ends with them, without a word that is missing" {
                for arguments, title in [ [], "First steps:"; [ "eval" ], "Examples:" ] do
                    let lines = help arguments
                    let shown = lines |> List.skipWhile ((<>) title)
                    Expect.isNonEmpty shown title

                    let command =
                        match arguments with
                        | [] -> root
                        | name -> root.Subcommands |> Seq.find (fun it -> [ it.Name ] = name)

                    Expect.equal
                        (shown |> List.tail |> List.filter ((<>) ""))
                        [
                            for it in examples command do
                                $"  {it.Line}"
                                $"      {it.Purpose}"
                        ]
                        title
            }
        ]
