using System.Globalization;
using Sylvan.Data.Csv;

namespace Cnn.Host.Data;

/// <summary>What a first look at all rows of a CSV file has found.</summary>
/// <param name="Columns">Fields of every row: the label and the pixels.</param>
/// <param name="LabelColumn">The place of the label, from 0: where the header says, else the first.</param>
/// <param name="HasHeader">Whether the first row is one.</param>
/// <param name="Rows">Images.</param>
/// <param name="Labels">Each label that there is, as it is written, and its class.</param>
/// <param name="ClassNames">The names of the classes; null where labels are numbers, which are the classes themselves.</param>
internal sealed record CsvLayout(
    int Columns,
    int LabelColumn,
    bool HasHeader,
    int Rows,
    IReadOnlyDictionary<string, byte> Labels,
    IReadOnlyList<string>? ClassNames
)
{
    private static readonly string[] labelNames = ["label", "class", "target", "digit", "y"];

    // those that are no class by themselves, where pixels have numbers for names
    private static readonly string[] headings = ["label", "class", "target"];

    /// <summary>Looks at all rows, and keeps none.</summary>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the row.</exception>
    public static CsvLayout Of(string path)
    {
        int columns = 0;
        int labelColumn = 0;
        bool hasHeader = false;
        int rows = 0;
        // and the row where each was first seen
        var labels = new Dictionary<string, int>(StringComparer.Ordinal);
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> known = labels.GetAlternateLookup<
            ReadOnlySpan<char>
        >();
        CsvTable.Read(
            path,
            row =>
            {
                if (columns == 0)
                {
                    columns = row.RowFieldCount;
                    if (columns < 2)
                        throw CommandException.BadData(
                            $"{path}, row {row.RowNumber:N0}, has a single column; a row is a label and the pixels of an image, with commas between."
                        );
                    hasHeader = IsHeader(row);
                    if (hasHeader)
                    {
                        labelColumn = FindLabel(row);
                        return true;
                    }
                }
                if (row.RowFieldCount != columns)
                    throw CommandException.BadData(
                        $"{path}, row {row.RowNumber:N0}, has {row.RowFieldCount:N0} columns, and the rows before have {columns:N0}; mend or remove it."
                    );
                rows++;
                ReadOnlySpan<char> label = row.GetFieldSpan(labelColumn).Trim();
                if (known.ContainsKey(label))
                    return true;
                if (!ClassList.IsPossible(label.ToString()))
                    throw CommandException.BadData(
                        $"{path}, row {row.RowNumber:N0}, has no label in column {labelColumn + 1}; a class has 1 to {ClassList.Longest} characters, none of them for control."
                    );
                if (labels.Count == ClassList.Most)
                    throw CommandException.BadData(
                        $"{path}, row {row.RowNumber:N0}, has one more label than the {ClassList.Most} that there may be, '{label}'; are the labels in column {labelColumn + 1}?"
                    );
                known[label] = row.RowNumber;
                return true;
            }
        );
        if (rows == 0)
            throw CommandException.BadData(
                $"{path} has no row of an image; a row is a label and the pixels of an image."
            );
        bool isNumbered = labels.Keys.All(label => IsWhole(label, out _));
        return isNumbered
            ? new CsvLayout(columns, labelColumn, hasHeader, rows, Numbered(path, labels), ClassNames: null)
            : Named(columns, labelColumn, hasHeader, rows, labels.Keys);
    }

    private static CsvLayout Named(int columns, int labelColumn, bool hasHeader, int rows, IEnumerable<string> labels)
    {
        string[] names = [.. labels.Order(StringComparer.Ordinal)];
        Dictionary<string, byte> classes = names.Index().ToDictionary(name => name.Item, name => (byte)name.Index);
        return new CsvLayout(columns, labelColumn, hasHeader, rows, classes, names);
    }

    private static Dictionary<string, byte> Numbered(string path, Dictionary<string, int> labels) =>
        labels.ToDictionary(
            label => label.Key,
            label =>
                IsWhole(label.Key, out long value) && value is >= byte.MinValue and <= byte.MaxValue
                    ? (byte)value
                    : throw CommandException.BadData(
                        $"{path}, row {label.Value:N0}, has the label {label.Key}; give numbers from 0 to {byte.MaxValue}, or names."
                    )
        );

    // where the header says so, and says so once
    private static int FindLabel(CsvDataReader header)
    {
        int[] places =
        [
            .. Enumerable.Range(0, header.RowFieldCount).Where(column => labelNames.Contains(Text(header, column))),
        ];
        return places is [var one] ? one : 0;
    }

    // A pixel with a mistake in it makes no header of its row: most fields are names there, or the first one is that of the labels.
    private static bool IsHeader(CsvDataReader row)
    {
        int names = Enumerable
            .Range(0, row.RowFieldCount)
            .Select(column => Text(row, column))
            .Count(text =>
                text.Length > 0 && !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _)
            );
        return names > row.RowFieldCount / 2 || headings.Contains(Text(row, 0));
    }

    private static string Text(CsvDataReader row, int column) =>
        row.GetFieldSpan(column).Trim().ToString().ToLowerInvariant();

    private static bool IsWhole(string text, out long value) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
}
