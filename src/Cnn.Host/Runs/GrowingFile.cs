namespace Cnn.Host.Runs;

/// <summary>A file that grows by whole pieces; readers see each of them as soon as it is written.</summary>
internal sealed class GrowingFile : IDisposable
{
    private readonly FileStream file;

    private GrowingFile(string path, FileMode mode)
    {
        file = new FileStream(
            path,
            new FileStreamOptions
            {
                Mode = mode,
                Access = FileAccess.Write,
                Share = FileShare.Read | FileShare.Delete,
                // what is written is written at once
                BufferSize = 0,
            }
        );
        file.Seek(0, SeekOrigin.End);
    }

    /// <summary>Makes the file, empty.</summary>
    /// <exception cref="IOException">There is one already, or it cannot be made.</exception>
    public static GrowingFile Create(string path) => new(path, FileMode.CreateNew);

    /// <summary>Goes on behind what is in the file.</summary>
    /// <exception cref="IOException">There is none, or it cannot be written.</exception>
    public static GrowingFile Continue(string path) => new(path, FileMode.Open);

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

    /// <summary>Returns when all pieces are on the disk.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public void Flush() => file.Flush(flushToDisk: true);

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}
