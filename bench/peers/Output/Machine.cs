using System.Globalization;
using System.Runtime.InteropServices;
using Cnn.Peers.Torch;

namespace Cnn.Peers.Output;

/// <summary>On what the numbers were taken.</summary>
internal static class Machine
{
    /// <summary>Processor, system, versions and date, in one line.</summary>
    public static string Describe() =>
        string.Join(
            "; ",
            $"{Processor()}, {Environment.ProcessorCount} cores",
            RuntimeInformation.OSDescription,
            RuntimeInformation.FrameworkDescription,
            TorchLibrary.Version(),
            DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)
        );

    private static string Processor()
    {
        const string Key = "model name";
        string? line = File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith(Key, StringComparison.Ordinal));
        return line?.Split(':')[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
