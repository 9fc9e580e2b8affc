/// Completion of command lines: what the program suggests, and what bash makes of it.
module Cnn.Tests.Host.CompletionTests

open System
open System.IO
open Expecto
open Cnn.Host
open System.CommandLine
open Cnn.Tests.Host.Cli

/// What the program suggests at the end of a line.
let private suggested (line: string) : string list =
    use output = new StringWriter()

    let code =
        Program.Parse([| $"[suggest:{line.Length}]"; line |]).Invoke(InvocationConfiguration(Output = output))

    Expect.equal code 0 "exit code"

    output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries)
    |> Array.map _.Trim()
    |> List.ofArray

let private choices =
    [
        "cnn train --model ", [ "deep"; "lenet"; "simple" ]
        "cnn train --model le", [ "lenet"; "simple" ]
        "cnn train --model=le", [ "lenet"; "simple" ]
        "cnn train --recipe ", [ "best"; "default"; "fast" ]
        "cnn summary --arch \"conv 3 3, relu\" --recipe f", [ "default"; "fast" ]
        "cnn train --normalize ", [ "false"; "true" ]
        "cnn bench --models ", [ "deep"; "lenet"; "simple" ]
        "cnn filter x.png --kernel so", [ "sobel-x"; "sobel-y" ]
        "cnn ev", [ "eval" ]
        "cnn eval model.bin --", [ "--data"; "--help"; "--json"; "--threads" ]
        "cnn train --out ", []
        "cnn completions f", [ "fish" ]
    ]

/// What bash would offer for a line with the cursor at its end, in a folder.
let private offered (folder: string) (line: string) : string list =
    let words = line.Split ' ' |> Array.map (fun word -> $"'{word}'")

    let script =
        String.Join(
            '\n',
            [
                $"cnn() {{ {shellCommand} \"$@\"; }}"
                "source <(cnn completions bash)"
                "completion=$(complete -p cnn) || exit 9"
                $"COMP_LINE='{line}' COMP_POINT={line.Length}"
                $"""COMP_WORDS=({String.Join(" ", words)}) COMP_CWORD={words.Length - 1}"""
                // as it is registered: "complete -F _cnn cnn"
                "completion=${completion##*-F }; ${completion%% *}"
                "printf '%s\\n' \"${COMPREPLY[@]}\""
            ]
        )

    let bash = runCommand "bash" folder [ "--norc"; "-c"; script ]
    Expect.equal (bash.Code, bash.Error) (0, "") "exit code and stderr of bash"

    bash.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
    |> List.ofArray
    |> List.sort

let tests =
    testList
        "Host.Completion"
        [
            for line, expected in choices do
                test $"suggests after '{line}'" { Expect.equal (List.sort (suggested line)) expected "suggestions" }
            test "suggests every command, and every option of a command" {
                let root = Program.Parse([]).CommandResult.Command
                let words = suggested "cnn "

                for command in root.Subcommands do
                    Expect.contains words command.Name "commands"
                    let options = suggested $"cnn {command.Name} --"

                    for option in command.Options do
                        Expect.contains options option.Name $"options of {command.Name}"
            }
            test "bash completes commands, options, choices and files" {
                inFolder (fun folder ->
                    for name in [ "model.bin"; "more.txt"; "other.bin" ] do
                        File.WriteAllText(Path.Combine(folder, name), "")

                    Directory.CreateDirectory(Path.Combine(folder, "deep")) |> ignore
                    let offered = offered folder
                    Expect.equal (offered "cnn ev") [ "eval" ] "a command"
                    Expect.equal (offered "cnn eval --t") [ "--threads" ] "an option"
                    Expect.equal (offered "cnn train --model d") [ "deep" ] "a choice, not the folder of that name"
                    Expect.equal (offered "cnn eval mo") [ "model.bin"; "more.txt" ] "files"

                    Expect.equal
                        (offered "cnn train --recipe o")
                        [ "other.bin" ]
                        "a file where a choice may be as well")
            }
            test "there is a script for each shell, and for no other" {
                for shell, sign in
                    [
                        "bash", "complete -F"
                        "zsh", "compdef _cnn cnn"
                        "fish", "complete -c cnn"
                        "pwsh", "Register-ArgumentCompleter"
                    ] do
                    Expect.stringContains (runOk Environment.CurrentDirectory [ "completions"; shell ]) sign shell

                run Environment.CurrentDirectory [ "completions"; "cmd" ]
                |> expectComplaint 2 "choose one of bash, zsh, fish, pwsh"
            }
        ]
