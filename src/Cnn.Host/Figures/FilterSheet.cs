namespace Cnn.Host.Figures;

/// <summary>The kernels of a convolution.</summary>
public static class FilterSheet
{
    // of a picture that one can still look at
    private const int MostFilters = 64;
    private const int MostChannels = 23;
    private const int SmallSide = 27;

    /// <summary>
    /// A map for each kernel, in the order of the weights, in one scale about 0: filters one after the other where there is one
    /// input channel, else a row for each filter and a column for each channel.
    /// </summary>
    public static TilePanel PanelOf(FilterBank bank)
    {
        IReadOnlyList<int> shape = bank.Weights.Shape;
        (int filters, int channels, int height, int width) = (shape[0], shape[1], shape[2], shape[3]);
        (int shownFilters, int shownChannels) = (Math.Min(filters, MostFilters), Math.Min(channels, MostChannels));
        float[] weights = bank.Weights.Values.ToArray();
        int size = height * width;
        Tile[] tiles =
        [
            .. from filter in Enumerable.Range(0, shownFilters)
            from channel in Enumerable.Range(0, shownChannels)
            let first = (filter * channels + channel) * size
            select new Tile(channels == 1 ? $"filter {filter}" : "", height, width, weights[first..(first + size)]),
        ];
        string filterCount = Of(shownFilters, filters, "filters");
        return channels == 1
            ? new TilePanel($"{filterCount} of {height}x{width}", tiles, TileColours.Diverging)
            : new TilePanel(
                $"{filterCount}, a row each, of {Of(shownChannels, channels, "input channels")}, a column each, of {height}x{width}",
                tiles,
                TileColours.Diverging,
                SmallSide,
                shownChannels
            );
    }

    /// <summary>The picture.</summary>
    internal static Figure Draw(FilterBank bank) =>
        new TileSheet($"Filters of layer {bank.Name}, {bank.Text}", [PanelOf(bank)]).Draw();

    private static string Of(int shown, int all, string what) =>
        shown == all ? $"{all} {what}" : $"the first {shown} of {all} {what}";
}
