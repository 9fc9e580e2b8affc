using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Cnn.Host.Recipes;

namespace Cnn.Host.Commands;

/// <summary>
/// Options by the kind of their value. Each checks its value while the command line is read, so that
/// nothing has been loaded or written when a value turns out to be impossible.
/// </summary>
internal static class Options
{
    private const int MostThreads = 1024;

    /// <summary>A whole number within bounds.</summary>
    public static Option<int> Whole(
        string name,
        int byDefault,
        string description,
        int least = int.MinValue,
        int most = int.MaxValue
    ) =>
        new(name)
        {
            Description = description,
            HelpName = "N",
            DefaultValueFactory = _ => byDefault,
            CustomParser = given => ParseWhole(name, given, least, most),
        };

    /// <summary>A whole number of at least <paramref name="least"/> that may be left out.</summary>
    public static Option<int?> OptionalWhole(string name, string description, int least = 1) =>
        new(name)
        {
            Description = description,
            HelpName = "N",
            CustomParser = given => ParseWhole(name, given, least, most: int.MaxValue),
        };

    /// <summary>A finite number above 0.</summary>
    public static Option<double> Positive(string name, double byDefault, string description) =>
        new(name)
        {
            Description = description,
            HelpName = "NUMBER",
            DefaultValueFactory = _ => byDefault,
            CustomParser = given => ParseNumber(name, given, NumberRange.Positive),
        };

    /// <summary>A number within a range that may be left out.</summary>
    public static Option<double?> OptionalNumber(string name, NumberRange range, string description) =>
        new(name)
        {
            Description = description,
            HelpName = "NUMBER",
            CustomParser = given => ParseNumber(name, given, range),
        };

    /// <summary>One of some names; without a default it may be left out.</summary>
    public static Option<string?> Choice(string name, string? byDefault, IEnumerable<string> names, string description)
    {
        string[] known = [.. names];
        var option = new Option<string?>(name)
        {
            Description = description,
            HelpName = string.Join('|', known),
            CustomParser = given =>
            {
                string text = given.Tokens[0].Value;
                if (!known.Contains(text))
                    given.AddError($"{name} {text} is not known; choose one of {string.Join(", ", known)}.");
                return text;
            },
        };
        option.CompletionSources.Add(known);
        if (byDefault is not null)
            option.DefaultValueFactory = _ => byDefault;
        return option;
    }

    /// <summary>Some of some names, with commas between; it may be left out. Each counts once.</summary>
    public static Option<IReadOnlyList<string>?> Names(string name, IEnumerable<string> names, string description)
    {
        string[] known = [.. names];
        var option = new Option<IReadOnlyList<string>?>(name)
        {
            Description = description,
            HelpName = "NAME[,NAME]",
            CustomParser = given =>
            {
                string[] chosen = given.Tokens[0].Value.Split(',', StringSplitOptions.TrimEntries);
                if (chosen.FirstOrDefault(text => !known.Contains(text)) is { } stray)
                    given.AddError($"{name} '{stray}' is not known; choose from {string.Join(", ", known)}.");
                return [.. chosen.Distinct()];
            },
        };
        option.CompletionSources.Add(known);
        return option;
    }

    /// <summary>Free text; without a default it may be left out.</summary>
    /// <param name="name">The option.</param>
    /// <param name="byDefault">What it is where it is not given; null for nothing.</param>
    /// <param name="helpName">What stands for a value in the help.</param>
    /// <param name="description">What it is for.</param>
    /// <param name="suggestions">Values that a shell may complete; others are possible.</param>
    public static Option<string?> Text(
        string name,
        string? byDefault,
        string helpName,
        string description,
        params string[] suggestions
    )
    {
        var option = new Option<string?>(name)
        {
            Description = description,
            HelpName = helpName,
            CustomParser = given =>
            {
                // where the value is missing, the parser takes the option that follows for it
                string text = given.Tokens[0].Value;
                if (text.StartsWith("--", StringComparison.Ordinal))
                    given.AddError($"{name} needs a value, but {text} follows.");
                return text;
            },
        };
        option.CompletionSources.Add(suggestions);
        if (byDefault is not null)
            option.DefaultValueFactory = _ => byDefault;
        return option;
    }

    /// <summary><c>--augment</c>, in the text form of <see cref="Augmentations.Augmentation"/>.</summary>
    public static Option<string?> Augmentation(string? byDefault) =>
        Text(
            "--augment",
            byDefault,
            "TRANSFORMS",
            "How training images are varied: none, or some of \"shift 2, rotate 10, scale 0.1, shear 5, flip 0.5, elastic 34 4, erase 0.5\", "
                + "in pixels, degrees, parts and probabilities; numbers left out are those."
        );

    /// <summary>What <c>--data</c> may name, for a description.</summary>
    public const string DataKinds =
        "a folder of IDX files, of CIFAR-10, of train.csv and test.csv, or of pictures in a folder for each class; or a CSV file";

    /// <summary><c>--data</c>: where a data set is; left out, it is the one of the program.</summary>
    public static Option<string?> Data(string description) => Text("--data", byDefault: null, "PATH", description);

    /// <summary><c>--json</c>.</summary>
    public static Option<bool> Json() => new("--json") { Description = "Print one JSON object instead of tables." };

    /// <summary><c>--seed</c>.</summary>
    public static Option<int> Seed(int byDefault, string description) => Whole("--seed", byDefault, description);

    /// <summary><c>--threads</c>.</summary>
    public static Option<int> Threads() =>
        Whole(
            "--threads",
            Math.Min(Environment.ProcessorCount, MostThreads),
            "Threads to compute on; the results are the same for any number.",
            least: 1,
            most: MostThreads
        );

    /// <summary>An argument that names a model file.</summary>
    /// <param name="optional">Whether it may be left out; its value is then null.</param>
    /// <param name="description">What the file is for.</param>
    public static Argument<string?> ModelFile(bool optional, string description) =>
        File("MODEL_FILE", optional, description);

    /// <summary>An argument that names a picture.</summary>
    /// <param name="optional">Whether it may be left out; its value is then null.</param>
    /// <param name="description">What the file is for.</param>
    public static Argument<string?> Image(bool optional, string description) => File("IMAGE", optional, description);

    /// <summary>An argument that names one file or more.</summary>
    public static Argument<string[]> Files(string name, string description) =>
        new(name)
        {
            Description = description,
            Arity = ArgumentArity.OneOrMore,
            CustomParser = given =>
            {
                string[] files = [.. given.Tokens.Select(token => token.Value)];
                if (files.FirstOrDefault(text => text.StartsWith("--", StringComparison.Ordinal)) is { } stray)
                    given.AddError(UsageErrors.DescribeStray(((CommandResult)given.Parent!).Command, stray));
                return files;
            },
        };

    private static Argument<string?> File(string name, bool optional, string description) =>
        new(name)
        {
            Description = description,
            Arity = optional ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
            CustomParser = given =>
            {
                // the parser takes an unknown option for the name of a file, which is never meant
                string text = given.Tokens[0].Value;
                if (text.StartsWith("--", StringComparison.Ordinal))
                    given.AddError(UsageErrors.DescribeStray(((CommandResult)given.Parent!).Command, text));
                return text;
            },
        };

    private static double ParseNumber(string name, ArgumentResult given, NumberRange range)
    {
        string text = given.Tokens[0].Value;
        if (
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            && range.Contains(value)
        )
            return value;
        given.AddError($"{name} {text} is not possible; give {range.Wanted}.");
        return default;
    }

    private static int ParseWhole(string name, ArgumentResult given, int least, int most)
    {
        string text = given.Tokens[0].Value;
        bool isWhole = int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value);
        if (isWhole && value >= least && value <= most)
            return value;
        string range = (least, most) switch
        {
            (int.MinValue, int.MaxValue) => $"from {least} to {most}",
            (_, int.MaxValue) => $"of at least {least}",
            _ => $"from {least} to {most}",
        };
        given.AddError($"{name} {text} is not possible; give a whole number {range}.");
        return default;
    }
}
