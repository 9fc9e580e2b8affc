using System.Diagnostics;
using Cnn.Peers.Measuring;
using Cnn.Peers.Rows;

namespace Cnn.Peers.Torch;

/// <summary>Finds the setting with which libtorch is fastest at a row.</summary>
/// <param name="images">How many images each try of training takes, at most.</param>
/// <param name="rounds">How often each setting is tried; the best time counts.</param>
internal sealed class Tuning(int images, int rounds)
{
    private static readonly int[] InferenceBatches = [64, 128, 256, 512, 1024, 4096];

    // the largest batch twice, or it would not be tried
    private const int InferenceImages = 8_192;
    private static readonly bool[] Orders = [false, true];

    /// <summary>Tries all settings in turn, so that a slow moment of the machine spoils no single one.</summary>
    /// <param name="row">The row.</param>
    /// <param name="create">Makes libtorch ready with a setting.</param>
    public TorchSetting Best(Row row, Func<TorchSetting, ISide> create)
    {
        int count = Math.Min(row.Descent is null ? InferenceImages : images, row.Count);
        (TorchSetting Setting, ISide Side, double Seconds)[] tries =
        [
            .. Candidates(row).Select(setting => (setting, create(setting), double.PositiveInfinity)),
        ];
        foreach ((_, ISide side, _) in tries)
            side.Pass(count);
        for (int round = 0; round < rounds; round++)
        for (int i = 0; i < tries.Length; i++)
        {
            long started = Stopwatch.GetTimestamp();
            tries[i].Side.Pass(count);
            tries[i].Seconds = Math.Min(tries[i].Seconds, Stopwatch.GetElapsedTime(started).TotalSeconds);
        }
        foreach ((_, ISide side, _) in tries)
            side.Dispose();
        return tries.MinBy(attempt => attempt.Seconds).Setting;
    }

    private static IEnumerable<TorchSetting> Candidates(Row row)
    {
        bool choosesBatch = row.Descent is null && !row.PeerKeepsBatch;
        return from batchSize in choosesBatch ? InferenceBatches : [row.BatchSize]
            from threads in choosesBatch ? [row.MostPeerThreads] : ThreadCounts(row.MostPeerThreads)
            from channelsLast in Orders
            select new TorchSetting(channelsLast, threads, batchSize);
    }

    // all that a small machine has; of a large one powers of two, or it would take too long
    private static IEnumerable<int> ThreadCounts(int most) =>
        Enumerable.Range(1, most).Where(threads => most <= 8 || int.IsPow2(threads) || threads == most);
}
