using System.Text;

namespace Cnn.Host.Output;

/// <summary>
/// A table on stdout whose rows appear one by one, as they are known. Columns have fixed widths, since
/// rows to come cannot be measured; a longer cell pushes those behind it to the right.
/// </summary>
/// <param name="columns">Headings and widths; a negative width aligns to the left, as text is.</param>
internal sealed class ColumnWriter(IReadOnlyList<(string Heading, int Width)> columns)
{
    private const string Gap = "  ";
    private bool hasHeading;

    /// <summary>Writes a row, and the headings before the first one.</summary>
    public void Write(params IReadOnlyList<string> cells)
    {
        if (!hasHeading)
            Consoles.Result(Align([.. columns.Select(column => column.Heading)]));
        hasHeading = true;
        Consoles.Result(Align(cells));
    }

    private string Align(IReadOnlyList<string> cells)
    {
        var line = new StringBuilder();
        for (int i = 0; i < cells.Count; i++)
        {
            int width = columns[i].Width;
            if (i > 0)
                line.Append(Gap);
            line.Append(width < 0 ? cells[i].PadRight(-width) : cells[i].PadLeft(width));
        }
        return line.ToString().TrimEnd();
    }
}
