using System.CommandLine;
using Cnn.Host.Benchmarks;
using Cnn.Host.Models;
using Cnn.Host.Output;

namespace Cnn.Host.Commands;

/// <summary><c>cnn bench</c>: how fast the program is on this machine.</summary>
internal static class BenchCommand
{
    private const double UsualSeconds = 1;
    private const double UsualWarmUp = 2;
    private const int UsualSteps = 300;

    // to see that it works, not to rely on
    private const double QuickSeconds = 0.02;
    private const double QuickWarmUp = 0.4;
    private const int QuickSteps = 60;

    public static Command Create()
    {
        Option<IReadOnlyList<string>?> models = Options.Names(
            "--models",
            NetworkChoice.Presets,
            "The networks to measure, with commas between; all that have a name unless given."
        );
        Option<string?> arch = Options.Text(
            "--arch",
            byDefault: null,
            "LAYERS",
            "A network of your own to measure, under the name arch; alone, unless --models names others."
        );
        Option<double> seconds = Options.Positive(
            "--seconds",
            UsualSeconds,
            $"How long to measure for each figure; with --quick {QuickSeconds} unless given."
        );
        var quick = new Option<bool>("--quick")
        {
            Description = "Just try it: within seconds, with figures that are rough and too low.",
        };
        var purity = new Option<bool>("--purity")
        {
            Description =
                "Instead of all that: what fresh arrays for every step of training cost, beside a training that writes over old ones.",
        };
        var data = new DataOptions("Whose training images to use");
        Option<bool> json = Options.Json();
        var command = new Command(
            "bench",
            "Measure the speed of training, of inference and of every stage of a network, beside what a core can do at best."
        )
        {
            models,
            arch,
            seconds,
            quick,
            purity,
            json,
        };
        foreach (Option option in data.All)
            command.Add(option);
        command.SetWork(
            (parsed, stop) =>
            {
                bool isQuick = parsed.GetValue(quick);
                bool isGiven = parsed.GetResult(seconds) is { Implicit: false };
                Actions.ReserveThreads(Environment.ProcessorCount);
                var run = new BenchmarkRun(
                    new BenchmarkSettings(
                        Networks: Networks(parsed.GetValue(models), parsed.GetValue(arch)),
                        Seconds: isQuick && !isGiven ? QuickSeconds : parsed.GetValue(seconds),
                        WarmUpSeconds: isQuick ? QuickWarmUp : UsualWarmUp,
                        Steps: isQuick ? QuickSteps : UsualSteps,
                        Data: data.Choose(parsed)
                    ),
                    stop
                );
                Action<Machine, BenchmarkRun> write = (parsed.GetValue(purity), parsed.GetValue(json)) switch
                {
                    (false, false) => BenchmarkOutput.WriteText,
                    (false, true) => BenchmarkOutput.WriteJson,
                    (true, false) => BenchmarkOutput.WritePurityText,
                    (true, true) => BenchmarkOutput.WritePurityJson,
                };
                write(Machine.Current(), run);
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static Dictionary<string, NetworkChoice> Networks(IReadOnlyList<string>? models, string? arch)
    {
        IEnumerable<string> names = models ?? (arch is null ? NetworkChoice.Presets : []);
        Dictionary<string, NetworkChoice> networks = names.ToDictionary(name => name, NetworkChoice.Preset);
        if (arch is not null)
            networks.Add("arch", new NetworkChoice(arch));
        return networks;
    }
}
