using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Cnn.Host.Output;

namespace Cnn.Host.Commands;

/// <summary>
/// <c>cnn guide</c>: a part of the guide, run by F# Interactive against the core of this program. The parts are scripts, so that a reader
/// may change them and run them again.
/// </summary>
internal static class GuideCommand
{
    private const string Extension = ".fsx";

    public static Command Create()
    {
        var part = new Argument<int?>("PART")
        {
            Description = "Which part, from 1; unless given, all parts are listed.",
            Arity = ArgumentArity.ZeroOrOne,
            CustomParser = given =>
            {
                string text = given.Tokens[0].Value;
                if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number))
                    return number;
                given.AddError($"there is no part '{text}'; give the number of a part, such as 1.");
                return null;
            },
        };
        var command = new Command("guide", "Run a part of the guide: a program to read, with its checks.") { part };
        command.SetWork(
            (parsed, _) =>
            {
                string[] parts = Find();
                if (parsed.GetValue(part) is not { } number)
                {
                    for (int i = 0; i < parts.Length; i++)
                        Consoles.Result($"{i + 1}  {Title(parts[i])}  {parts[i]}");
                    return ExitCode.Success;
                }
                return number >= 1 && number <= parts.Length
                    ? Run(parts[number - 1])
                    : throw new CommandException(
                        ExitCode.Usage,
                        $"there is no part {number}; the guide has parts 1 to {parts.Length}."
                    );
            }
        );
        return command;
    }

    // 01-conv1d.fsx and so on, in order
    private static string[] Find()
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "guide");
        string[] parts = Directory.Exists(folder)
            ?
            [
                .. Directory
                    .EnumerateFiles(folder, "*" + Extension)
                    .Where(path => char.IsAsciiDigit(Path.GetFileName(path)[0]))
                    .Order(StringComparer.Ordinal),
            ]
            : [];
        return parts.Length > 0
            ? parts
            : throw CommandException.BadData($"there is no guide in {folder}; install the program anew.");
    }

    // the heading that a part begins with: "# 1. A window slides along a signal"
    private static string Title(string path)
    {
        try
        {
            string heading = File.ReadLines(path).First(line => line.StartsWith("# ", StringComparison.Ordinal));
            return heading[(heading.IndexOf(". ", StringComparison.Ordinal) + 2)..];
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw CommandException.Unreadable(path, cause);
        }
    }

    private static ExitCode Run(string path)
    {
        if (!File.Exists(Path.Combine(AppContext.BaseDirectory, "Cnn.Core.dll")))
            throw new CommandException(
                ExitCode.Usage,
                $"the guide runs against Cnn.Core.dll, which a native program does without; from the repository: dotnet fsi guide/{Path.GetFileName(path)}."
            );
        try
        {
            using Process interactive = Process.Start("dotnet", ["fsi", "--quiet", "--nologo", path]);
            interactive.WaitForExit();
            return interactive.ExitCode == 0 ? ExitCode.Success : ExitCode.CheckFailed;
        }
        catch (Win32Exception cause)
        {
            throw new CommandException(
                ExitCode.Failed,
                "the guide needs F# Interactive, and there is no 'dotnet' on the PATH; install the .NET 10 SDK.",
                cause
            );
        }
    }
}
