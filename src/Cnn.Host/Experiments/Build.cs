using System.Security.Cryptography;

namespace Cnn.Host.Experiments;

/// <summary>Which build of the program this is: another one may sum in another order, and give other numbers.</summary>
internal static class Build
{
    // enough to tell builds apart, few enough to read
    private const int Digits = 12;

    /// <summary>
    /// Of the version ids of both assemblies, the host and the core. The compilers derive them from all that they compiled and
    /// where it was: equal sources in the same folder have equal ids.
    /// </summary>
    public static string Id { get; } =
        Convert.ToHexStringLower(
            SHA256.HashData([.. IdOf(typeof(Build)).ToByteArray(), .. IdOf(typeof(Model)).ToByteArray()])
        )[..Digits];

    private static Guid IdOf(Type type) => type.Assembly.ManifestModule.ModuleVersionId;
}
