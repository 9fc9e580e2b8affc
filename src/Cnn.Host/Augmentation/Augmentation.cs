// Not Cnn.Host.Augmentation: from every other namespace of the host that name would hide the record.
namespace Cnn.Host.Augmentations;

/// <summary>
/// How training images are varied, so that the network cannot learn them by heart. Every draw comes
/// from the generator that the caller hands in; seeded by the run's seed, the epoch and the index of
/// the example, it makes an example's variation the same on any number of threads and after resuming.
/// </summary>
public abstract record Augmentation
{
    private Augmentation() { }

    /// <summary>The names that <see cref="Parse"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = ["none", "shift"];

    /// <summary>The name that <see cref="Parse"/> knows it by.</summary>
    public abstract string Name { get; }

    /// <summary>The augmentation of that name, with its default strength.</summary>
    /// <exception cref="CommandException">Usage: an unknown name.</exception>
    public static Augmentation Parse(string name) =>
        name switch
        {
            "none" => new None(),
            "shift" => new RandomShift(),
            _ => throw new CommandException(
                ExitCode.Usage,
                $"there is no augmentation '{name}'; choose one of {string.Join(", ", Names)}."
            ),
        };

    /// <summary>Writes a variation of one image.</summary>
    /// <param name="source">The image, <c>[channels; height; width]</c>.</param>
    /// <param name="destination">Receives the variation, as long as the source; must not overlap it.</param>
    /// <param name="channels">Planes of the image.</param>
    /// <param name="height">Rows, in pixels.</param>
    /// <param name="width">Columns, in pixels.</param>
    /// <param name="generator">Where the draws come from; it advances.</param>
    /// <exception cref="ArgumentException">A length is not the product of the sizes, or the spans overlap.</exception>
    public abstract void Apply(
        ReadOnlySpan<byte> source,
        Span<byte> destination,
        int channels,
        int height,
        int width,
        Random generator
    );

    /// <summary>The images as they are; draws nothing.</summary>
    public sealed record None : Augmentation
    {
        /// <inheritdoc/>
        public override string Name => "none";

        /// <inheritdoc/>
        public override void Apply(
            ReadOnlySpan<byte> source,
            Span<byte> destination,
            int channels,
            int height,
            int width,
            Random generator
        ) => Shift.Apply(source, destination, channels, height, width, dy: 0, dx: 0);
    }

    /// <summary>Moves the image by up to <paramref name="MaxShift"/> pixels each way, zeros coming in.</summary>
    /// <param name="MaxShift">The farthest move along either axis, in pixels; at least 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The distance is negative.</exception>
    public sealed record RandomShift(int MaxShift = 2) : Augmentation
    {
        /// <summary>The farthest move along either axis, in pixels.</summary>
        public int MaxShift { get; } =
            MaxShift is >= 0 and < int.MaxValue
                ? MaxShift
                : throw new ArgumentOutOfRangeException(nameof(MaxShift), MaxShift, "A distance is at least 0.");

        /// <inheritdoc/>
        public override string Name => "shift";

        /// <inheritdoc/>
        public override void Apply(
            ReadOnlySpan<byte> source,
            Span<byte> destination,
            int channels,
            int height,
            int width,
            Random generator
        )
        {
            int dy = generator.Next(-MaxShift, MaxShift + 1);
            int dx = generator.Next(-MaxShift, MaxShift + 1);
            Shift.Apply(source, destination, channels, height, width, dy, dx);
        }
    }
}
