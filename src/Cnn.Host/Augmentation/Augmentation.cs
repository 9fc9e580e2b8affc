// Not Cnn.Host.Augmentation: from every other namespace of the host that name would hide the record.
namespace Cnn.Host.Augmentations;

/// <summary>
/// How training images are varied, so that the network cannot learn them by heart: the strengths of
/// the transforms, 0 for those that are not wanted. <see cref="Parse"/> and <see cref="Text"/> give it
/// a text form. In whatever order they are written, an image is mirrored, sheared, scaled, rotated and
/// shifted about its centre, then deformed, and sampled once; last, a part of it is erased.
/// </summary>
/// <remarks>
/// Every draw comes from the generator that the caller hands in; seeded by the run's seed, the epoch and
/// the index of the example, it makes an example's variation the same on any number of threads and after
/// resuming. The order of the draws is part of that: rows and columns of the shift, angle, scale, shear,
/// flip, noise of the deformation, then the erasing. A transform that is not wanted draws nothing.
/// </remarks>
public sealed record Augmentation
{
    private readonly int shift;
    private readonly double rotation;
    private readonly double scale;
    private readonly double shear;
    private readonly double flip;
    private readonly double alpha;
    private readonly double sigma = Strength.ElasticSigma.Default;
    private readonly double erase;

    /// <summary>The images as they are; draws nothing.</summary>
    public static Augmentation None { get; } = new();

    /// <summary>Moves by up to so many whole pixels, down or up and right or left.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not within 0 to 10,000.</exception>
    public int ShiftPixels
    {
        get => shift;
        init => shift = (int)Strength.Shift.Checked(value);
    }

    /// <summary>Rotates by up to so many degrees, either way.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not within 0 to 180.</exception>
    public double RotationDegrees
    {
        get => rotation;
        init => rotation = Strength.Rotation.Checked(value);
    }

    /// <summary>Enlarges by a factor from 1 - s to 1 + s.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not within 0 to 0.9.</exception>
    public double ScaleChange
    {
        get => scale;
        init => scale = Strength.Scale.Checked(value);
    }

    /// <summary>Slants upright lines by up to so many degrees, either way.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not within 0 to 60.</exception>
    public double ShearDegrees
    {
        get => shear;
        init => shear = Strength.Shear.Checked(value);
    }

    /// <summary>How often left and right are exchanged; only for things that may face either way, which digits may not.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not within 0 to 1.</exception>
    public double FlipProbability
    {
        get => flip;
        init => flip = Strength.FlipProbability.Checked(value);
    }

    /// <summary>The alpha of <see cref="ElasticField"/>, in pixels.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not within 0 to 1,000.</exception>
    public double ElasticAlpha
    {
        get => alpha;
        init => alpha = Strength.ElasticAlpha.Checked(value);
    }

    /// <summary>The sigma of <see cref="ElasticField"/>, in pixels; without meaning while alpha is 0.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not within 0.5 to 32.</exception>
    public double ElasticSigma
    {
        get => sigma;
        init => sigma = Strength.ElasticSigma.Checked(value);
    }

    /// <summary>How often <see cref="Erasing"/> happens.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not within 0 to 1.</exception>
    public double EraseProbability
    {
        get => erase;
        init => erase = Strength.EraseProbability.Checked(value);
    }

    /// <summary>Whether images stay as they are.</summary>
    public bool IsNone => ShiftPixels == 0 && EraseProbability == 0 && !Resamples;

    /// <summary>Whether pixels are moved by more than a copy: that costs as much as a part of the training.</summary>
    public bool Resamples =>
        RotationDegrees > 0 || ScaleChange > 0 || ShearDegrees > 0 || FlipProbability > 0 || ElasticAlpha > 0;

    /// <summary>The text form: <see cref="Parse"/> gives the same augmentation back.</summary>
    public string Text => AugmentationText.Format(this);

    /// <summary>
    /// Reads "none", or transforms with commas between, each once and in any order, with their strengths
    /// or without: <c>shift 2, rotate 10, scale 0.1, shear 5, flip 0.5, elastic 34 4, erase 0.5</c> has the defaults.
    /// </summary>
    /// <exception cref="CommandException">Usage: the sentence says what cannot be read.</exception>
    public static Augmentation Parse(string text) => AugmentationText.Parse(text);

    /// <inheritdoc/>
    public override string ToString() => Text;

    /// <summary>Writes a variation of one image.</summary>
    /// <param name="source">The image, <c>[channels; height; width]</c>.</param>
    /// <param name="destination">Receives the variation, as long as the source; must not overlap it.</param>
    /// <param name="channels">Planes of the image, all varied alike.</param>
    /// <param name="height">Rows, in pixels.</param>
    /// <param name="width">Columns, in pixels.</param>
    /// <param name="generator">Where the draws come from; it advances.</param>
    /// <exception cref="ArgumentException">A length is not the product of the sizes, or the spans overlap.</exception>
    public void Apply(
        ReadOnlySpan<byte> source,
        Span<byte> destination,
        int channels,
        int height,
        int width,
        Random generator
    )
    {
        Placement placement = Placement.Draw(this, generator);
        if (ElasticAlpha > 0)
        {
            Scratch scratch = Scratch.OfThread;
            int length = ElasticField.Length(height, width);
            Span<float> right = scratch.Right(length);
            Span<float> down = scratch.Down(length);
            ElasticField.Draw(ElasticAlpha, ElasticSigma, height, width, generator, right, down);
            Warp.Apply(source, destination, channels, height, width, placement, right, down);
        }
        else if (placement.IsShift)
            Shift.Apply(source, destination, channels, height, width, placement.Down, placement.Right);
        else
            Warp.Apply(source, destination, channels, height, width, placement);
        if (EraseProbability > 0)
            Erasing.Apply(destination, channels, height, width, EraseProbability, generator);
    }
}
