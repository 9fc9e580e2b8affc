namespace Cnn.Host;

/// <summary>What <c>cnn</c> tells the shell when it ends; scripts may rely on these numbers.</summary>
public enum ExitCode
{
    /// <summary>The command did what was asked.</summary>
    Success = 0,

    /// <summary>The command ran, and what it checked did not hold.</summary>
    CheckFailed = 1,

    /// <summary>The command line is wrong: an unknown option, a value out of range.</summary>
    Usage = 2,

    /// <summary>A file that was read is missing, unreadable or not what it should be.</summary>
    BadData = 3,

    /// <summary>Training left the finite numbers: the loss became NaN or infinite.</summary>
    Diverged = 4,

    /// <summary>
    /// The program gave up: the memory does not suffice, or it has a mistake. The number is that of
    /// EX_SOFTWARE in the BSD list sysexits.
    /// </summary>
    Failed = 70,

    /// <summary>A result could not be written, as on a full disk; EX_IOERR in the same list.</summary>
    WriteFailed = 74,

    /// <summary>The user pressed Ctrl-C; 128 plus the number of SIGINT, as shells count.</summary>
    Interrupted = 130,
}
