namespace Cnn.Host.Runs;

/// <summary>A new file that grows by whole pieces; readers see each of them as soon as it is written.</summary>
internal sealed class GrowingFile : IDisposable
{
    private readonly FileStream file;

    /// <summary>Makes the file, empty.</summary>
    /// <exception cref="IOException">There is one already, or it cannot be made.</exception>
    public GrowingFile(string path) =>
        file = new FileStream(
            path,
            new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                Share = FileShare.Read | FileShare.Delete,
                // what is written is written at once
                BufferSize = 0,
            }
        );

    /// <summary>Adds a piece, whole or not at all.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void Append(ReadOnlySpan<byte> piece)
    {
        long length = file.Position;
        try
        {
            file.Write(piece);
        }
        catch (IOException)
        {
            file.SetLength(length);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
