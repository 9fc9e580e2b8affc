using System.Text.Json;

namespace Cnn.Host.Recipes;

/// <summary>
/// The keys and values of one JSON object, read one after the other. Every complaint is a sentence that names the
/// file, the key and what would be right.
/// </summary>
internal sealed class RecipeFields
{
    private readonly string path;
    private readonly Dictionary<string, JsonElement> fields = [];
    private readonly HashSet<string> known = [];

    /// <param name="path">The file, as the user wrote it.</param>
    /// <param name="root">What it holds.</param>
    /// <exception cref="CommandException">Bad data: no object, or a key that is there twice.</exception>
    public RecipeFields(string path, JsonElement root)
    {
        this.path = path;
        if (root.ValueKind != JsonValueKind.Object)
            throw CommandException.BadData(
                $"{path} holds no JSON object; a recipe is one, such as {{ \"lr\": 0.05, … }}."
            );
        foreach (JsonProperty field in root.EnumerateObject())
        {
            string key =
                Decode(() => field.Name)
                ?? throw CommandException.BadData($"{path} has a key with half a character, a lone surrogate.");
            if (!fields.TryAdd(key, field.Value))
                throw CommandException.BadData($"{path} has the key \"{key}\" twice; keep one of them.");
        }
    }

    /// <summary>Text that <paramref name="check"/> accepts: it throws where the text is wrong.</summary>
    public string Text(string key, string? unlessGiven = null, Action<string>? check = null)
    {
        if (!TryGet(key, unlessGiven is not null, out JsonElement value))
            return unlessGiven!;
        if (value.ValueKind != JsonValueKind.String)
            throw Wrong(key, value, "text in double quotes");
        string text = Decode(value.GetString) ?? throw Wrong(key, value, "text of whole characters");
        try
        {
            check?.Invoke(text);
        }
        catch (CommandException cause)
        {
            throw CommandException.BadData($"{path}, key \"{key}\": {cause.Message.TrimEnd('.')}.", cause);
        }
        return text;
    }

    /// <summary>One of some names.</summary>
    public string Choice(string key, IReadOnlyList<string> names)
    {
        string text = Text(key);
        return names.Contains(text)
            ? text
            : throw CommandException.BadData(
                $"{path}, key \"{key}\": '{text}' is not known; choose one of {string.Join(", ", names)}."
            );
    }

    /// <summary>A whole number from <paramref name="least"/> on.</summary>
    public int Whole(string key, int least)
    {
        TryGet(key, mayBeMissing: false, out JsonElement value);
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= least
            ? number
            : throw Wrong(key, value, $"a whole number of at least {least}");
    }

    /// <summary>The same; null where the key is missing, or its value is null.</summary>
    public int? WholeIfGiven(string key, int least) =>
        TryGet(key, mayBeMissing: true, out JsonElement value) && value.ValueKind != JsonValueKind.Null
            ? Whole(key, least)
            : null;

    /// <summary>Text; null where the key is missing, or its value is null.</summary>
    public string? TextIfGiven(string key) =>
        TryGet(key, mayBeMissing: true, out JsonElement value) && value.ValueKind != JsonValueKind.Null
            ? Text(key)
            : null;

    /// <summary>An object in the object.</summary>
    public JsonElement Object(string key)
    {
        TryGet(key, mayBeMissing: false, out JsonElement value);
        return value.ValueKind == JsonValueKind.Object ? value : throw Wrong(key, value, "an object");
    }

    /// <summary>A number within a range.</summary>
    public double Number(string key, NumberRange range)
    {
        TryGet(key, mayBeMissing: false, out JsonElement value);
        return InRange(key, value, range);
    }

    /// <summary>A number within a range; null where the key is missing.</summary>
    public double? NumberIfGiven(string key, NumberRange range) =>
        TryGet(key, mayBeMissing: true, out JsonElement value) ? InRange(key, value, range) : null;

    /// <summary>Yes or no; no where the key is missing.</summary>
    public bool Flag(string key)
    {
        if (!TryGet(key, mayBeMissing: true, out JsonElement value))
            return false;
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : throw Wrong(key, value, "true or false");
    }

    /// <summary>To be called when all keys have been asked for.</summary>
    /// <exception cref="CommandException">Bad data: there is one that was not.</exception>
    public void ExpectNoMore()
    {
        if (fields.Keys.FirstOrDefault(key => !known.Contains(key)) is { } stray)
            throw CommandException.BadData(
                $"{path} has a key \"{stray}\", which no recipe has; the keys are {string.Join(", ", known)}."
            );
    }

    private bool TryGet(string key, bool mayBeMissing, out JsonElement value)
    {
        known.Add(key);
        if (fields.TryGetValue(key, out value))
            return true;
        return mayBeMissing ? false : throw CommandException.BadData($"{path} lacks the key \"{key}\"; add it.");
    }

    private double InRange(string key, JsonElement value, NumberRange range) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && range.Contains(number)
            ? number
            : throw Wrong(key, value, range.Wanted);

    // null for an escape such as \ud800 by itself, which no text can hold
    private static string? Decode(Func<string?> text)
    {
        try
        {
            return text();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private CommandException Wrong(string key, JsonElement value, string wanted) =>
        CommandException.BadData($"{path}, key \"{key}\": {value.GetRawText()} is not possible; it must be {wanted}.");
}
