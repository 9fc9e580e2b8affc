using System.Security.Cryptography;
using System.Text;

namespace Cnn.Host.Data;

/// <summary>
/// Images of one size and the class of each. Pixels are unsigned bytes, 0 for background and 255 for
/// full ink, row-major as <c>[Count; Channels; Height; Width]</c>. Nobody may write to the arrays:
/// threads share them.
/// </summary>
/// <param name="Channels">Planes of an image: 1 for grey, 3 for colour.</param>
/// <param name="Height">Rows of an image, in pixels.</param>
/// <param name="Width">Columns of an image, in pixels.</param>
/// <param name="Pixels"><c>Count * Channels * Height * Width</c> bytes.</param>
/// <param name="Labels">One class an image, counted from 0.</param>
/// <exception cref="ArgumentException">A dimension is not positive, or the arrays disagree.</exception>
public sealed record LabelledImages(int Channels, int Height, int Width, byte[] Pixels, byte[] Labels)
{
    private readonly int spanned = Labels.Length == 0 ? 0 : Labels.Max() + 1;

    // Without setters, so that a `with` expression cannot get round the checks.

    /// <summary>Planes of an image: 1 for grey, 3 for colour.</summary>
    public int Channels { get; } = Positive(Channels, nameof(Channels));

    /// <summary>Rows of an image, in pixels.</summary>
    public int Height { get; } = Positive(Height, nameof(Height));

    /// <summary>Columns of an image, in pixels.</summary>
    public int Width { get; } = Positive(Width, nameof(Width));

    /// <summary>One class an image, counted from 0.</summary>
    public byte[] Labels { get; } = Labels;

    /// <summary>All images, one after the other, <see cref="ImageSize"/> bytes each.</summary>
    public byte[] Pixels { get; } =
        (Int128)Labels.Length * Channels * Height * Width == Pixels.Length
            ? Pixels
            : throw new ArgumentException(
                $"{Labels.Length} images of {Channels} x {Height} x {Width} do not fill {Pixels.Length} bytes.",
                nameof(Pixels)
            );

    /// <summary>How many images there are; 0 is allowed, for an empty split.</summary>
    public int Count => Labels.Length;

    /// <summary>Bytes of one image.</summary>
    public int ImageSize { get; } = checked(Channels * Height * Width);

    /// <summary>The name of each class, where the data has any; null for data that only numbers them.</summary>
    public IReadOnlyList<string>? ClassNames { get; init; }

    /// <summary>How many classes there are: those with names, or those that the labels span, the largest label plus 1.</summary>
    public int Classes => ClassNames?.Count ?? spanned;

    /// <summary>The name of a class; its number where it has none.</summary>
    public string NameOf(int label) => ClassNames?[label] ?? $"{label}";

    /// <summary>The pixels of one image, <c>[Channels; Height; Width]</c>, without a copy.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such image.</exception>
    public ReadOnlySpan<byte> Image(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        return Pixels.AsSpan(index * ImageSize, ImageSize);
    }

    /// <summary>A copy of <paramref name="count"/> images from <paramref name="start"/> on.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the set.</exception>
    public LabelledImages Slice(int start, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, Count);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Count - start);
        byte[] pixels = Pixels.AsSpan(start * ImageSize, count * ImageSize).ToArray();
        return new LabelledImages(Channels, Height, Width, pixels, Labels.AsSpan(start, count).ToArray())
        {
            ClassNames = ClassNames,
        };
    }

    /// <summary>
    /// The same images with the numbers that a model has for their classes, found by their names. Data without names has those
    /// numbers already.
    /// </summary>
    /// <param name="known">The names of the model's classes.</param>
    /// <exception cref="CommandException">Bad data: an image of a class that the model does not know.</exception>
    public LabelledImages WithClasses(IReadOnlyList<string> known)
    {
        if (ClassNames is null)
            return this;
        const int shown = 10;
        int[] places =
        [
            .. ClassNames.Select(name =>
                known.Index().Where(one => one.Item == name).Select(one => one.Index).FirstOrDefault(-1)
            ),
        ];
        byte[] labels = new byte[Count];
        for (int i = 0; i < Count; i++)
        {
            int place = places[Labels[i]];
            if (place < 0)
                throw CommandException.BadData(
                    $"the data has an image of class {ClassNames[Labels[i]]}, but the model knows only {string.Join(", ", known.Take(shown))}{(known.Count > shown ? ", …" : "")}; use the data that it was trained for."
                );
            labels[i] = (byte)place;
        }
        return new LabelledImages(Channels, Height, Width, Pixels, labels) { ClassNames = known };
    }

    /// <summary>
    /// The SHA-256 of shape, pixels, labels and the names of classes, in hexadecimal: equal digests, equal images in equal order.
    /// </summary>
    public string Digest()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.ASCII.GetBytes($"{Count}x{Channels}x{Height}x{Width}"));
        hash.AppendData(Pixels);
        hash.AppendData(Labels);
        foreach (string name in ClassNames ?? [])
            hash.AppendData(Encoding.UTF8.GetBytes($"{name}\n"));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static int Positive(int value, string name)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value, name);
        return value;
    }
}
