using Cnn.Host.Data;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Cnn.Host.Output;

/// <summary>
/// A picture in characters whose upper half is one pixel, in the colour of the letter, and whose lower half another, in that of
/// the background: in most fonts such pixels are about square.
/// </summary>
/// <param name="picture">Three channels are red, green and blue; of other numbers the first is shown in grey.</param>
internal sealed class HalfBlocks(Picture picture) : Renderable
{
    private const string UpperHalf = "▀";

    /// <inheritdoc/>
    protected override Measurement Measure(RenderOptions options, int maxWidth) => new(picture.Width, picture.Width);

    /// <inheritdoc/>
    protected override IEnumerable<Segment> Render(RenderOptions options, int maxWidth)
    {
        for (int row = 0; row < picture.Height; row += 2)
        {
            for (int column = 0; column < picture.Width; column++)
            {
                // below the last of an odd number of rows there is nothing
                Color below = row + 1 < picture.Height ? At(row + 1, column) : Color.Default;
                yield return new Segment(UpperHalf, new Style(At(row, column), below));
            }
            yield return Segment.LineBreak;
        }
    }

    private Color At(int row, int column)
    {
        int pixel = row * picture.Width + column;
        byte first = picture.Plane(0)[pixel];
        return picture.Channels == 3
            ? new Color(first, picture.Plane(1)[pixel], picture.Plane(2)[pixel])
            : new Color(first, first, first);
    }
}
