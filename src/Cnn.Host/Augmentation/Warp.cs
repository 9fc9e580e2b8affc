using System.Numerics;

namespace Cnn.Host.Augmentations;

/// <summary>
/// Moves every pixel of an image by one map: placement and displacements are composed first, so that the
/// image is sampled, and thereby blurred, only once.
/// </summary>
public static class Warp
{
    // a zero before the first pixel; behind the last one another, and the neighbour of that
    private const int Before = 1;
    private const int Around = 3;

    /// <summary>
    /// The image is placed, and then deformed: <c>out(p) = placed(p + displacement(p))</c>. Values between
    /// pixels are bilinear, those outside of the frame 0, and results are rounded to the nearest.
    /// </summary>
    /// <param name="source">The image, <c>[channels; height; width]</c>.</param>
    /// <param name="destination">Receives the warped image; must not overlap the source.</param>
    /// <param name="channels">Planes of the image, each moved alike.</param>
    /// <param name="height">Rows, in pixels.</param>
    /// <param name="width">Columns, in pixels.</param>
    /// <param name="placement">Where the image goes as a whole.</param>
    /// <param name="right">Displacements in x, as <see cref="ElasticField"/> lays them out; empty for none.</param>
    /// <param name="down">Displacements in y; empty for none.</param>
    /// <exception cref="ArgumentException">A length is not the product of the sizes, or the spans overlap.</exception>
    public static void Apply(
        ReadOnlySpan<byte> source,
        Span<byte> destination,
        int channels,
        int height,
        int width,
        Placement placement,
        ReadOnlySpan<float> right = default,
        ReadOnlySpan<float> down = default
    )
    {
        Frame.Check(source, destination, channels, height, width);
        Scratch scratch = Scratch.OfThread;
        InverseMap map = placement.Invert(height, width);
        int pitch = width + Around;
        int plane = checked((height + Around) * pitch);
        Span<byte> framed = scratch.Framed(checked(channels * plane));
        FrameWithZeros(source, framed, channels, height, width);

        int stride = ElasticField.Stride(width);
        Span<int> cells = scratch.Cells(stride);
        Span<float> partX = scratch.PartX(stride);
        Span<float> partY = scratch.PartY(stride);
        for (int row = 0; row < height; row++)
        {
            bool isDeformed = !right.IsEmpty;
            Locate(
                map,
                row,
                height,
                width,
                isDeformed ? right.Slice(row * stride, stride) : default,
                isDeformed ? down.Slice(row * stride, stride) : default,
                cells,
                partX,
                partY
            );
            for (int channel = 0; channel < channels; channel++)
                Sample(
                    framed.Slice(channel * plane, plane),
                    pitch,
                    cells[..width],
                    partX,
                    partY,
                    destination.Slice((channel * height + row) * width, width)
                );
        }
    }

    // where the pixels of a row come from: a cell of the framed source, and how far beyond it in x and y
    private static void Locate(
        InverseMap map,
        int row,
        int height,
        int width,
        ReadOnlySpan<float> right,
        ReadOnlySpan<float> down,
        Span<int> cells,
        Span<float> partX,
        Span<float> partY
    )
    {
        var outside = new Vector<float>(-1f);
        var ahead = Vector<float>.One;
        var toX = new Vector<float>(map.XX);
        var toY = new Vector<float>(map.YX);
        for (int i = 0; i < cells.Length; i += Vector<float>.Count)
        {
            Vector<float> x = Vector.CreateSequence((float)i, 1f);
            var y = new Vector<float>(row);
            if (!right.IsEmpty)
            {
                x += new Vector<float>(right[i..]);
                y += new Vector<float>(down[i..]);
            }
            Vector<float> sourceX = toX * x + (new Vector<float>(map.XY) * y + new Vector<float>(map.X));
            Vector<float> sourceY = toY * x + (new Vector<float>(map.YY) * y + new Vector<float>(map.Y));
            // whatever is farther out is 0 as well, and above 0 the whole part is the floor
            sourceX = Vector.Min(Vector.Max(sourceX, outside), new Vector<float>(width)) + ahead;
            sourceY = Vector.Min(Vector.Max(sourceY, outside), new Vector<float>(height)) + ahead;
            Vector<int> column = Vector.ConvertToInt32Native(sourceX);
            Vector<int> line = Vector.ConvertToInt32Native(sourceY);
            (line * (width + Around) + column).CopyTo(cells[i..]);
            (sourceX - Vector.ConvertToSingle(column)).CopyTo(partX[i..]);
            (sourceY - Vector.ConvertToSingle(line)).CopyTo(partY[i..]);
        }
    }

    // at whole coordinates both parts are 0, and the pixel comes out as it was
    private static void Sample(
        ReadOnlySpan<byte> framed,
        int pitch,
        ReadOnlySpan<int> cells,
        ReadOnlySpan<float> partX,
        ReadOnlySpan<float> partY,
        Span<byte> target
    )
    {
        for (int i = 0; i < cells.Length; i++)
        {
            ReadOnlySpan<byte> upper = framed.Slice(cells[i], 2);
            ReadOnlySpan<byte> lower = framed.Slice(cells[i] + pitch, 2);
            float top = upper[0] + partX[i] * (upper[1] - upper[0]);
            float bottom = lower[0] + partX[i] * (lower[1] - lower[0]);
            target[i] = (byte)(top + partY[i] * (bottom - top) + 0.5f);
        }
    }

    private static void FrameWithZeros(
        ReadOnlySpan<byte> source,
        Span<byte> framed,
        int channels,
        int height,
        int width
    )
    {
        framed.Clear();
        int pitch = width + Around;
        for (int channel = 0; channel < channels; channel++)
        for (int row = 0; row < height; row++)
            source
                .Slice((channel * height + row) * width, width)
                .CopyTo(framed[((channel * (height + Around) + row + Before) * pitch + Before)..]);
    }
}
