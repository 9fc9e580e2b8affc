namespace Cnn.Host;

/// <summary>Work that needs the native library of SkiaSharp, which is loaded when the first picture is drawn, read or written.</summary>
internal static class Drawing
{
    /// <summary>Draws something, or works on a picture in another way.</summary>
    /// <param name="draw">The work.</param>
    /// <param name="failure">What could not be done where the library is missing.</param>
    /// <exception cref="CommandException">Failed: the library does not run here.</exception>
    public static T Run<T>(Func<T> draw, string failure = "no figure can be drawn")
    {
        try
        {
            return draw();
        }
        catch (Exception cause)
            when (cause is DllNotFoundException or BadImageFormatException or TypeInitializationException)
        {
            throw new CommandException(
                ExitCode.Failed,
                $"{failure}: the native library of SkiaSharp does not load on this system.",
                cause
            );
        }
    }
}
