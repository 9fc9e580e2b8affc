using SkiaSharp;

namespace Cnn.Host.Figures;

/// <summary>The confusion matrix: a row for each true class, a column for each answer.</summary>
internal static class ConfusionFigure
{
    private const int Cell = 52;
    private const int SmallCell = 18;
    private const int Margin = 16;
    private const int Names = 44;
    private const int LongNames = 110;

    // letters that the narrower room has space for
    private const int FewLetters = 4;
    private const int Top = 92;

    // on each side of a name above a column
    private const int Gap = 2;

    // beyond this, counts would not be read
    private const int MostNumbered = 16;

    // from here on, letters are white
    private const double DarkShare = 0.3;

    private static readonly SKColor deepest = new(0x08, 0x45, 0x94);

    /// <summary>The part of each true class that got each answer, from 0 to 1; 0 for a class without images.</summary>
    public static double[,] Shares(EvaluationReport report)
    {
        double[,] shares = new double[report.Classes, report.Classes];
        for (int truth = 0; truth < report.Classes; truth++)
        {
            int images = Enumerable.Range(0, report.Classes).Sum(answer => report.Confusion(truth, answer));
            for (int answer = 0; answer < report.Classes; answer++)
                shares[truth, answer] = images == 0 ? 0 : (double)report.Confusion(truth, answer) / images;
        }
        return shares;
    }

    /// <summary>The picture.</summary>
    public static Figure Draw(EvaluationReport report, IReadOnlyList<string> names, string title)
    {
        int side = report.Classes <= MostNumbered ? Cell : SmallCell;
        int extent = side * report.Classes;
        int room = names.All(name => name.Length <= FewLetters) ? Names : LongNames;
        int width = Math.Max(360, 2 * Margin + room + extent);
        return new Figure(
            width,
            Top + extent + Margin,
            canvas => Paint(canvas, report, names, title, side, room, width)
        );
    }

    private static void Paint(
        SKCanvas canvas,
        EvaluationReport report,
        IReadOnlyList<string> names,
        string title,
        int side,
        int room,
        int width
    )
    {
        int left = Margin + room;
        canvas.Write(title, Margin, Margin + 16, width - 2 * Margin, size: 18, isBold: true);
        canvas.Write("a row for each true class, a column for each answer", Margin, 54, width - 2 * Margin, size: 13);
        double[,] shares = Shares(report);
        using var line = new SKPaint { Color = new SKColor(0xc8, 0xcc, 0xd2), Style = SKPaintStyle.Stroke };
        for (int truth = 0; truth < report.Classes; truth++)
        {
            int row = Top + truth * side;
            canvas.Write(names[truth], Margin, row + side / 2 + 5, room - 8, 13, isBold: true, SKTextAlign.Right);
            canvas.Write(
                names[truth],
                left + truth * side + Gap,
                Top - 8,
                side - 2 * Gap,
                13,
                isBold: true,
                SKTextAlign.Center
            );
            for (int answer = 0; answer < report.Classes; answer++)
            {
                int column = left + answer * side;
                using var paint = new SKPaint { Color = Colour(shares[truth, answer]) };
                canvas.DrawRect(column, row, side, side, paint);
                canvas.DrawRect(column, row, side, side, line);
                int count = report.Confusion(truth, answer);
                if (side == Cell && count > 0)
                    canvas.Write(
                        $"{count}",
                        column + 3,
                        row + side / 2 + 5,
                        side - 6,
                        14,
                        isBold: truth == answer,
                        SKTextAlign.Center,
                        shares[truth, answer] > DarkShare ? SKColors.White : null
                    );
            }
        }
    }

    // the root tells few mistakes from none
    private static SKColor Colour(double share)
    {
        double depth = Math.Sqrt(share);
        return new SKColor(Mix(deepest.Red), Mix(deepest.Green), Mix(deepest.Blue));

        byte Mix(byte end) => (byte)Math.Round(255 + depth * (end - 255));
    }
}
