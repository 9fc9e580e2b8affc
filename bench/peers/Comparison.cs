using Cnn.Host.Data;
using Cnn.Peers.Measuring;
using Cnn.Peers.Ours;
using Cnn.Peers.Output;
using Cnn.Peers.Rows;
using Cnn.Peers.Torch;

namespace Cnn.Peers;

/// <summary>Measures the rows that were asked for, and says what happens.</summary>
internal sealed class Comparison(Request request)
{
    private const int Seed = 1;
    private const int QuickPart = 10;

    private readonly Tuning tuning = request.Quick ? new(images: 2_000, rounds: 2) : new(images: 4_000, rounds: 3);

    /// <summary>Runs all rows and gives what they gave.</summary>
    public IReadOnlyList<RowResult> Run()
    {
        ImageSets sets = ImageSets.Load();
        return [.. request.Rows.Select(row => Measure(Sized(row), sets))];
    }

    private Row Sized(Row row) => request.Quick ? row with { Count = row.Count / QuickPart } : row;

    private RowResult Measure(Row row, ImageSets sets)
    {
        Console.WriteLine($"{row.Name}: {row.Work}, {row.Count} images a turn: {row.Architecture}");
        LabelledImages images = sets.Take(row.Images, row.Count);
        Model model = Model.Create(row.Architecture, images.Channels, images.Height, images.Width, "he", Seed);
        using var torchImages = new TorchImages(images);
        TorchSetting setting = tuning.Best(row, choice => Peer(row, model, torchImages, choice));
        Console.WriteLine($"  libtorch is fastest with {setting}");

        using ISide ours = Ours(row, model, images);
        using ISide peer = Peer(row, model, torchImages, setting);
        Agreement agreement = Agreement.Check(row, ours, peer);
        Console.WriteLine($"  scores differ by {agreement}");
        var contest = new Contest(ours, peer, row.Count);
        contest.Warm(some: 1_000);
        var pairs = new List<Pair>();
        for (int i = 0; i < request.Pairs; i++)
        {
            Pair pair = contest.Run(i);
            Console.WriteLine(
                $"  pair {i + 1}: ours {pair.Ours:F0} images/s, libtorch {pair.Peer:F0} images/s, ratio {pair.Ratio:F3}"
            );
            pairs.Add(pair);
        }
        Agreement.CheckFinite(row, ours, peer);
        var result = new RowResult(row, setting, agreement, pairs);
        Console.WriteLine($"  median ratio {result.Median(pair => pair.Ratio):F3}");
        return result;
    }

    private static ISide Ours(Row row, Model model, LabelledImages images) =>
        row.Descent is { } descent
            ? new OurTraining(row, descent, model, images)
            : new OurInference(row, model, images);

    private static ISide Peer(Row row, Model model, TorchImages images, TorchSetting setting) =>
        row.Descent is { } descent
            ? new TorchTraining(model, descent, images, setting)
            : new TorchInference(model, images, setting);
}
