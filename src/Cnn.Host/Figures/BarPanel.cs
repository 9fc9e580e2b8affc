using System.Globalization;
using SkiaSharp;

namespace Cnn.Host.Figures;

/// <summary>A number for each class as bars, to the left of a line where they are below 0.</summary>
/// <param name="Title">What they are.</param>
/// <param name="Values">One a class.</param>
/// <param name="Winner">The class whose bar has another colour.</param>
/// <param name="Truth">The class that is marked as the true one.</param>
/// <param name="NameOf">The name of each class.</param>
internal sealed record BarPanel(
    string Title,
    IReadOnlyList<float> Values,
    int Winner,
    int Truth,
    Func<int, string> NameOf
)
{
    private const int TitleHeight = 26;
    private const int RowHeight = 20;
    private const int NameWidth = 90;
    private const int NumberWidth = 60;

    private static readonly SKColor usual = new(0x8a, 0xa4, 0xc2);
    private static readonly SKColor winning = new(0xe0, 0x7b, 0x1a);

    /// <summary>Rows of the picture that it takes.</summary>
    public int Height => TitleHeight + Values.Count * RowHeight;

    /// <summary>Draws it.</summary>
    public void Paint(SKCanvas canvas, int left, int top, int width)
    {
        canvas.Write(Title, left, top + 16, width, size: 14, isBold: true);
        float[] finite = [0, .. Values.Where(float.IsFinite)];
        (float least, float largest) = (finite.Min(), finite.Max());
        float unit = (width - NameWidth - 2 * NumberWidth) / Math.Max(largest - least, float.Epsilon);
        float zero = left + NameWidth + NumberWidth - least * unit;
        foreach ((int label, float value) in Values.Index())
        {
            int row = top + TitleHeight + label * RowHeight;
            string name = label == Truth ? $"{NameOf(label)} (true)" : NameOf(label);
            canvas.Write(name, left, row + 14, NameWidth - 8, 13, label == Winner, SKTextAlign.Right);
            float end = float.IsFinite(value) ? zero + value * unit : zero;
            using var paint = new SKPaint { Color = label == Winner ? winning : usual };
            canvas.DrawRect(Math.Min(zero, end), row + 2, Math.Abs(end - zero), RowHeight - 5, paint);
            string number = value.ToString("F2", CultureInfo.InvariantCulture);
            if (value < 0)
                canvas.Write(number, end - NumberWidth, row + 14, NumberWidth - 4, 12, align: SKTextAlign.Right);
            else
                canvas.Write(number, end + 4, row + 14, NumberWidth - 4, 12);
        }
        using var line = new SKPaint { Color = new SKColor(0x60, 0x60, 0x60) };
        canvas.DrawRect(zero - 0.5f, top + TitleHeight, 1, Values.Count * RowHeight, line);
    }
}
