using Cnn.Host.Data;

namespace Cnn.Host.Preparation;

/// <summary>
/// A picture of one digit, made to look as those of MNIST do: light ink on black, as large as fits into a box of 20x20 pixels with
/// its aspect ratio kept, its centre of mass in the middle of 28x28 (LeCun et al. 1998, "Gradient-based learning applied to document
/// recognition", section III.A). For inputs of other sizes the box has the same part of them.
/// </summary>
public static class DigitPreparation
{
    private const int BoxSide = 20;
    private const int ImageSide = 28;

    /// <summary>All steps, from a picture of any size and colour to one of one channel and that size.</summary>
    /// <exception cref="CommandException">Bad data: nothing stands out from the ground; the sentence names the picture.</exception>
    public static PreparedPicture Prepare(string name, Picture picture, int height, int width)
    {
        var steps = new List<PreparationStep>();
        Picture grey = picture.ToGrey();
        if (picture.Channels != 1)
            steps.Add(new("grey", "0.299 red + 0.587 green + 0.114 blue", grey));

        Ground ground = Ground.Of(grey);
        bool isDark = ground.IsInkDark(grey);
        Picture ink =
            Ink.Extract(grey, ground, isDark)
            ?? throw CommandException.BadData(
                $"nothing stands out in {name}, as ink does from paper; give a picture of one digit, or --prepare fit to take it as it is."
            );
        steps.Add(
            new(
                "polarity",
                $"{(isDark ? "dark ink on a light" : "light ink on a dark")} ground of about {ground.Level:F0}, give or take {ground.Noise:F0}",
                ink
            )
        );

        (Picture clean, int kept, int removed) = Ink.WithoutDirt(ink);
        if (removed > 0)
            steps.Add(new("dirt", $"{kept} of {kept + removed} blots kept, those with little ink gone", clean));

        Picture digit = Crop(clean, out int top, out int left);
        steps.Add(
            new("box", $"ink in {digit.Width}x{digit.Height} pixels, from column {left} and row {top} on", digit)
        );

        Picture scaled = Scale(digit, BoxOf(height), BoxOf(width), out string finding);
        steps.Add(new("scale", finding, scaled));

        Picture centred = Centre(scaled, height, width, out finding);
        steps.Add(new("centre", finding, centred));
        return new PreparedPicture(centred, steps);
    }

    private static int BoxOf(int side) => Math.Max(1, (2 * side * BoxSide + ImageSide) / (2 * ImageSide));

    // what has ink, and no row or column more
    private static Picture Crop(Picture ink, out int top, out int left)
    {
        (int first, int last) = (ink.Height, -1);
        (int start, int end) = (ink.Width, -1);
        for (int row = 0; row < ink.Height; row++)
        for (int column = 0; column < ink.Width; column++)
        {
            if (ink.Plane(0)[row * ink.Width + column] == 0)
                continue;
            (first, last) = (Math.Min(first, row), Math.Max(last, row));
            (start, end) = (Math.Min(start, column), Math.Max(end, column));
        }
        (top, left) = (first, start);
        (int height, int width) = (last - first + 1, end - start + 1);
        byte[] cropped = new byte[height * width];
        for (int row = 0; row < height; row++)
            ink.Plane(0).Slice((first + row) * ink.Width + start, width).CopyTo(cropped.AsSpan(row * width));
        return new Picture(1, height, width, cropped);
    }

    // what shrinks grows fainter where its strokes are thin: the strongest pixel is full ink again
    private static Picture Scale(Picture digit, int boxHeight, int boxWidth, out string finding)
    {
        (int height, int width) = digit.FitInto(boxHeight, boxWidth);
        Picture scaled = digit.Resized(height, width);
        byte strongest = scaled.Pixels.Span.ToArray().Max();
        finding = $"to {width}x{height}, which fits into {boxWidth}x{boxHeight}";
        if (strongest is 0 or byte.MaxValue)
            return scaled;
        finding += $", its ink {(double)byte.MaxValue / strongest:F2} times as strong";
        byte[] strong = [.. scaled.Pixels.Span.ToArray().Select(value => (byte)(value * byte.MaxValue / strongest))];
        return new Picture(1, height, width, strong);
    }

    private static Picture Centre(Picture digit, int height, int width, out string finding)
    {
        (double sum, double rows, double columns) = (0, 0, 0);
        for (int row = 0; row < digit.Height; row++)
        for (int column = 0; column < digit.Width; column++)
        {
            byte value = digit.Plane(0)[row * digit.Width + column];
            sum += value;
            rows += value * row;
            columns += value * column;
        }
        int top = Place(rows / sum, digit.Height, height);
        int left = Place(columns / sum, digit.Width, width);
        finding =
            $"centre of mass at column {columns / sum:F1} and row {rows / sum:F1}, moved to column {width / 2} and row {height / 2} of {width}x{height}";
        byte[] centred = new byte[height * width];
        for (int row = 0; row < digit.Height; row++)
            digit
                .Plane(0)
                .Slice(row * digit.Width, digit.Width)
                .CopyTo(centred.AsSpan((top + row) * width + left, digit.Width));
        return new Picture(1, height, width, centred);
    }

    // where the digit starts, so that its centre of mass comes within half a pixel of pixel 14 of 28, counted from 0, where the images
    // of MNIST have it, or as near as it gets without being cut
    private static int Place(double centre, int digit, int whole) =>
        Math.Clamp((int)Math.Round(whole / 2 - centre, MidpointRounding.AwayFromZero), 0, whole - digit);
}
