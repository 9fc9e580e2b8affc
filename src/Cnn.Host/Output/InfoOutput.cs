using Cnn.Host.Benchmarks;

namespace Cnn.Host.Output;

/// <summary>What <c>cnn info</c> prints.</summary>
internal static class InfoOutput
{
    private const int NameWidth = 18;

    /// <summary>A line a fact.</summary>
    /// <param name="machine">On what the program runs.</param>
    /// <param name="dataFolder">Where the images of the program are.</param>
    /// <param name="peak">What one core can do at best.</param>
    public static void WriteText(Machine machine, string dataFolder, Peak peak)
    {
        Write("cnn", machine.Version);
        Write("runtime", machine.Runtime);
        Write("system", machine.System);
        Write("processor", machine.Processor);
        Write("cores", $"{machine.Cores}");
        Write("vectors", machine.VectorBits == 0 ? "none in use" : $"{machine.VectorBits} bits");
        Write("kernels, float32", Kernels(machine, machine.SinglePrecisionLanes));
        Write("kernels, float64", Kernels(machine, machine.DoublePrecisionLanes));
        Write("garbage collector", $"{machine.GarbageCollector}, {(machine.IsGcConcurrent ? "" : "not ")}concurrent");
        Write("data folder", Directory.Exists(dataFolder) ? dataFolder : $"{dataFolder} (missing)");
        Write("peak of a core", Peak(peak));
    }

    /// <summary>The same as one JSON object.</summary>
    public static void WriteJson(Machine machine, string dataFolder, Peak peak) =>
        JsonOutput.Write(new InfoResult(machine, dataFolder, peak), OutputJson.Default.InfoResult);

    /// <summary>Both figures of a peak, in one line.</summary>
    public static string Peak(Peak peak) =>
        $"{Numbers.Gflops(peak.SinglePrecision)} GFLOPS in float32, {Numbers.Gflops(peak.DoublePrecision)} in float64 (fused multiply-adds)";

    private static string Kernels(Machine machine, int lanes)
    {
        if (machine.VectorBits == 0)
            return "portable, one number at a time";
        string widest = $"{machine.VectorBits} bits, {lanes} numbers at a time";
        string others = string.Join(" or ", machine.VectorWidths.Skip(1));
        return others.Length == 0 ? widest : $"{widest}; {others} bits where rows are short";
    }

    private static void Write(string name, string value) => Consoles.Result(name.PadRight(NameWidth) + value);
}
