using System.Xml.Linq;

namespace Cnn.Host.Reports;

/// <summary>A picture in the page itself, drawn twice: for light and for dark surroundings.</summary>
/// <param name="Alt">What is to be seen, for who cannot see it.</param>
/// <param name="LightPng">A PNG file.</param>
/// <param name="DarkPng">A PNG file of the same size.</param>
internal sealed record ReportPicture(string Alt, byte[] LightPng, byte[] DarkPng)
{
    /// <summary>A PNG file as an address that holds it.</summary>
    public static string Address(byte[] png) => $"data:image/png;base64,{Convert.ToBase64String(png)}";

    /// <summary>The element that shows it.</summary>
    public XElement Render() =>
        Html.Tag(
            "picture",
            Html.Tag(
                "source",
                Html.Attribute("media", "(prefers-color-scheme: dark)"),
                Html.Attribute("srcset", Address(DarkPng))
            ),
            Html.Tag("img", Html.Attribute("src", Address(LightPng)), Html.Attribute("alt", Alt))
        );
}
