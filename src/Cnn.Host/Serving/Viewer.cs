using Cnn.Host.Data;
using Cnn.Host.Figures;
using Cnn.Host.Preparation;
using Microsoft.AspNetCore.Http;

namespace Cnn.Host.Serving;

/// <summary>Looks at a drawing with a model, and at the model while it looks.</summary>
internal sealed class Viewer
{
    /// <summary>Rows and columns of a drawing: ten times those of MNIST.</summary>
    public const int Side = 280;

    private readonly Model model;
    private readonly PreparationKind kind;

    /// <exception cref="CommandException">Bad data: the model takes neither grey pictures nor such in colour.</exception>
    public Viewer(Model model)
    {
        int channels = model.InputShape[0];
        if (channels is not (1 or 3))
            throw CommandException.BadData(
                $"the model takes images of {channels} channels, and a drawing has 1 or 3; give a model of grey or coloured images."
            );
        this.model = model;
        kind = Preparing.KindFor(model);
    }

    /// <summary>How many classes there are.</summary>
    public int Classes => model.Classes;

    /// <summary>What the model is.</summary>
    public ModelDescription Describe() =>
        new(
            Side,
            model.Architecture,
            model.ParameterCount,
            model.ClassNames,
            Enum.GetValues<TileColours>().ToDictionary(Panel.PaletteOf, Palette)
        );

    /// <summary>What the model makes of a picture.</summary>
    /// <param name="drawing">In grey, light on black.</param>
    /// <param name="label">The class whose reasons are asked for; null for that of the answer.</param>
    /// <exception cref="RefusedException">There is nothing in the picture; or the model has numbers that are too large.</exception>
    public Answer Answer(Picture drawing, int? label)
    {
        PreparedPicture prepared = Prepare(drawing);
        Picture picture = prepared.Picture;
        Inspection inspection = Inspection.Of(model, picture.Pixels);
        if (!inspection.Logits.All(float.IsFinite))
            throw new RefusedException(
                StatusCodes.Status500InternalServerError,
                "the model's scores are too large for a number, as after a training that diverged; train it anew."
            );
        int explained = label ?? inspection.Predicted;
        string name = model.ClassNames[explained];
        TilePanel input = ActivationSheet.Input(
            new LabelledImages(
                picture.Channels,
                picture.Height,
                picture.Width,
                picture.Pixels.ToArray(),
                [(byte)explained]
            ),
            0
        );
        return new Answer(
            inspection.Predicted,
            explained,
            inspection.Probabilities,
            [.. prepared.Steps.Select(step => new Step(step.Name, step.Finding))],
            Panel.Of(input with { Title = "input" }),
            Panel.Of(SaliencySheet.Saliency(inspection, explained, name)),
            [
                .. ActivationSheet
                    .Shown(inspection, withFlat: true)
                    .Select(layer => new LayerView(
                        Panel.Of(ActivationSheet.PanelOf(layer)),
                        layer.Output.Shape.Count > 1
                            ? Panel.Of(
                                SaliencySheet.Overlay(
                                    SaliencySheet.Heat(inspection, layer, explained, name),
                                    input.Tiles[0]
                                )
                            )
                            : null
                    )),
            ]
        );
    }

    private PreparedPicture Prepare(Picture drawing)
    {
        try
        {
            return Preparing.Prepare("the drawing", drawing, kind, model);
        }
        catch (CommandException nothing) when (nothing.ExitCode == ExitCode.BadData)
        {
            throw new RefusedException(
                StatusCodes.Status422UnprocessableEntity,
                "nothing stands out in the drawing; draw something."
            );
        }
    }

    private static byte[] Palette(TileColours colours)
    {
        float[] scale = [.. Enumerable.Range(0, 256).Select(level => level - 127.5f)];
        var colouring = new TileColouring(new TilePanel("", [new Tile("", 1, scale.Length, scale)], colours));
        return [.. scale.Select(colouring.Of).SelectMany(colour => (byte[])[colour.Red, colour.Green, colour.Blue])];
    }
}
