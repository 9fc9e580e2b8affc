using System.Reflection;
using System.Runtime;
using System.Runtime.InteropServices;

namespace Cnn.Host.Benchmarks;

/// <summary>On what the program runs, and how it is set up: what a figure means nothing without.</summary>
/// <param name="Version">That of this program.</param>
/// <param name="Runtime">Such as ".NET 10.0.1".</param>
/// <param name="System">The operating system.</param>
/// <param name="Processor">Its name, or its architecture where no name is to be had.</param>
/// <param name="Cores">Processors that the program may use.</param>
/// <param name="VectorBits">Bits in the widest vectors in use; 0 for the portable kernels.</param>
/// <param name="VectorWidths">Bits in the vectors of each kernel, the widest first.</param>
/// <param name="SinglePrecisionLanes">Numbers of float32 in one of the widest vectors.</param>
/// <param name="DoublePrecisionLanes">Numbers of float64 in one of the widest vectors.</param>
/// <param name="GarbageCollector">"server" or "workstation".</param>
/// <param name="IsGcConcurrent">Whether old objects are collected in the background.</param>
internal sealed record Machine(
    string Version,
    string Runtime,
    string System,
    string Processor,
    int Cores,
    int VectorBits,
    IReadOnlyList<int> VectorWidths,
    int SinglePrecisionLanes,
    int DoublePrecisionLanes,
    string GarbageCollector,
    bool IsGcConcurrent
)
{
    private const string ProcessorFile = "/proc/cpuinfo";

    /// <summary>The machine at hand.</summary>
    public static Machine Current() =>
        new(
            typeof(Machine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion,
            RuntimeInformation.FrameworkDescription,
            $"{RuntimeInformation.OSDescription} ({RuntimeInformation.RuntimeIdentifier})",
            ProcessorName() ?? $"{RuntimeInformation.ProcessArchitecture}",
            Environment.ProcessorCount,
            VectorUnit.Bits,
            VectorUnit.Widths,
            VectorUnit.SingleLanes,
            VectorUnit.DoubleLanes,
            GCSettings.IsServerGC ? "server" : "workstation",
            IsConcurrent()
        );

    // Not on every system, and on some without a name.
    private static string? ProcessorName()
    {
        try
        {
            string? line = File.ReadLines(ProcessorFile)
                .FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal));
            return line?.Split(':', 2) is [_, var name] && name.Trim() is { Length: > 0 } text ? text : null;
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            return null;
        }
    }

    // The runtime knows what is in force, whoever set it; where it does not say, the settings of the program do.
    private static bool IsConcurrent() =>
        GC.GetConfigurationVariables().TryGetValue("ConcurrentGC", out object? value) && value is bool inForce
            ? inForce
            : !AppContext.TryGetSwitch("System.GC.Concurrent", out bool isSet) || isSet;
}
