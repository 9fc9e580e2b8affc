using System.Globalization;
using System.Text;

namespace Cnn.Peers.LeNet;

/// <summary>What the trainings gave, as a table in Markdown.</summary>
internal static class AccuracyTable
{
    public static string Write(string recipe, IReadOnlyList<AccuracyRun> runs)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{recipe}; accuracy on the test images\n\n");
        text.Append("| seed | ours | libtorch | same answer |\n| --- | ---: | ---: | ---: |\n");
        foreach (AccuracyRun run in runs)
            Line($"{run.Seed}", run.Ours, run.Peer, run.Agreeing, digits: 2);
        Line("mean", Mean(r => r.Ours), Mean(r => r.Peer), Mean(r => r.Agreeing), digits: 3);
        if (runs.Count > 1)
            Line(
                "standard deviation",
                Deviation(r => r.Ours),
                Deviation(r => r.Peer),
                Deviation(r => r.Agreeing),
                digits: 3
            );
        return text.ToString();

        void Line(string name, double ours, double peer, double agreeing, int digits) =>
            text.Append(
                $"| {name} | {Percent(ours, digits)} | {Percent(peer, digits)} | {Percent(agreeing, digits)} |\n"
            );

        double Mean(Func<AccuracyRun, double> number) => runs.Average(number);

        // of what the runs are a sample of
        double Deviation(Func<AccuracyRun, double> number) =>
            Math.Sqrt(runs.Sum(run => Math.Pow(number(run) - Mean(number), 2)) / (runs.Count - 1));
    }

    private static string Percent(double part, int digits) =>
        (100 * part).ToString($"F{digits}", CultureInfo.InvariantCulture) + " %";
}
