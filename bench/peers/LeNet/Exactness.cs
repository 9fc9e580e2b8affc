using Cnn.Host;
using Cnn.Host.Augmentations;
using Cnn.Host.Data;
using Cnn.Peers.Measuring;

namespace Cnn.Peers.LeNet;

/// <summary>What both sides compute, number by number, over some steps of training.</summary>
/// <param name="Steps">How many.</param>
/// <param name="InDouble">Free runs in double precision, whose losses have a bound.</param>
/// <param name="Gradients">The same weights on both sides before each step, in float32: losses and gradients have a bound.</param>
/// <param name="InSingle">Free runs in float32: steps multiply the rounding of the first, so that there is no bound.</param>
internal sealed record Exactness(
    int Steps,
    IReadOnlyList<FreeRun> InDouble,
    IReadOnlyList<GradientRun> Gradients,
    IReadOnlyList<FreeRun> InSingle
)
{
    /// <summary>Images in a mini-batch.</summary>
    public const int BatchSize = 128;

    /// <summary>How far losses may be apart in double precision, as a part of them.</summary>
    public const double MostInDouble = 1e-9;

    // the part of the steps that may need an explanation
    private const double MostExplained = 0.05;

    private const int Seed = 1;

    /// <summary>Trains LeNet on the first batches of an epoch with every rule.</summary>
    public static Exactness Measure(LabelledImages images, int steps, int threads)
    {
        Model model = LeNetModel.Create(images, Seed);
        Trainer start = Trainer.Start(model, "sgd", Seed);
        Batch[] batches = [.. Batches.Of(images, BatchSize, Augmentation.None, start).Take(steps)];
        return new Exactness(
            batches.Length,
            Each("float64, free-running", rule => FreeRun.Of(rule, model, InDouble(), threads)),
            Each("float32, our weights", rule => GradientRun.Of(rule, model, InSingle(), threads)),
            Each("float32, free-running", rule => FreeRun.Of(rule, model, InSingle(), threads))
        );

        IEnumerable<Inputs<double>> InDouble() =>
            batches.Select(batch => Inputs<double>.Of(batch, images.Height, images.Width));

        IEnumerable<Inputs<float>> InSingle() =>
            batches.Select(batch => Inputs<float>.Of(batch, images.Height, images.Width));
    }

    /// <summary>Refuses results that miss a bound.</summary>
    /// <exception cref="CommandException">One does; also for what is not a number.</exception>
    public void Check()
    {
        foreach (FreeRun run in InDouble)
            Expect($"losses of {run.Rule.Name} in float64", Difference.Largest(run.Differences), MostInDouble);
        foreach (GradientRun run in Gradients)
        {
            Expect($"losses of {run.Rule.Name}", Difference.Largest(run.Losses), GradientRun.MostDifference);
            foreach ((string name, List<double> differences) in run.Gradients)
                Expect(
                    $"gradients of {name} with {run.Rule.Name}",
                    Difference.Largest(differences),
                    GradientRun.MostDifference
                );
            if (run.Explained.Count > MostExplained * Steps)
                throw new CommandException(
                    ExitCode.CheckFailed,
                    $"gradients of {run.Rule.Name} differ at {run.Explained.Count} steps of {Steps}; kinks and rounding can explain few."
                );
        }
    }

    private static void Expect(string what, double difference, double most)
    {
        if (!(difference <= most))
            throw new CommandException(
                ExitCode.CheckFailed,
                $"{what} differ by {difference:0.0e-0} from those of libtorch; they may by {most:0e-0}."
            );
    }

    private static TRun[] Each<TRun>(string what, Func<Rule, TRun> measure) =>
        [
            .. Rule.All.Select(rule =>
            {
                Console.WriteLine($"{what}: {rule.Name}");
                return measure(rule);
            }),
        ];
}
