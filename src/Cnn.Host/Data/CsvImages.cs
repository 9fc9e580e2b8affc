using System.Globalization;

namespace Cnn.Host.Data;

/// <summary>
/// Images in a CSV file, a row each: a label, and the pixels from 0 to 255, row by row; of images in colour the red ones first, then the green,
/// then the blue. The file is read twice: to count, so that the memory is taken once, and to keep.
/// </summary>
internal static class CsvImages
{
    private const int Colour = 3;

    /// <summary>Reads a file; nothing in it is trusted.</summary>
    /// <param name="path">The file, as the user wrote it.</param>
    /// <param name="form">What is wanted of the images; the number of pixels decides what it leaves open.</param>
    /// <exception cref="CommandException">Bad data: the sentence names the file, the row and the column.</exception>
    public static LabelledImages Read(string path, ImageForm form)
    {
        CsvLayout layout = CsvLayout.Of(path);
        (int channels, int height, int width) = Shape(path, layout.Columns - 1, form);
        byte[] pixels = DataFile.Allocate(path, layout.Rows, channels, height, width);
        byte[] labels = new byte[layout.Rows];
        Fill(path, layout, pixels, labels);
        return new LabelledImages(channels, height, width, pixels, labels) { ClassNames = layout.ClassNames };
    }

    /// <summary>What so many pixels are an image of.</summary>
    private static (int Channels, int Height, int Width) Shape(string path, int pixels, ImageForm form)
    {
        if (form is { Height: { } height, Width: { } width })
        {
            long plane = (long)height * width;
            long channels = form.Channels ?? (pixels == Colour * plane ? Colour : 1);
            return channels * plane == pixels
                ? ((int)channels, height, width)
                : throw CommandException.BadData(
                    $"{path} has {pixels:N0} pixels in a row, and images of {channels}x{height}x{width} have {channels * plane:N0}; is there a label before them, and nothing else?"
                );
        }
        foreach (int channels in form.Channels is { } wanted ? [wanted] : (int[])[1, Colour])
        {
            int side = (int)Math.Sqrt(pixels / channels);
            if (channels * side * side == pixels)
                return (channels, side, side);
        }
        throw CommandException.BadData(
            $"{path} has {pixels:N0} pixels in a row behind the label, which are no square{(form.Channels is null ? " in grey or in colour" : $" of {form.Channels} channels")}; give --image-size WIDTHxHEIGHT."
        );
    }

    private static void Fill(string path, CsvLayout layout, byte[] pixels, byte[] labels)
    {
        int size = layout.Columns - 1;
        Dictionary<string, byte>.AlternateLookup<ReadOnlySpan<char>> classes = new Dictionary<string, byte>(
            layout.Labels,
            StringComparer.Ordinal
        ).GetAlternateLookup<ReadOnlySpan<char>>();
        bool isHeader = layout.HasHeader;
        int count = 0;
        CsvTable.Read(
            path,
            row =>
            {
                if (isHeader)
                {
                    isHeader = false;
                    return true;
                }
                if (
                    count == labels.Length
                    || row.RowFieldCount != layout.Columns
                    || !classes.TryGetValue(row.GetFieldSpan(layout.LabelColumn).Trim(), out labels[count])
                )
                    throw Changed(path);
                Span<byte> image = pixels.AsSpan(count * size, size);
                for (int column = 0, i = 0; column < layout.Columns; column++)
                {
                    if (column == layout.LabelColumn)
                        continue;
                    ReadOnlySpan<char> field = row.GetFieldSpan(column);
                    if (!TryParse(field, out image[i++]))
                        throw CommandException.BadData(
                            $"{path}, row {row.RowNumber:N0}, column {column + 1:N0}: '{Shown(field)}' is no pixel; give whole numbers from 0 to {byte.MaxValue}."
                        );
                }
                count++;
                return true;
            }
        );
        if (count != labels.Length)
            throw Changed(path);
    }

    private static bool TryParse(ReadOnlySpan<char> field, out byte pixel) =>
        byte.TryParse(
            field,
            NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite,
            CultureInfo.InvariantCulture,
            out pixel
        );

    private static string Shown(ReadOnlySpan<char> field)
    {
        const int most = 20;
        return field.Length <= most ? field.ToString() : $"{field[..most]}...";
    }

    private static CommandException Changed(string path) =>
        CommandException.BadData($"{path} changed while it was read; try again.");
}
