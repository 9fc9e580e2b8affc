using System.Security.Cryptography;
using System.Text.Json;
using Cnn.Host.Experiments;
using Cnn.Host.Recipes;
using Cnn.Host.Training;

namespace Cnn.Host.Runs;

/// <summary>
/// What is known of a run before its first step, as JSON: how it was asked for, the recipe with all its numbers, the network,
/// and on what it runs.
/// </summary>
internal static class RunConfig
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "config.json";

    /// <summary>Bytes of the file, at most.</summary>
    public const int MostBytes = 1 << 20;

    // the keys that are read again when the run goes on
    public const string Command = "command";
    public const string ModelCommand = "model-command";
    public const string Started = "started";
    public const string Seed = "seed";
    public const string Threads = "threads";
    public const string TrainSize = "train-size";
    public const string Validation = "validation";
    public const string Patience = "patience";
    public const string Data = "data";
    public const string Channels = "channels";
    public const string Height = "image-height";
    public const string Width = "image-width";
    public const string Images = "images";
    public const string Output = "out";
    public const string Recipe = "recipe";
    public const string Program = "program";
    public const string BuildId = "build";
    public const string Machine = "machine";
    public const string Processor = "processor";

    private static readonly JsonSerializerOptions MachineOptions = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.KebabCaseLower,
    };

    /// <summary>The SHA-256 of the contents, in hexadecimal, by which checkpoints name their run.</summary>
    public static string DigestOf(byte[] contents) => Convert.ToHexStringLower(SHA256.HashData(contents));

    /// <summary>The contents of the file.</summary>
    /// <param name="start">The run before its first step.</param>
    /// <param name="images">The digest of its training images.</param>
    /// <param name="output">Where its model goes.</param>
    public static byte[] Write(RunStart start, string images, string output)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, RecipeFile.Options(isIndented: true)))
        {
            json.WriteStartObject();
            json.WriteString(Command, start.Command);
            json.WriteString(ModelCommand, start.Settings.Command);
            json.WriteString(Started, start.Time.UtcDateTime);
            WriteSettings(json, start.Settings);
            json.WriteString(Images, images);
            json.WriteString(Output, Path.GetFullPath(output));
            json.WriteStartObject(Recipe);
            RecipeFile.WriteFields(json, start.Settings.Recipe);
            json.WriteEndObject();
            json.WriteStartObject("model");
            WriteModel(json, start.Model);
            json.WriteEndObject();
            WriteSystem(json);
            json.WriteEndObject();
        }
        buffer.WriteByte((byte)'\n');
        return buffer.ToArray();
    }

    private static void WriteSettings(Utf8JsonWriter json, TrainSettings settings)
    {
        json.WriteNumber(Seed, settings.Seed);
        json.WriteNumber(Threads, settings.Threads);
        WriteNumber(json, TrainSize, settings.TrainSize);
        json.WriteNumber(Validation, settings.Validation);
        WriteNumber(json, Patience, settings.Patience);
        // whole paths: the run may go on from another folder
        json.WriteString(Data, settings.Data.Path is { } data ? Path.GetFullPath(data) : null);
        WriteNumber(json, Channels, settings.Data.Form.Channels);
        WriteNumber(json, Height, settings.Data.Form.Height);
        WriteNumber(json, Width, settings.Data.Form.Width);
    }

    private static void WriteModel(Utf8JsonWriter json, Model model)
    {
        json.WriteString("architecture", model.Architecture);
        json.WriteNumber("parameters", model.ParameterCount);
        json.WriteStartArray("input");
        foreach (int extent in model.InputShape)
            json.WriteNumberValue(extent);
        json.WriteEndArray();
        json.WriteNumber("classes", model.Classes);
        (double mean, double deviation) = model.Normalization;
        json.WriteStartObject("normalization");
        json.WriteNumber("mean", mean);
        json.WriteNumber("standard-deviation", deviation);
        json.WriteEndObject();
    }

    private static void WriteSystem(Utf8JsonWriter json)
    {
        var machine = Benchmarks.Machine.Current();
        json.WriteStartObject(Program);
        json.WriteString("version", machine.Version);
        json.WriteString(BuildId, Build.Id);
        json.WriteEndObject();
        json.WritePropertyName(Machine);
        JsonSerializer.Serialize(json, machine, MachineOptions);
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, int? number)
    {
        if (number is { } value)
            json.WriteNumber(name, value);
        else
            json.WriteNull(name);
    }
}
