using System.Text.Json;
using System.Text.Json.Serialization;
using Cnn.Host.Figures;

namespace Cnn.Host.Serving;

/// <summary>What a model makes of a drawing.</summary>
/// <param name="Predicted">The number of the most probable class.</param>
/// <param name="Explained">The class for which saliency and heat speak.</param>
/// <param name="Probabilities">Of each class, in the order of the classes.</param>
/// <param name="Steps">How the drawing became the input.</param>
/// <param name="Input">The input, as the model gets it.</param>
/// <param name="Saliency">The slope of the score of the explained class by each pixel.</param>
/// <param name="Layers">What the layers make of it.</param>
internal sealed record Answer(
    int Predicted,
    int Explained,
    IReadOnlyList<double> Probabilities,
    IReadOnlyList<Step> Steps,
    Panel Input,
    Panel Saliency,
    IReadOnlyList<LayerView> Layers
);

/// <summary>A step from the drawing to the input.</summary>
internal sealed record Step(string Name, string Finding);

/// <summary>A layer: what it gives, and Grad-CAM on the input where its output has places.</summary>
internal sealed record LayerView(Panel Maps, Panel? Heat);

/// <summary>Maps of numbers, as steps of a scale of colours.</summary>
/// <param name="Title">What they are.</param>
/// <param name="Rows">Rows of each map.</param>
/// <param name="Columns">Columns of each map.</param>
/// <param name="Palette">The scale; empty where a map is planes of red, green and blue.</param>
/// <param name="Least">The number that 0 stands for.</param>
/// <param name="Largest">The number that 255 stands for.</param>
/// <param name="Maps">The maps, row by row; in JSON as base64.</param>
internal sealed record Panel(
    string Title,
    int Rows,
    int Columns,
    string Palette,
    float Least,
    float Largest,
    IReadOnlyList<byte[]> Maps
)
{
    /// <summary>The same as a figure would show it.</summary>
    public static Panel Of(TilePanel panel)
    {
        Tile first = panel.Tiles[0];
        (float least, float largest) = first.IsColour ? (0, 1) : panel.Scale;
        // in double precision, which the largest scores of single precision do not overflow
        double extent = (double)largest - least;
        return new Panel(
            panel.Title,
            first.Rows,
            first.Columns,
            first.IsColour ? "" : PaletteOf(panel.Colours),
            least,
            largest,
            [.. panel.Tiles.Select(tile => Array.ConvertAll(tile.Values, Level))]
        );

        byte Level(float value) =>
            extent > 0
                ? (byte)Math.Clamp(Math.Round(byte.MaxValue * ((value - (double)least) / extent)), 0, byte.MaxValue)
            : panel.Colours == TileColours.Diverging ? (byte)128
            : (byte)0;
    }

    /// <summary>The name of a scale of colours.</summary>
    public static string PaletteOf(TileColours colours) =>
        colours switch
        {
            TileColours.Grey => "grey",
            TileColours.Heat => "heat",
            _ => "diverging",
        };
}

/// <summary>What the page has to know of a model.</summary>
/// <param name="Side">Rows and columns of a drawing.</param>
/// <param name="Architecture">The layers.</param>
/// <param name="Parameters">How many numbers it learned.</param>
/// <param name="Classes">Their names.</param>
/// <param name="Palettes">By name, 256 colours from the least to the largest: red, green, blue and so on.</param>
internal sealed record ModelDescription(
    int Side,
    string Architecture,
    long Parameters,
    IReadOnlyList<string> Classes,
    IReadOnlyDictionary<string, byte[]> Palettes
);

/// <summary>Why there is no answer.</summary>
internal sealed record Error([property: JsonPropertyName("error")] string Sentence);

/// <summary>How they are written; the compiler makes the code of this, for native programs.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Answer))]
[JsonSerializable(typeof(ModelDescription))]
[JsonSerializable(typeof(Error))]
internal sealed partial class ServingJson : JsonSerializerContext;
