using System.Globalization;

namespace Cnn.Host.Augmentations;

/// <summary>
/// Augmentations as one line of text, the form of command lines and recipes. Strengths stand behind the
/// name of a transform; those left out have their defaults, and a strength of 0 is no transform at all.
/// </summary>
internal static class AugmentationText
{
    private const string NoTransform = "none";

    // in the order in which Format writes them
    private static readonly Transform[] transforms =
    [
        new("shift", [Strength.Shift], a => [a.ShiftPixels], (a, v) => a with { ShiftPixels = (int)v[0] }),
        new("rotate", [Strength.Rotation], a => [a.RotationDegrees], (a, v) => a with { RotationDegrees = v[0] }),
        new("scale", [Strength.Scale], a => [a.ScaleChange], (a, v) => a with { ScaleChange = v[0] }),
        new("shear", [Strength.Shear], a => [a.ShearDegrees], (a, v) => a with { ShearDegrees = v[0] }),
        new("flip", [Strength.FlipProbability], a => [a.FlipProbability], (a, v) => a with { FlipProbability = v[0] }),
        new(
            "elastic",
            [Strength.ElasticAlpha, Strength.ElasticSigma],
            a => [a.ElasticAlpha, a.ElasticSigma],
            (a, v) => v[0] == 0 ? a : a with { ElasticAlpha = v[0], ElasticSigma = v[1] }
        ),
        new(
            "erase",
            [Strength.EraseProbability],
            a => [a.EraseProbability],
            (a, v) => a with { EraseProbability = v[0] }
        ),
    ];

    /// <summary>The text of an augmentation, every strength written out.</summary>
    public static string Format(Augmentation augmentation)
    {
        IEnumerable<string> parts =
            from transform in transforms
            let strengths = transform.Read(augmentation)
            where strengths[0] != 0
            select $"{transform.Name} {string.Join(' ', strengths.Select(Strength.Write))}";
        string text = string.Join(", ", parts);
        return text.Length == 0 ? NoTransform : text;
    }

    /// <summary>The augmentation of a text.</summary>
    /// <exception cref="CommandException">Usage: the sentence says what cannot be read.</exception>
    public static Augmentation Parse(string text)
    {
        string[] parts = text.ToLowerInvariant().Split(',', StringSplitOptions.TrimEntries);
        if (parts is [NoTransform])
            return Augmentation.None;

        var seen = new HashSet<string>();
        Augmentation augmentation = Augmentation.None;
        foreach (string part in parts)
        {
            string[] words = part.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0)
                throw Refusal(
                    parts.Length == 1
                        ? $"an augmentation is needed, such as 'shift 2, rotate 10'; '{NoTransform}' leaves images as they are"
                        : $"augmentation '{text}': there is nothing beside a comma"
                );
            string name = words[0];
            if (name == NoTransform)
                throw Refusal(
                    $"augmentation '{text}': '{NoTransform}' stands alone; leave it out, or leave out the rest"
                );
            Transform transform =
                transforms.FirstOrDefault(known => known.Name == name)
                ?? throw Refusal(
                    $"there is no augmentation '{name}'; choose from {NoTransform}, {string.Join(", ", transforms.Select(t => t.Name))}"
                );
            if (!seen.Add(name))
                throw Refusal($"augmentation '{text}': {name} is given twice; give it once");
            augmentation = transform.Write(augmentation, ReadStrengths(transform, part, words[1..]));
        }
        return augmentation;
    }

    private static double[] ReadStrengths(Transform transform, string part, string[] words)
    {
        if (words.Length > transform.Strengths.Length)
        {
            int most = transform.Strengths.Length;
            throw Refusal(
                $"augmentation '{part}': {transform.Name} takes at most {most} number{(most == 1 ? "" : "s")}"
            );
        }
        double[] values = [.. transform.Strengths.Select(strength => strength.Default)];
        for (int i = 0; i < words.Length; i++)
        {
            if (!double.TryParse(words[i], NumberStyles.Float, CultureInfo.InvariantCulture, out values[i]))
                throw Refusal($"augmentation '{part}': '{words[i]}' is not a number");
            if (transform.Strengths[i].Fault(values[i]) is { } fault)
                throw Refusal($"augmentation '{part}': {fault}");
        }
        return values;
    }

    private static CommandException Refusal(string sentence) => new(ExitCode.Usage, sentence + ".");

    /// <summary>How the strengths of a transform are read from an augmentation, and written into one.</summary>
    private sealed record Transform(
        string Name,
        Strength[] Strengths,
        Func<Augmentation, double[]> Read,
        Func<Augmentation, double[], Augmentation> Write
    );
}
