using System.Text;
using Sylvan.Data.Csv;

namespace Cnn.Host.Data;

/// <summary>
/// The rows of a CSV file, one after the other, in a buffer that no row can make grow beyond a bound. Fields are parted by commas,
/// semicolons, tabs or bars, whichever the first row has.
/// </summary>
internal static class CsvTable
{
    private const string Noun = "a CSV file";

    // characters; a row of 3 x 512 x 512 pixels has three million at most
    private const int BufferSize = 1 << 16;
    private const int MostPerRow = 1 << 22;

    // no comments: a label may start with any character that people use
    private const char NoComment = '\0';

    private static readonly UTF8Encoding strictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Reads all rows.</summary>
    /// <param name="path">The file, as the user wrote it.</param>
    /// <param name="row">What to do with each; false for no more of them. An empty line is no row.</param>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the row.</exception>
    public static void Read(string path, Func<CsvDataReader, bool> row) =>
        DataFile.Read(
            path,
            Noun,
            file =>
            {
                int last = 0;
                try
                {
                    // the reader closes the file as well
                    using var rows = CsvDataReader.Create(
                        new StreamReader(file, strictUtf8, detectEncodingFromByteOrderMarks: true, BufferSize),
                        new CsvDataReaderOptions
                        {
                            HasHeaders = false,
                            Comment = NoComment,
                            BufferSize = BufferSize,
                            MaxBufferSize = MostPerRow,
                        }
                    );
                    while (rows.Read())
                    {
                        last = rows.RowNumber;
                        bool isEmpty = rows.RowFieldCount == 1 && rows.GetFieldSpan(0).IsEmpty;
                        if (!isEmpty && !row(rows))
                            break;
                    }
                    return true;
                }
                catch (CsvRecordTooLargeException cause)
                {
                    throw CommandException.BadData(
                        $"{path}, row {last + 1:N0}, has more than {MostPerRow:N0} characters; check what the file is, and its quotes.",
                        cause
                    );
                }
                catch (FormatException cause)
                {
                    throw CommandException.BadData(
                        $"{path}, row {last + 1:N0}, is no row of a CSV file: {CommandException.Reason(cause)}; mend it.",
                        cause
                    );
                }
                catch (DecoderFallbackException cause)
                {
                    throw CommandException.BadData(
                        $"{path}, behind row {last:N0}, is not UTF-8 text; save the file as that.",
                        cause
                    );
                }
            }
        );

    /// <summary>How many fields the first row has; 0 without one.</summary>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the row.</exception>
    public static int ColumnsOf(string path)
    {
        int columns = 0;
        Read(
            path,
            row =>
            {
                columns = row.RowFieldCount;
                return false;
            }
        );
        return columns;
    }
}
