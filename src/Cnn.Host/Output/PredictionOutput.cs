using System.Buffers;
using System.Text;
using System.Text.Json;
using Cnn.Host.Data;
using Cnn.Host.Preparation;

namespace Cnn.Host.Output;

/// <summary>What <c>cnn predict</c> prints: a line for each picture, as soon as it is known.</summary>
internal static class PredictionOutput
{
    // a step is shown in so many characters across, two for each pixel
    private const int MostPixels = 28;

    // text in one line, in any language
    private static readonly JsonWriterOptions JsonOptions = new()
    {
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>The file, the classes and how probable each is; with <paramref name="explain"/>, each step before it.</summary>
    public static void WriteText(PredictedPicture prediction, bool explain)
    {
        if (explain)
            WriteSteps(prediction);
        IEnumerable<string> classes = prediction.Best.Select(one => $"{one.Name} {Numbers.Percent(one.Probability)}");
        Consoles.Result($"{NameOf(prediction)}: {string.Join(", ", classes)}");
    }

    /// <summary>The same as one JSON object in one line.</summary>
    public static void WriteJson(PredictedPicture prediction, bool explain)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonOptions))
        {
            json.WriteStartObject();
            json.WriteString("file", prediction.File);
            if (prediction.Index is { } index)
                json.WriteNumber("image", index);
            WriteClass(json, prediction.Best[0]);
            json.WriteStartArray("top");
            foreach (Candidate one in prediction.Best)
            {
                json.WriteStartObject();
                WriteClass(json, one);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            if (explain)
            {
                json.WriteStartArray("steps");
                foreach (PreparationStep step in prediction.Steps)
                {
                    json.WriteStartObject();
                    json.WriteString("step", step.Name);
                    json.WriteString("finding", step.Finding);
                    json.WriteNumber("width", step.Picture.Width);
                    json.WriteNumber("height", step.Picture.Height);
                    json.WriteEndObject();
                }
                json.WriteEndArray();
            }
            json.WriteEndObject();
        }
        Consoles.Result(Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    private static void WriteClass(Utf8JsonWriter json, Candidate one)
    {
        json.WriteNumber("class", one.Label);
        json.WriteString("name", one.Name);
        json.WriteNumber("probability", one.Probability);
    }

    private static string NameOf(PredictedPicture prediction) =>
        // a line for each picture, whatever is in the name of its file
        string.Concat(prediction.File.Select(character => char.IsControl(character) ? '?' : character))
        + (prediction.Index is { } index ? $", image {index}" : "");

    private static void WriteSteps(PredictedPicture prediction)
    {
        for (int i = 0; i < prediction.Steps.Count; i++)
        {
            PreparationStep step = prediction.Steps[i];
            Consoles.Result($"{NameOf(prediction)}, step {i + 1}, {step.Name}: {step.Finding}");
            foreach (string row in ShowOutput.Characters(Reduce(step.Picture)))
                Consoles.Result($"  {row}".TrimEnd());
        }
    }

    private static Picture Reduce(Picture picture)
    {
        if (Math.Max(picture.Height, picture.Width) <= MostPixels)
            return picture;
        (int height, int width) = picture.FitInto(MostPixels, MostPixels);
        return picture.Resized(height, width);
    }
}
