using System.Text.Json;

namespace Cnn.Host.Output;

/// <summary>Results for programs: one JSON object in one line.</summary>
internal static class JsonOutput
{
    // names as in JavaScript: imagesPerSecond
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web);

    /// <summary>Writes an object with all its public properties; every number in it is finite.</summary>
    public static void Write<T>(T value) => Consoles.Result(JsonSerializer.Serialize(value, Options));
}
