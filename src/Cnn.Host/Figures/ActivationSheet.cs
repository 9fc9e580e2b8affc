using Cnn.Host.Data;
using Cnn.Host.Output;

namespace Cnn.Host.Figures;

/// <summary>What the layers of a network make of an image: its way from pixels to scores.</summary>
public static class ActivationSheet
{
    private const int MostMaps = 32;
    private static readonly string[] activations = ["relu", "leakyrelu", "silu", "gelu", "tanh"];

    /// <summary>The image itself: 0 is black, 1 is white.</summary>
    public static TilePanel Input(LabelledImages images, int index)
    {
        float[] values = [.. images.Image(index).ToArray().Select(level => level / 255f)];
        bool isColour = images.Channels == 3;
        Tile tile = new("", images.Height, images.Width, isColour ? values : values[..(images.Height * images.Width)]);
        return new TilePanel($"input: test image {index}", [tile], TileColours.Grey);
    }

    /// <summary>
    /// A panel for each layer whose output has places: convolutions as they are behind their normalisation and activation, and
    /// pooling.
    /// </summary>
    public static IReadOnlyList<TilePanel> PanelsOf(Inspection inspection) => [.. Shown(inspection).Select(PanelOf)];

    /// <summary>Those layers; with <paramref name="withFlat"/>, the dense ones too, behind their activation.</summary>
    public static IEnumerable<LayerOutput> Shown(Inspection inspection, bool withFlat = false)
    {
        LayerOutput[] layers = [.. inspection.Layers];
        return layers.Where(
            (layer, place) =>
                (layer.Output.Shape.Count > 1 || (withFlat && Name(layer) != "flatten")) && IsShown(layers, place)
        );
    }

    /// <summary>The picture.</summary>
    internal static Figure Draw(Inspection inspection, LabelledImages images, int index)
    {
        int truth = images.Labels[index];
        string probability = Numbers.Percent(inspection.Probabilities[inspection.Predicted]);
        return new TileSheet(
            $"Test image {index}, of class {images.NameOf(truth)}: taken for {images.NameOf(inspection.Predicted)} with {probability}",
            [Input(images, index), .. PanelsOf(inspection)],
            new BarPanel("logits", [.. inspection.Logits], inspection.Predicted, truth, images.NameOf)
        ).Draw();
    }

    /// <summary>What a layer gives: a map for each channel; of a flat one, a single row of numbers.</summary>
    public static TilePanel PanelOf(LayerOutput layer)
    {
        IReadOnlyList<int> shape = layer.Output.Shape;
        if (shape.Count == 1)
            return new TilePanel(
                $"layer {layer.Layer.Index}, {layer.Layer.Text}: {shape[0]} numbers",
                [new Tile("", 1, shape[0], layer.Output.Values.ToArray())],
                TileColours.Heat
            );
        // a signal is an image of one row
        (int height, int width) = shape.Count == 3 ? (shape[1], shape[2]) : (1, shape[1]);
        int size = height * width;
        int shown = Math.Min(shape[0], MostMaps);
        string count = shown == shape[0] ? $"{shown}" : $"the first {shown} of {shape[0]}";
        return new TilePanel(
            $"layer {layer.Layer.Index}, {layer.Layer.Text}: {count} maps of {height}x{width}",
            [
                .. layer
                    .Output.Values.ToArray()
                    .Chunk(size)
                    .Take(shown)
                    .Select(values => new Tile("", height, width, values)),
            ],
            TileColours.Heat
        );
    }

    // what the next layer only rescales or bends is shown behind it
    private static bool IsShown(LayerOutput[] layers, int place)
    {
        string name = Name(layers[place]);
        if (name == "dropout")
            return false;
        string next = place + 1 < layers.Length ? Name(layers[place + 1]) : "";
        return !(name is "conv" or "conv1d" or "dense" or "batchnorm" or "pool" or "residual")
            || !(next == "batchnorm" || activations.Contains(next));
    }

    private static string Name(LayerOutput layer) => layer.Layer.Text.Split(' ', '(')[0];
}
