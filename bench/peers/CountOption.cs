using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Cnn.Peers;

/// <summary>An option that counts something, with a smaller number for those who just try.</summary>
internal sealed class CountOption : Option<int?>
{
    private readonly int usual;
    private readonly int quick;

    public CountOption(string name, string what, int usual, int quick)
        : base(name)
    {
        (this.usual, this.quick) = (usual, quick);
        Description = $"{what}; {usual} unless given, or {quick} with --quick.";
        HelpName = "N";
        CustomParser = Parse;
    }

    /// <summary>The count that holds.</summary>
    public int Of(ParseResult parsed, bool isQuick) => parsed.GetValue(this) ?? (isQuick ? quick : usual);

    private int? Parse(ArgumentResult given)
    {
        string text = given.Tokens[0].Value;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value > 0)
            return value;
        given.AddError($"{Name} {text} is not possible; give a whole number of at least 1.");
        return null;
    }
}
