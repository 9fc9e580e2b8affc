using Cnn.Host.Data;

namespace Cnn.Host.Figures;

/// <summary>On which pixels an answer hangs.</summary>
public static class SaliencySheet
{
    // of the heat on the image
    private const float Share = 0.55f;

    /// <summary>How much the score of a class would rise with each pixel, a map for each channel.</summary>
    /// <param name="inspection">The network at work on an image.</param>
    /// <param name="label">The class.</param>
    /// <param name="name">What it is called.</param>
    public static TilePanel Saliency(Inspection inspection, int label, string name)
    {
        NumberGrid saliency = inspection.Saliency(label);
        (int height, int width) = (saliency.Shape[1], saliency.Shape[2]);
        return new TilePanel(
            $"saliency: the slope of the score of {Named(name)} by each pixel",
            [.. saliency.Values.ToArray().Chunk(height * width).Select(values => new Tile("", height, width, values))],
            TileColours.Diverging,
            Side: 168
        );
    }

    /// <summary>Grad-CAM of a layer with maps, as it is.</summary>
    /// <param name="inspection">The network at work on an image.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="label">The class for which it speaks.</param>
    /// <param name="name">What the class is called.</param>
    public static TilePanel Heat(Inspection inspection, LayerOutput layer, int label, string name)
    {
        NumberGrid heat = inspection.GradCam(layer.Layer.Index, label);
        (int height, int width) = heat.Shape.Count == 2 ? (heat.Shape[0], heat.Shape[1]) : (1, heat.Shape[0]);
        return new TilePanel(
            $"Grad-CAM of layer {layer.Layer.Index}, {layer.Layer.Text}: what speaks for {Named(name)}",
            [new Tile("", height, width, heat.Values.ToArray())],
            TileColours.Heat,
            Side: 168
        );
    }

    /// <summary>The picture: the image, the saliency, and the heat of the first and the last layer with maps.</summary>
    internal static Figure Draw(Inspection inspection, LabelledImages images, int index)
    {
        LayerOutput[] maps = [.. ActivationSheet.Shown(inspection)];
        LayerOutput[] chosen = maps.Length > 1 ? [maps[0], maps[^1]] : maps;
        int predicted = inspection.Predicted;
        string answer = images.NameOf(predicted);
        TilePanel input = ActivationSheet.Input(images, index) with { Side = 168 };
        return new TileSheet(
            $"Test image {index}, of class {images.NameOf(images.Labels[index])}: why it is taken for {answer}",
            [
                input,
                Saliency(inspection, predicted, answer),
                .. chosen.SelectMany(layer =>
                {
                    TilePanel heat = Heat(inspection, layer, predicted, answer);
                    return (TilePanel[])[heat, Overlay(heat, input.Tiles[0])];
                }),
            ]
        ).Draw();
    }

    private static string Named(string name) => name.All(char.IsAsciiDigit) ? $"class {name}" : name;

    /// <summary>The heat as red over the image, spread evenly where its cells are larger than pixels.</summary>
    public static TilePanel Overlay(TilePanel heat, Tile image)
    {
        Tile map = heat.Tiles[0];
        float largest = Math.Max(map.Values.Max(), float.Epsilon);
        int plane = image.Rows * image.Columns;
        float[] colours = new float[3 * plane];
        for (int cell = 0; cell < plane; cell++)
        {
            int row = cell / image.Columns * map.Rows / image.Rows;
            int column = cell % image.Columns * map.Columns / image.Columns;
            float share = Share * map.Values[row * map.Columns + column] / largest;
            for (int channel = 0; channel < 3; channel++)
            {
                float level = image.Values[image.IsColour ? channel * plane + cell : cell];
                colours[channel * plane + cell] = (1 - share) * level + (channel == 0 ? share : 0);
            }
        }
        return new TilePanel(
            "the same in red on the image",
            [image with { Values = colours }],
            TileColours.Grey,
            heat.Side
        );
    }
}
