using System.Security.Cryptography;
using System.Text.Json;
using Cnn.Host.Data;
using Cnn.Host.Recipes;
using Cnn.Host.Training;

namespace Cnn.Host.Experiments;

/// <summary>All that the result of a run depends on, beside the seed and the build.</summary>
/// <param name="Settings">
/// A JSON object with the keys of a recipe, but for its name, version and description, which change nothing; "train-size"
/// and "validation"; "data", a digest of the training images and labels; and "test", one of the test files, or null where
/// images are held out instead.
/// </param>
/// <param name="Digest">The SHA-256 of that object's text, in hexadecimal.</param>
internal sealed record ExperimentConfig(JsonElement Settings, string Digest)
{
    /// <summary>That of a run with these settings on these images.</summary>
    public static ExperimentConfig Of(TrainSettings settings, LabelledImages training, IImageSource source)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, RecipeFile.Options(isIndented: false)))
        {
            json.WriteStartObject();
            RecipeFile.WriteEffects(json, settings.Recipe);
            if (settings.TrainSize is { } size)
                json.WriteNumber("train-size", size);
            else
                json.WriteNull("train-size");
            json.WriteNumber("validation", settings.Validation);
            json.WriteString("data", training.Digest());
            json.WriteString("test", settings.Validation == 0 ? source.DigestOfTest() : null);
            json.WriteEndObject();
        }
        byte[] text = buffer.ToArray();
        using JsonDocument document = JsonDocument.Parse(text);
        return new ExperimentConfig(document.RootElement.Clone(), Convert.ToHexStringLower(SHA256.HashData(text)));
    }
}
