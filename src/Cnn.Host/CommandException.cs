namespace Cnn.Host;

/// <summary>
/// A failure that the user can understand and mend. The message is one sentence that says what is
/// wrong, where, and what would be right; <c>Program</c> prints it on stderr, without a stack trace.
/// </summary>
/// <param name="exitCode">What the process returns to the shell.</param>
/// <param name="message">The sentence for the user.</param>
/// <param name="inner">The cause, kept for debugging and never shown.</param>
public sealed class CommandException(ExitCode exitCode, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>What the process returns to the shell.</summary>
    public ExitCode ExitCode { get; } = exitCode;

    /// <summary>The failure of a file or folder that is not what it should be.</summary>
    /// <param name="message">The sentence for the user; it names the file.</param>
    /// <param name="inner">The cause, if there was an exception.</param>
    public static CommandException BadData(string message, Exception? inner = null) =>
        new(ExitCode.BadData, message, inner);

    /// <summary>
    /// Whether a file or its system is to blame for an exception while reading. Anything else is a
    /// mistake in the program, and hiding that behind a sentence about a file would mislead.
    /// </summary>
    public static bool IsFileTrouble(Exception cause) =>
        cause
            is IOException
                or UnauthorizedAccessException
                or System.Security.SecurityException
                // what unpacking says of bytes that are no gzip data
                or InvalidDataException
                or OutOfMemoryException
                // a path that no file can have: empty, or holding a null character
                or ArgumentException
                or NotSupportedException;

    /// <summary>What an exception says, as a part of a sentence: on one line, and without its full stop.</summary>
    public static string Reason(Exception cause) => cause.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ');

    /// <summary>
    /// The sentence for a file or folder that cannot be read, with <see cref="ExitCode.BadData"/>.
    /// </summary>
    /// <param name="path">The file or folder, as the user wrote it.</param>
    /// <param name="cause">An exception for which <see cref="IsFileTrouble"/> holds.</param>
    public static CommandException Unreadable(string path, Exception cause) =>
        BadData(
            cause switch
            {
                FileNotFoundException or DirectoryNotFoundException => $"there is no file {path}; check the path.",
                UnauthorizedAccessException or System.Security.SecurityException =>
                    $"{path} may not be read; check its permissions and those of its folder.",
                InvalidDataException => $"{path} is damaged, it cannot be unpacked; restore it from a fresh copy.",
                OutOfMemoryException => $"{path} does not fit into this machine's memory; use a smaller file.",
                ArgumentException => $"'{path}' is not the path of a file; check how it is written.",
                _ => $"{path} cannot be read: {cause.Message.TrimEnd('.')}.",
            },
            cause
        );
}
