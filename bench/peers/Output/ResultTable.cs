using System.Globalization;
using System.Text;
using Cnn.Peers.Measuring;
using Cnn.Peers.Rows;
using Cnn.Peers.Torch;

namespace Cnn.Peers.Output;

/// <summary>What a row gave.</summary>
internal sealed record RowResult(Row Row, TorchSetting Setting, Agreement Agreement, IReadOnlyList<Pair> Pairs)
{
    /// <summary>The median of one of the numbers of each pair.</summary>
    public double Median(Func<Pair, double> number)
    {
        double[] sorted = [.. Pairs.Select(number).Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}

/// <summary>The results as a table in Markdown.</summary>
internal static class ResultTable
{
    /// <summary>The table, and on what it was measured.</summary>
    public static string Write(IReadOnlyList<RowResult> results) => $"{Machine.Describe()}.\n\n{WriteRows(results)}";

    /// <summary>The table alone.</summary>
    public static string WriteRows(IReadOnlyList<RowResult> results)
    {
        var text = new StringBuilder();
        text.Append("| row | work | ours, images/s | libtorch, images/s | ours / libtorch | least to most | ");
        text.Append("libtorch with | scores differ by |\n| --- | --- | ---: | ---: | ---: | --- | --- | --- |\n");
        foreach (RowResult result in results)
        {
            double ours = result.Median(pair => pair.Ours);
            double peer = result.Median(pair => pair.Peer);
            double ratio = result.Median(pair => pair.Ratio);
            double least = result.Pairs.Min(pair => pair.Ratio);
            double most = result.Pairs.Max(pair => pair.Ratio);
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {result.Row.Name} | {result.Row.Work} | {ours:N0} | {peer:N0} | {ratio:F2} | {least:F2} to {most:F2} | {result.Setting} | {result.Agreement.AtStart:0e-0} |\n"
            );
        }
        int pairs = results.Max(result => result.Pairs.Count);
        text.Append(
            CultureInfo.InvariantCulture,
            $"\nMedians of {pairs} pair{(pairs == 1 ? "" : "s")} of turns, one side after the other; above 1, ours is faster.\n"
        );
        return text.ToString();
    }
}
