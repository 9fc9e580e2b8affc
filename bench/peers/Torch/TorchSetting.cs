namespace Cnn.Peers.Torch;

/// <summary>What there is to choose when libtorch computes the same network.</summary>
/// <param name="ChannelsLast">Whether the channels of a pixel are neighbours in memory, or else those of a row.</param>
/// <param name="Threads">Threads within an operation.</param>
/// <param name="BatchSize">Images that go through the network together.</param>
internal readonly record struct TorchSetting(bool ChannelsLast, int Threads, int BatchSize)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"{(ChannelsLast ? "channels_last" : "contiguous")}, {Threads} thread{(Threads == 1 ? "" : "s")}, batch {BatchSize}";
}
