using System.Reflection;
using System.Runtime.InteropServices;
using Cnn.Host;
using TorchSharp;

namespace Cnn.Peers.Torch;

/// <summary>The native library behind TorchSharp.</summary>
internal static class TorchLibrary
{
    // the bridge between TorchSharp and libtorch; the loader finds libtorch itself beside it
    private const string Bridge = "libLibTorchSharp.so";

    /// <summary>Loads it; mends the copy beside this program first where libstdc++ is too old for it.</summary>
    /// <exception cref="CommandException">It cannot be loaded here.</exception>
    public static void Load()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            throw Unusable("its package here is that for Linux on x64");
        string path = Path.Combine(AppContext.BaseDirectory, Bridge);
        try
        {
            try
            {
                NativeLibrary.Load(path);
            }
            catch (DllNotFoundException cause)
                when (cause.Message.Contains(OlderStandardLibrary.NewVersion, StringComparison.Ordinal))
            {
                Console.Error.WriteLine($"peers: libstdc++ is older than {Bridge} wants; mending the copy in use");
                OlderStandardLibrary.Suit(path);
                NativeLibrary.Load(path);
            }
        }
        catch (Exception cause)
            when (cause is DllNotFoundException or InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw Unusable(cause.Message.ReplaceLineEndings(" ").TrimEnd('.', ' '), cause);
        }
        torch.InitializeDeviceType(DeviceType.CPU);
        // nothing here runs two operations at a time
        torch.set_num_interop_threads(1);
    }

    /// <summary>Which libtorch, and which TorchSharp speaks to it.</summary>
    public static string Version()
    {
        AssemblyInformationalVersionAttribute? bridge =
            typeof(torch).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>();
        return $"libtorch {torch.__version__} (TorchSharp {bridge?.InformationalVersion.Split('+')[0]})";
    }

    private static CommandException Unusable(string reason, Exception? inner = null) =>
        new(ExitCode.Failed, $"libtorch cannot be used: {reason}.", inner);
}
