using System.Globalization;
using Cnn.Host.Benchmarks;

namespace Cnn.Host.Output;

/// <summary>What <c>cnn bench</c> prints: every figure as soon as it is known, or all of them as JSON.</summary>
internal static class BenchmarkOutput
{
    /// <summary>A headed table for each kind of figure.</summary>
    public static void WriteText(Machine machine, BenchmarkRun run)
    {
        WriteMachine(machine, run);
        WriteTraining(run);
        WriteInference(run);
        WriteStages(run);
    }

    private static void WriteMachine(Machine machine, BenchmarkRun run)
    {
        Consoles.Result(
            $"{machine.Processor}, {Numbers.Count(machine.Cores, "core")}, vectors of {machine.VectorBits} bits, {machine.Runtime}, cnn {machine.Version}"
        );
        Consoles.Result($"peak of a core: {InfoOutput.Peak(run.Peak)}");
    }

    /// <summary>What fresh results cost, beside results that overwrite.</summary>
    public static void WritePurityText(Machine machine, BenchmarkRun run)
    {
        WriteMachine(machine, run);
        Head(
            "training in turns: fresh arrays for every state, as it is; and over the state before last, as nobody can ask for"
        );
        var table = new ColumnWriter([
            ("network", -8),
            ("batch", 5),
            ("threads", 7),
            ("results", -8),
            ("images/s", 9),
            ("bytes/step", 10),
            ("GC pauses", 9),
            ("fresh / recycled", 16),
            ("pair by pair", -29),
        ]);
        foreach (PurityCost cost in run.Purity())
        {
            Write(cost.Fresh, "fresh", Ratio(cost.MedianRatio), string.Join(' ', cost.Ratios.Select(Ratio)));
            Write(cost.Recycled, "recycled", "", "");
        }

        static string Ratio(double ratio) => ratio.ToString("F3", CultureInfo.InvariantCulture);

        void Write(TrainingSpeed speed, string results, string median, string ratios) =>
            table.Write(
                speed.Network,
                $"{speed.BatchSize}",
                $"{speed.Threads}",
                results,
                Numbers.Speed(speed.ImagesPerSecond),
                Numbers.Count((long)speed.AllocatedBytesPerStep),
                Numbers.Percent(speed.GcPauseShare),
                median,
                ratios
            );
    }

    /// <summary>The same as one JSON object.</summary>
    public static void WritePurityJson(Machine machine, BenchmarkRun run) =>
        JsonOutput.Write(new PurityResult(machine, [.. run.Purity()]), OutputJson.Default.PurityResult);

    /// <summary>The same as one JSON object; what a stage without multiply-adds has no figure for is null.</summary>
    public static void WriteJson(Machine machine, BenchmarkRun run) =>
        JsonOutput.Write(
            new BenchmarkResult(machine, run.Peak, [.. run.Training()], [.. run.Inference()], [.. run.Stages()]),
            OutputJson.Default.BenchmarkResult
        );

    private static void WriteTraining(BenchmarkRun run)
    {
        Head("training");
        var table = new ColumnWriter([
            ("network", -8),
            ("batch", 5),
            ("threads", 7),
            ("images/s", 9),
            ("bytes/step", 10),
            ("GC pauses", 9),
            ("GCs/1000 steps", 14),
        ]);
        foreach (TrainingSpeed speed in run.Training())
            table.Write(
                speed.Network,
                $"{speed.BatchSize}",
                $"{speed.Threads}",
                Numbers.Speed(speed.ImagesPerSecond),
                Numbers.Count((long)speed.AllocatedBytesPerStep),
                Numbers.Percent(speed.GcPauseShare),
                Numbers.Tenths(speed.CollectionsPer1000Steps)
            );
    }

    private static void WriteInference(BenchmarkRun run)
    {
        Head("inference");
        var table = new ColumnWriter([("network", -8), ("batch", 5), ("threads", 7), ("images/s", 9)]);
        foreach (InferenceSpeed speed in run.Inference())
            table.Write(speed.Network, $"{speed.BatchSize}", $"{speed.Threads}", Numbers.Speed(speed.ImagesPerSecond));
    }

    private static void WriteStages(BenchmarkRun run)
    {
        Head("stages: one thread, for one image of 32; a multiply-add is two operations");
        var table = new ColumnWriter([
            ("network", -8),
            ("stage", -30),
            ("", -8),
            ("microseconds", 12),
            ("dense multiply-adds", 19),
            ("executed", 10),
            ("dense GFLOPS", 12),
            ("executed", 8),
            ("of peak", 8),
        ]);
        foreach (StageCost cost in run.Stages())
            table.Write(
                cost.Network,
                cost.Stage,
                cost.Direction,
                Numbers.Microseconds(cost.Microseconds),
                Numbers.Count(cost.DenseMultiplyAdds),
                Numbers.Count((long)Math.Round(cost.ExecutedMultiplyAdds)),
                Numbers.Gflops(cost.DenseGflops),
                Numbers.Gflops(cost.ExecutedGflops),
                Numbers.Percent(cost.PeakShare)
            );
    }

    private static void Head(string title)
    {
        Consoles.Result("");
        Consoles.Result(title);
    }
}
