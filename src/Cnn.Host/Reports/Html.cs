using System.Xml;
using System.Xml.Linq;

namespace Cnn.Host.Reports;

/// <summary>Pages as trees of elements: whatever text they hold is escaped when they are written.</summary>
internal static class Html
{
    // those that have no end tag; all others need one, even where they are empty
    private static readonly HashSet<string> voids = ["br", "col", "hr", "img", "link", "meta", "source"];

    /// <summary>An element with attributes, elements and text.</summary>
    public static XElement Tag(string name, params object?[] content)
    {
        var element = new XElement(name, content);
        if (element.IsEmpty && !voids.Contains(name))
            element.Add("");
        return element;
    }

    /// <summary>An attribute.</summary>
    public static XAttribute Attribute(string name, string value) => new(name, value);

    /// <summary>A class of the style sheet.</summary>
    public static XAttribute Class(string name) => Attribute("class", name);

    /// <summary>The text of a page.</summary>
    public static string Write(XElement page)
    {
        // a recipe may hold characters that no page can
        foreach (XText text in page.DescendantNodes().OfType<XText>())
            text.Value = Printable(text.Value);
        foreach (XAttribute attribute in page.DescendantsAndSelf().Attributes())
            attribute.Value = Printable(attribute.Value);
        return $"<!doctype html>\n{page.ToString(SaveOptions.DisableFormatting)}\n";
    }

    private static string Printable(string text) =>
        text.All(XmlConvert.IsXmlChar)
            ? text
            : string.Concat(
                text.EnumerateRunes()
                    .Select(rune =>
                        rune.Value > char.MaxValue || XmlConvert.IsXmlChar((char)rune.Value) ? $"{rune}" : "\uFFFD"
                    )
            );
}
