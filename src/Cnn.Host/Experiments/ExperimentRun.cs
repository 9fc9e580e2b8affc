using Cnn.Host.Benchmarks;
using Cnn.Host.Data;
using Cnn.Host.Output;
using Cnn.Host.Training;

namespace Cnn.Host.Experiments;

/// <summary>The runs of <c>cnn experiment</c>, one seed after the other. What the file has is not computed again.</summary>
internal sealed class ExperimentRun
{
    private readonly ExperimentSettings settings;
    private readonly CancellationToken stop;
    private readonly IImageSource source;
    private readonly LabelledImages all;
    private readonly ExperimentFile file;
    private readonly Machine machine = Machine.Current();

    // opened when the first run is over, and not at all where images are held out
    private LabelledImages? test;

    /// <summary>Reads the training images and the file.</summary>
    /// <exception cref="CommandException">Either cannot be read.</exception>
    public ExperimentRun(ExperimentSettings settings, CancellationToken stop)
    {
        this.settings = settings;
        this.stop = stop;
        file = ExperimentFile.Open(settings.File);
        source = settings.Training.Data.Open();
        if (settings.Training.Validation == 0 && source.MissingTest is { } missing)
            throw CommandException.BadData(
                $"there are no test images to judge the seeds by: {missing}; hold training images out, such as --validation 1000."
            );
        all = source.LoadTraining(settings.Training.Data.Form);
        Config = ExperimentConfig.Of(settings.Training, all, source);
    }

    /// <summary>What the results depend on.</summary>
    public ExperimentConfig Config { get; }

    private IEnumerable<int> Seeds => Enumerable.Range(settings.FirstSeed, settings.Seeds);

    /// <summary>The results that the file has.</summary>
    /// <exception cref="CommandException">Bad data: some are missing.</exception>
    public IReadOnlyList<ExperimentResult> Known()
    {
        string missing = string.Join(", ", Seeds.Where(seed => file.Find(Config.Digest, seed) is null));
        return missing.Length == 0
            ? [.. Seeds.Select(seed => file.Find(Config.Digest, seed)!)]
            : throw CommandException.BadData(
                $"{settings.File} has no results of seed {missing} for this configuration; run them first, without --markdown."
            );
    }

    /// <summary>The result of every seed, computed and kept when it is asked for unless the file has it.</summary>
    /// <exception cref="CommandException">The file cannot be read or written.</exception>
    /// <exception cref="OperationCanceledException">The user wants to stop; the run at hand leaves nothing.</exception>
    public IEnumerable<ExperimentResult> Results()
    {
        foreach (int seed in Seeds)
        {
            // another process may have computed it meanwhile
            file.Refresh();
            if (file.Find(Config.Digest, seed) is not { } result)
            {
                result = Run(settings.Training with { Seed = seed });
                file.Append(result);
            }
            yield return result;
        }
    }

    private ExperimentResult Run(TrainSettings training)
    {
        TrainingSetup setup = TrainingSetup.Create(training, all);
        TrainingOutcome outcome = new TrainingLoop(
            training,
            setup.Batches,
            setup.Validation,
            new PlainDisplay(training.Recipe.Epochs, line => Consoles.Status($"seed {training.Seed}  {line}"))
        ).Run(setup.Trainer, best: null, stop);
        bool hasDiverged = outcome.Divergence is not null;
        if (!outcome.IsComplete && !hasDiverged)
            throw new OperationCanceledException(stop);
        if (hasDiverged)
            Consoles.Status($"seed {training.Seed}  {outcome.Divergence}");

        EvaluationReport? report = hasDiverged ? null : outcome.Epochs[^1].Validation ?? Test(outcome.Trainer);
        double seconds = 0;
        return new ExperimentResult(
            training.Recipe.Name,
            training.Recipe.Version,
            Config.Digest,
            Config.Settings,
            training.Seed,
            setup.Validation is null ? "test" : "validation",
            report?.Examples ?? 0,
            report?.Accuracy,
            report is null ? null : Finite(report.Loss),
            outcome.Epochs.Count,
            setup.Batches.Images,
            outcome.Seconds,
            outcome.Epochs.Count == 0 ? 0 : outcome.Epochs.Sum(epoch => (double)epoch.Images) / outcome.Seconds,
            training.Threads,
            machine.Processor,
            machine.Version,
            [
                .. outcome.Epochs.Select(epoch => new CurvePoint(
                    epoch.Epoch,
                    epoch.Loss,
                    epoch.Accuracy,
                    epoch.LearningRate,
                    seconds += epoch.Seconds,
                    epoch.Validation is null ? null : Finite(epoch.Validation.Loss),
                    epoch.Validation?.Accuracy
                )),
            ],
            hasDiverged,
            Build.Id
        );
    }

    // to its end: a second more, for what may have taken an hour to train
    private EvaluationReport Test(Trainer trainer) =>
        Evaluator.Evaluate(
            trainer.AveragedModel,
            test ??= TestImages.Load(source, trainer.Model),
            settings.Training.Threads,
            CancellationToken.None
        );

    // JSON has no word for infinity or NaN
    private static double? Finite(double number) => double.IsFinite(number) ? number : null;
}
