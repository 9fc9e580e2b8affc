using SkiaSharp;

namespace Cnn.Host.Data;

/// <summary>
/// Pictures in files: PNG, JPEG, and what else SkiaSharp decodes (BMP, GIF, WebP; the first frame of an animation).
/// A picture comes as its file has it, upright: the orientation that a camera noted is applied, a colour profile is not.
/// What is transparent is laid on white, as on paper. Where all pixels are grey, the picture has one channel, however the file
/// keeps it; else it has three.
/// </summary>
public static class ImageFile
{
    /// <summary>Pixels that a picture may have: decoding takes up to seven bytes each.</summary>
    public const long MostPixels = 1 << 26;

    // a picture of so many pixels, not compressed, and some room
    private const long MostBytes = 5 * MostPixels;

    private const int BytesPerPixel = 4;

    /// <summary>Reads a picture; nothing in the file is trusted.</summary>
    /// <exception cref="CommandException">Bad data: the sentence names the file and the fault.</exception>
    public static Picture Read(string path) => Decode(path, ReadBytes(path));

    /// <summary>The picture in the contents of a file; nothing in them is trusted.</summary>
    /// <param name="name">What to call them in a complaint.</param>
    /// <param name="contents">All bytes of the file.</param>
    /// <exception cref="CommandException">Bad data: the sentence has the name and the fault.</exception>
    public static Picture Decode(string name, byte[] contents) => WithLibrary(() => DecodeWithLibrary(name, contents));

    /// <summary>A picture of 1 or 3 channels as a PNG file.</summary>
    public static byte[] EncodePng(Picture picture) =>
        WithLibrary(() =>
        {
            bool isGrey = picture.Channels == 1;
            var info = new SKImageInfo(
                picture.Width,
                picture.Height,
                isGrey ? SKColorType.Gray8 : SKColorType.Rgba8888,
                SKAlphaType.Opaque
            );
            using SKImage image = SKImage.FromPixelCopy(
                info,
                isGrey ? picture.Pixels.Span : Interleave(picture),
                info.RowBytes
            );
            using SKData data = image.Encode(SKEncodedImageFormat.Png, 100);
            return data.ToArray();
        });

    /// <summary>Whether a file starts as one of a kind that can be read; false where there is none.</summary>
    public static bool IsLikely(string path)
    {
        Span<byte> start = stackalloc byte[12];
        try
        {
            if (RegularFile.SeemsEmpty(path))
                return false;
            using FileStream file = File.OpenRead(path);
            start = start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            return false;
        }
        return IsLikely(start);
    }

    /// <summary>Whether bytes start as a file of a kind that can be read.</summary>
    public static bool IsLikely(ReadOnlySpan<byte> start) =>
        start.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G'])
        || start.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF])
        || start.StartsWith("GIF8"u8)
        || start.StartsWith("BM"u8)
        || (start.StartsWith("RIFF"u8) && start.Length >= 12 && start[8..12].SequenceEqual("WEBP"u8));

    private static byte[] ReadBytes(string path)
    {
        if (Directory.Exists(path))
            throw CommandException.BadData($"{path} is a folder where an image is expected; name the file in it.");
        try
        {
            if (RegularFile.SeemsEmpty(path))
                throw CommandException.BadData($"{path} is empty, or a pipe or device; give a PNG or JPEG file.");
            using var file = new FileStream(
                path,
                new FileStreamOptions { BufferSize = 0, Options = FileOptions.SequentialScan }
            );
            if (!file.CanSeek)
                throw CommandException.BadData($"{path} is not a regular file; give an image on a disk.");
            if (file.Length > MostBytes)
                throw CommandException.BadData(
                    $"{path} has {file.Length:N0} bytes, and an image may have {MostBytes:N0} at most; check the path."
                );
            byte[] contents = GC.AllocateUninitializedArray<byte>((int)file.Length);
            file.ReadExactly(contents);
            return contents;
        }
        catch (Exception cause) when (CommandException.IsFileTrouble(cause))
        {
            throw CommandException.Unreadable(path, cause);
        }
    }

    private static Picture DecodeWithLibrary(string path, byte[] contents)
    {
        using SKData data = SKData.CreateCopy(contents);
        using SKCodec codec =
            SKCodec.Create(data)
            ?? throw CommandException.BadData(
                $"{path} is not an image that can be read, or its start is damaged; give a PNG or JPEG file."
            );
        (int width, int height) = (codec.Info.Width, codec.Info.Height);
        // before any memory is taken for what a header announces
        if ((long)width * height > MostPixels)
            throw CommandException.BadData(
                $"{path} is an image of {width}x{height} pixels, and there may be {MostPixels:N0} at most; make it smaller."
            );
        var info = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        using var bitmap = new SKBitmap();
        if (!bitmap.TryAllocPixels(info))
            throw CommandException.BadData(
                $"{path} is an image of {width}x{height} pixels, which do not fit into this machine's memory; make it smaller."
            );
        SKCodecResult result = codec.GetPixels(info, bitmap.GetPixels());
        if (result != SKCodecResult.Success)
            throw CommandException.BadData(
                result == SKCodecResult.IncompleteInput
                    ? $"{path} is truncated: it ends before its last pixel; restore it from a fresh copy."
                    : $"{path} is damaged, its pixels cannot be decoded ({result}); restore it from a fresh copy."
            );
        return Separate(bitmap.GetPixelSpan(), height, width, Orientation.Of(codec.EncodedOrigin, height, width));
    }

    // planes of upright pixels, from pixels of four bytes each
    private static Picture Separate(ReadOnlySpan<byte> pixels, int height, int width, Orientation orientation)
    {
        int plane = height * width;
        bool isGrey = true;
        for (int i = 0; i < pixels.Length && isGrey; i += BytesPerPixel)
            isGrey = pixels[i] == pixels[i + 1] && pixels[i] == pixels[i + 2];
        int channels = isGrey ? 1 : 3;
        // a few bytes can be the file of a picture as large as any may be, and that is to be read within a second or so
        byte[] planes = GC.AllocateUninitializedArray<byte>(channels * plane);
        for (int channel = 0; channel < channels; channel++)
        {
            Span<byte> values = planes.AsSpan(channel * plane, plane);
            for (int row = 0; row < height; row++)
            {
                ReadOnlySpan<byte> line = pixels.Slice(BytesPerPixel * row * width, BytesPerPixel * width);
                int target = orientation.Start + row * orientation.RowStep;
                for (int i = 0; i < line.Length; i += BytesPerPixel, target += orientation.ColumnStep)
                    values[target] = OnWhite(line[i + channel], line[i + 3]);
            }
        }
        return new Picture(channels, orientation.Height, orientation.Width, planes);
    }

    private static byte OnWhite(int value, int alpha) =>
        alpha == byte.MaxValue
            ? (byte)value
            : (byte)((value * alpha + byte.MaxValue * (byte.MaxValue - alpha) + byte.MaxValue / 2) / byte.MaxValue);

    private static byte[] Interleave(Picture picture)
    {
        byte[] pixels = new byte[BytesPerPixel * picture.Height * picture.Width];
        for (int channel = 0; channel < BytesPerPixel; channel++)
        for (int i = 0; i < picture.Height * picture.Width; i++)
            pixels[BytesPerPixel * i + channel] = channel < 3 ? picture.Plane(channel)[i] : byte.MaxValue;
        return pixels;
    }

    private static T WithLibrary<T>(Func<T> work) => Drawing.Run(work, "no image can be read or written");
}
