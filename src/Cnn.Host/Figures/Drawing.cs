namespace Cnn.Host.Figures;

/// <summary>Work that needs the native library of SkiaSharp, which is loaded when the first figure is drawn.</summary>
internal static class Drawing
{
    /// <summary>Draws something.</summary>
    /// <exception cref="CommandException">Failed: the library does not run here.</exception>
    public static T Run<T>(Func<T> draw)
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
                "no figure can be drawn: the native library of SkiaSharp does not load on this system.",
                cause
            );
        }
    }
}
