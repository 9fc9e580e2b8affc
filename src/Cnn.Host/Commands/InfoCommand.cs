using System.CommandLine;
using Cnn.Host.Benchmarks;
using Cnn.Host.Data;
using Cnn.Host.Output;

namespace Cnn.Host.Commands;

/// <summary><c>cnn info</c>: what the program makes of this machine.</summary>
internal static class InfoCommand
{
    public static Command Create()
    {
        Option<bool> json = Options.Json();
        var command = new Command(
            "info",
            "Show the version, the machine, the vectors and kernels in use, and what a core can do at best."
        )
        {
            json,
        };
        command.SetWork(
            (parsed, _) =>
            {
                Action<Machine, string, Peak> write = parsed.GetValue(json)
                    ? InfoOutput.WriteJson
                    : InfoOutput.WriteText;
                write(Machine.Current(), DataSource.Default, Peak.Measure());
                return ExitCode.Success;
            }
        );
        return command;
    }
}
