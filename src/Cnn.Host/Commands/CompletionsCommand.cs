using System.CommandLine;
using Cnn.Host.Output;

namespace Cnn.Host.Commands;

/// <summary>
/// <c>cnn completions</c>: a script by which a shell completes command lines. It asks the program itself, through the suggest
/// directive of the parser, so that it knows every option that the program has.
/// </summary>
internal static class CompletionsCommand
{
    // by the name of the shell, the file in Completions
    private static readonly Dictionary<string, string> scripts = new()
    {
        ["bash"] = "cnn.bash",
        ["zsh"] = "cnn.zsh",
        ["fish"] = "cnn.fish",
        ["pwsh"] = "cnn.ps1",
    };

    public static Command Create()
    {
        var shell = new Argument<string>("SHELL")
        {
            HelpName = "SHELL",
            Description = $"One of {string.Join(", ", scripts.Keys)}.",
            CustomParser = given =>
            {
                string text = given.Tokens[0].Value;
                if (!scripts.ContainsKey(text))
                    given.AddError(
                        $"there is no script for '{text}'; choose one of {string.Join(", ", scripts.Keys)}."
                    );
                return text;
            },
        };
        shell.CompletionSources.Add([.. scripts.Keys]);
        var command = new Command("completions", "Print a script by which a shell completes the command lines of cnn.")
        {
            shell,
        };
        command.SetWork(
            (parsed, _) =>
            {
                foreach (string line in Lines(scripts[parsed.GetRequiredValue(shell)]))
                    Consoles.Result(line);
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static IEnumerable<string> Lines(string name)
    {
        using Stream script = typeof(CompletionsCommand).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(script);
        while (reader.ReadLine() is { } line)
            yield return line;
    }
}
