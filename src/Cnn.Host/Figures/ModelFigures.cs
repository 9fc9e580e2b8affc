using Cnn.Host.Data;
using Cnn.Host.Output;
using Cnn.Host.Runs;
using Cnn.Host.Training;

namespace Cnn.Host.Figures;

/// <summary>All figures of a model.</summary>
/// <param name="Model">The model.</param>
/// <param name="Path">Its file.</param>
/// <param name="Test">Test images that fit it.</param>
/// <param name="Layer">The one layer whose filters are shown; null for those of every convolution.</param>
/// <param name="Classes">The classes of which an image is followed; there are images of each.</param>
/// <param name="Threads">Threads to compute on.</param>
internal sealed record ModelFigures(
    Model Model,
    string Path,
    LabelledImages Test,
    int? Layer,
    IReadOnlyList<int> Classes,
    int Threads
)
{
    // more points would cover each other
    private const int MostPoints = 2000;

    // principal components of more numbers than this take fewer points: the smaller of both decides how long they take
    private const int ManyNumbers = 600;

    /// <summary>The names of the figures, and what draws each.</summary>
    /// <exception cref="CommandException">Usage: there are no filters in the layer.</exception>
    public IEnumerable<(string Name, Func<Figure> Draw)> All(CancellationToken stop)
    {
        foreach ((int place, FilterBank bank) in Banks().Index())
            yield return (
                place == 0 ? "learned_filters" : $"learned_filters_layer_{bank.Name}",
                () => FilterSheet.Draw(bank)
            );
        foreach (int label in Classes)
        {
            int index = Array.IndexOf(Test.Labels, (byte)label);
            Inspection inspection = Inspection.Of(Model, Test.Image(index).ToArray());
            yield return ($"activations_digit_{label}", () => ActivationSheet.Draw(inspection, Test, index));
            yield return ($"saliency_digit_{label}", () => SaliencySheet.Draw(inspection, Test, index));
        }
        yield return ("confusion_matrix", () => Confusion(stop));
        yield return (
            "mistakes",
            () => MistakeSheet.Draw(Test, Mistake.MostConfident(Model, Test, Threads, MistakeSheet.Most))
        );
        if (Embedding.LastHidden(Model) is { } hidden)
            yield return ("embedding", () => Points(hidden));
        if (Curves() is { Count: > 0 } epochs)
            yield return ("training_curves", () => new RunCurves(epochs, ChartTheme.Light).Draw());
    }

    private IReadOnlyList<FilterBank> Banks()
    {
        IReadOnlyList<FilterBank> all = FilterBank.Of(Model);
        if (Layer is not { } layer)
        {
            if (all.Count == 0)
                Consoles.Status("no learned_filters: the model has no convolution");
            return all;
        }
        FilterBank[] chosen =
        [
            .. all.Where(bank =>
                bank.Name == $"{layer}" || bank.Name.StartsWith($"{layer}.", StringComparison.Ordinal)
            ),
        ];
        return chosen.Length > 0
            ? chosen
            : throw new CommandException(
                ExitCode.Usage,
                all.Count == 0
                    ? $"--layer {layer} is not possible: the model has no convolution."
                    : $"--layer {layer} has no filters; layers with filters are {string.Join(", ", all.Select(bank => bank.Name.Split('.')[0]).Distinct())}."
            );
    }

    private Figure Confusion(CancellationToken stop)
    {
        EvaluationReport report = Evaluator.Evaluate(Model, Test, Threads, stop);
        return ConfusionFigure.Draw(
            report,
            Model.ClassNames,
            $"{Numbers.Percent(report.Accuracy)} of {report.Examples} test images recognised"
        );
    }

    private Figure Points(int hidden)
    {
        bool isWide =
            Model
                .Layers[hidden]
                .OutputShape.Split('x')
                .Aggregate(
                    1L,
                    (size, extent) => size * int.Parse(extent, System.Globalization.CultureInfo.InvariantCulture)
                ) > ManyNumbers;
        int count = Math.Min(Test.Count, isWide ? ManyNumbers : MostPoints);
        LabelledImages part = Test.Slice(0, count);
        return EmbeddingFigure.Draw(
            Embedding.Of(Model, hidden, part.Pixels, Threads),
            part.Labels,
            Model.ClassNames,
            $"{count} test images behind layer {hidden}, {Model.Layers[hidden].Text}"
        );
    }

    // those of the run that left the model, which lie beside it
    private IReadOnlyList<EpochLine> Curves()
    {
        string metrics = System.IO.Path.Combine(
            System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!,
            MetricsFile.FileName
        );
        if (File.Exists(metrics))
            return MetricsFile.Read(metrics).Epochs;
        Consoles.Status(
            "no training_curves: no metrics.jsonl lies beside the model; the folder of its run, in runs, has both"
        );
        return [];
    }
}
