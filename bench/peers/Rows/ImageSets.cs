using Cnn.Host;
using Cnn.Host.Data;

namespace Cnn.Peers.Rows;

/// <summary>The training images of MNIST, and what is made from them.</summary>
internal sealed class ImageSets
{
    private const int OddHeight = 33;
    private const int OddWidth = 31;

    // row and column of the digit's corner in each channel: at the edges, and so that no two agree
    private static readonly (int Row, int Column)[] OddCorners = [(0, 0), (2, 1), (5, 3)];

    private readonly LabelledImages digits;

    private ImageSets(LabelledImages digits) => this.digits = digits;

    /// <summary>Reads the files that travel with the host.</summary>
    /// <exception cref="CommandException">They are missing or damaged.</exception>
    public static ImageSets Load() => new(DataSource.Open(DataSource.Default).LoadTraining(ImageForm.Any));

    /// <summary>The first images of a kind.</summary>
    public LabelledImages Take(ImageKind kind, int count)
    {
        LabelledImages first = digits.Slice(0, Math.Min(count, digits.Count));
        return kind == ImageKind.Odd ? Odd(first) : first;
    }

    private static LabelledImages Odd(LabelledImages digits)
    {
        byte[] pixels = new byte[digits.Count * OddCorners.Length * OddHeight * OddWidth];
        for (int image = 0; image < digits.Count; image++)
        for (int channel = 0; channel < OddCorners.Length; channel++)
        for (int row = 0; row < digits.Height; row++)
        {
            (int top, int left) = OddCorners[channel];
            int plane = (image * OddCorners.Length + channel) * OddHeight;
            digits
                .Image(image)
                .Slice(row * digits.Width, digits.Width)
                .CopyTo(pixels.AsSpan((plane + top + row) * OddWidth + left));
        }
        return new LabelledImages(OddCorners.Length, OddHeight, OddWidth, pixels, digits.Labels);
    }
}
