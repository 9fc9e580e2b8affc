using Cnn.Host.Data;

namespace Cnn.Host.Preparation;

/// <summary>
/// What a picture in grey is drawn on, judged by its frame, the pixels along its border: paper is seldom white, and light seldom
/// even. The ground is a plane through the medians of the four sides, so that ink at a side moves it only where it takes half of that.
/// </summary>
/// <param name="Level">The ground in the middle of the picture.</param>
/// <param name="AcrossRows">How much it changes from one row to the next.</param>
/// <param name="AcrossColumns">How much it changes from one column to the next.</param>
/// <param name="Noise">How far pixels without ink may be from it: three standard deviations, of the frame.</param>
internal sealed record Ground(double Level, double AcrossRows, double AcrossColumns, double Noise)
{
    // the frame is this part of the shorter side
    private const int FramePart = 32;

    // the standard deviation of normal numbers is their median absolute deviation, times this
    private const double DeviationOfMedian = 1.4826;
    private const double Deviations = 3;

    // what varies more is ink that reaches the frame, not noise
    private const double MostNoise = 32;

    /// <summary>The ground of a picture of one channel.</summary>
    public static Ground Of(Picture picture)
    {
        (int height, int width) = (picture.Height, picture.Width);
        int depth = Math.Max(1, Math.Min(height, width) / FramePart);
        double top = MedianOf(picture, 0, depth, 0, width);
        double bottom = MedianOf(picture, height - depth, height, 0, width);
        double left = MedianOf(picture, 0, height, 0, depth);
        double right = MedianOf(picture, 0, height, width - depth, width);
        var plane = new Ground(
            Median([top, bottom, left, right]),
            (bottom - top) / Math.Max(1, height - depth),
            (right - left) / Math.Max(1, width - depth),
            Noise: 0
        );
        var deviations = new List<double>();
        for (int row = 0; row < height; row++)
        for (int column = 0; column < width; column++)
        {
            bool isFrame = row < depth || row >= height - depth || column < depth || column >= width - depth;
            if (isFrame)
                deviations.Add(Math.Abs(picture.Plane(0)[row * width + column] - plane.At(picture, row, column)));
        }
        return plane with { Noise = Math.Min(MostNoise, Deviations * DeviationOfMedian * Median(deviations)) };
    }

    /// <summary>The ground at a pixel.</summary>
    public double At(Picture picture, int row, int column) =>
        Level + AcrossRows * (row - (picture.Height - 1) / 2.0) + AcrossColumns * (column - (picture.Width - 1) / 2.0);

    /// <summary>
    /// Whether what stands out from the ground is darker than it: the side on which the squares of the distances add up to more.
    /// </summary>
    public bool IsInkDark(Picture picture)
    {
        (double dark, double light) = (0, 0);
        for (int row = 0; row < picture.Height; row++)
        for (int column = 0; column < picture.Width; column++)
        {
            double distance = picture.Plane(0)[row * picture.Width + column] - At(picture, row, column);
            if (distance < 0)
                dark += distance * distance;
            else
                light += distance * distance;
        }
        return dark > light;
    }

    private static double MedianOf(Picture picture, int top, int bottom, int left, int right)
    {
        var values = new List<double>();
        for (int row = top; row < bottom; row++)
        for (int column = left; column < right; column++)
            values.Add(picture.Plane(0)[row * picture.Width + column]);
        return Median(values);
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return (values[(values.Count - 1) / 2] + values[values.Count / 2]) / 2;
    }
}
