using System.CommandLine;
using Cnn.Host.Output;

namespace Cnn.Host.Commands;

/// <summary><c>cnn gradcheck</c>: whether the gradients that were derived on paper are right.</summary>
internal static class GradcheckCommand
{
    private const int DefaultSeed = 1;

    public static Command Create()
    {
        Option<int> seed = Options.Seed(
            DefaultSeed,
            "Where the random inputs start; the check must pass for any seed."
        );
        var command = new Command(
            "gradcheck",
            "Compare the gradient of every operation, and of whole networks, with finite differences in double precision."
        )
        {
            seed,
        };
        command.SetWork((parsed, stop) => Check(parsed.GetValue(seed), stop));
        return command;
    }

    private static ExitCode Check(int seed, CancellationToken stop)
    {
        var table = new ColumnWriter([
            ("operation", -10),
            ("case", -52),
            ("tensor", -9),
            ("error", 7),
            ("entries", 7),
            ("kinks", 5),
            ("", -6),
        ]);
        int passed = 0;
        int total = 0;
        foreach (GradientFinding finding in GradientChecks.Run(seed))
        {
            stop.ThrowIfCancellationRequested();
            total++;
            passed += finding.Passed ? 1 : 0;
            table.Write(
                finding.Operation,
                finding.Case,
                finding.Tensor,
                Numbers.Error(finding.Error),
                $"{finding.Entries}",
                $"{finding.Kinks}",
                finding.Passed ? "ok" : "FAILED"
            );
        }
        Consoles.Result($"{passed} of {total} gradients agree within {GradientFinding.Tolerance:0e-00}");
        return passed == total ? ExitCode.Success : ExitCode.CheckFailed;
    }
}
