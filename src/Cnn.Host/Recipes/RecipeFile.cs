using System.Text.Encodings.Web;
using System.Text.Json;
using Cnn.Host.Augmentations;
using Cnn.Host.Training;

namespace Cnn.Host.Recipes;

/// <summary>
/// Recipes as JSON, with comments. The reader is strict: a number that is not read would be one that is believed to
/// hold. What may be left out is what is then off.
/// </summary>
internal static class RecipeFile
{
    /// <summary>The recipe of those who ask for none.</summary>
    public const string Default = "default";

    private const string Extension = ".json";
    private const string NoAugmentation = "none";
    private const long MostBytes = 1 << 20;

    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "recipes");

    /// <summary>The recipes that travel with the program.</summary>
    public static IReadOnlyList<string> Names { get; } =
        Directory.Exists(Folder)
            ? [.. Directory.EnumerateFiles(Folder, "*" + Extension).Select(Path.GetFileNameWithoutExtension).Order()!]
            : [];

    /// <summary>The recipe of that name, or else in the file of that path.</summary>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    public static Recipe Load(string nameOrPath) =>
        Names.Contains(nameOrPath) ? Read(Path.Combine(Folder, nameOrPath + Extension))
        : Path.Exists(nameOrPath) ? Read(nameOrPath)
        : throw CommandException.BadData(
            $"there is no recipe '{nameOrPath}'; choose one of {string.Join(", ", Names)}, or give the path of a file."
        );

    /// <summary>The recipe in a file.</summary>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    public static Recipe Read(string path)
    {
        try
        {
            if (Directory.Exists(path))
                throw CommandException.BadData($"{path} is a folder where a recipe is expected; name the file in it.");
            if (new FileInfo(path) is { Exists: true, Length: > MostBytes })
                throw CommandException.BadData($"{path} is too large for a recipe; check the path.");
            using JsonDocument document = JsonDocument.Parse(
                File.ReadAllText(path),
                new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true }
            );
            return Read(path, document.RootElement);
        }
        catch (JsonException cause)
        {
            throw CommandException.BadData(
                $"{path} is not JSON: see line {cause.LineNumber + 1}, byte {cause.BytePositionInLine + 1}.",
                cause
            );
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw CommandException.Unreadable(path, cause);
        }
    }

    /// <summary>The recipe that a JSON object is.</summary>
    /// <param name="path">The file that it stands in, for complaints.</param>
    /// <param name="root">The object.</param>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    public static Recipe Read(string path, JsonElement root)
    {
        var fields = new RecipeFields(path, root);
        var recipe = new Recipe(
            Name: fields.Text(RecipeKeys.Name),
            Version: fields.Whole(RecipeKeys.Version, least: 1),
            Description: fields.Text(RecipeKeys.Description, unlessGiven: ""),
            Arch: fields.Text(RecipeKeys.Arch),
            Init: fields.Text(RecipeKeys.Init, check: Recipe.CheckInitializer),
            Epochs: fields.Whole(RecipeKeys.Epochs, least: 0),
            BatchSize: fields.Whole(RecipeKeys.BatchSize, least: 1),
            Optimizer: fields.Choice(RecipeKeys.Optimizer, Trainer.Optimizers),
            LearningRate: fields.Number(RecipeKeys.LearningRate, NumberRange.Positive),
            ScheduleText: fields.Text(RecipeKeys.Schedule, check: text => Schedule.Parse(text, peak: 1)),
            WeightDecay: fields.NumberIfGiven(RecipeKeys.WeightDecay, NumberRange.NotNegative),
            LabelSmoothing: fields.NumberIfGiven(RecipeKeys.LabelSmoothing, NumberRange.BelowOne) ?? 0,
            ClipNorm: fields.NumberIfGiven(RecipeKeys.ClipNorm, NumberRange.NotNegative) ?? 0,
            AverageDecay: fields.NumberIfGiven(RecipeKeys.AverageDecay, NumberRange.BelowOne) ?? 0,
            Augment: fields.Text(RecipeKeys.Augment, NoAugmentation, text => Augmentation.Parse(text)),
            Normalize: fields.Flag(RecipeKeys.Normalize)
        );
        fields.ExpectNoMore();
        return recipe;
    }

    /// <summary>The text that <see cref="Read(string)"/> reads as this recipe.</summary>
    public static string Write(Recipe recipe)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Options(isIndented: true)))
        {
            json.WriteStartObject();
            WriteFields(json, recipe);
            json.WriteEndObject();
        }
        return System.Text.Encoding.UTF8.GetString(buffer.ToArray());
    }

    /// <summary>All keys and values, into an object that has been begun.</summary>
    public static void WriteFields(Utf8JsonWriter json, Recipe recipe)
    {
        json.WriteString(RecipeKeys.Name, recipe.Name);
        json.WriteNumber(RecipeKeys.Version, recipe.Version);
        json.WriteString(RecipeKeys.Description, recipe.Description);
        WriteEffects(json, recipe);
    }

    /// <summary>
    /// All keys and values on which a result depends, into an object that has been begun. Schedule and augmentation have all
    /// their numbers: those that are usual today may be others tomorrow.
    /// </summary>
    public static void WriteEffects(Utf8JsonWriter json, Recipe recipe)
    {
        json.WriteString(RecipeKeys.Arch, recipe.Arch);
        json.WriteString(RecipeKeys.Init, recipe.Init);
        json.WriteNumber(RecipeKeys.Epochs, recipe.Epochs);
        json.WriteNumber(RecipeKeys.BatchSize, recipe.BatchSize);
        json.WriteString(RecipeKeys.Optimizer, recipe.Optimizer);
        json.WriteNumber(RecipeKeys.LearningRate, recipe.LearningRate);
        json.WriteString(RecipeKeys.Schedule, recipe.Schedule.Text);
        json.WriteNumber(RecipeKeys.WeightDecay, recipe.EffectiveWeightDecay);
        json.WriteNumber(RecipeKeys.LabelSmoothing, recipe.LabelSmoothing);
        json.WriteNumber(RecipeKeys.ClipNorm, recipe.ClipNorm);
        json.WriteNumber(RecipeKeys.AverageDecay, recipe.AverageDecay);
        json.WriteString(RecipeKeys.Augment, recipe.Augmentation.Text);
        json.WriteBoolean(RecipeKeys.Normalize, recipe.Normalize);
    }

    // people read it: "1568->128" as it is, not with codes for what HTML would mind
    public static JsonWriterOptions Options(bool isIndented) =>
        new() { Indented = isIndented, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
