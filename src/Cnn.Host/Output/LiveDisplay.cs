using Cnn.Host.Training;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Cnn.Host.Output;

/// <summary>
/// For people at a terminal: a bar on stderr while an epoch runs, which gives way to a row of a table on
/// stdout when it is over.
/// </summary>
internal sealed class LiveDisplay(IAnsiConsole console, int epochs, bool hasValidation) : ITrainingDisplay
{
    private readonly PlainDisplay plain = new(epochs, Consoles.Result);

    private readonly ColumnWriter table = new([
        ("epoch", 7),
        ("train loss", 10),
        ("train accuracy", 14),
        .. hasValidation ? new[] { ("validation loss", 15), ("validation accuracy", 19) } : [],
        ("learning rate", 13),
        ("images/s", 8),
        ("seconds", 7),
    ]);

    /// <inheritdoc/>
    public T During<T>(int epoch, int images, Func<Action<EpochProgress>?, T> work)
    {
        var figures = new FiguresColumn();
        return console
            .Progress()
            .AutoClear(true)
            .ExcludeVerticalPadding()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn { Width = 30 }, new PercentageColumn(), figures)
            .Start(context =>
            {
                ProgressTask task = context.AddTask($"epoch {epoch}/{epochs}", maxValue: images);
                return work(progress =>
                {
                    figures.Text = Describe(progress, images);
                    task.Value = progress.Images;
                });
            });
    }

    /// <inheritdoc/>
    public void Show(EpochResult result)
    {
        // the bar may be on a terminal while the results go to a file
        if (Console.IsOutputRedirected)
            plain.Show(result);
        else
            ShowRow(result);
    }

    private void ShowRow(EpochResult result) =>
        table.Write([
            $"{result.Epoch}/{epochs}",
            Numbers.Loss(result.Loss),
            Numbers.Percent(result.Accuracy),
            .. result.Validation is { } validation
                ? new[] { Numbers.Loss(validation.Loss), Numbers.Percent(validation.Accuracy) }
                : [],
            Numbers.Rate(result.LearningRate),
            Numbers.Speed(result.ImagesPerSecond),
            Numbers.Seconds(result.Seconds),
        ]);

    private static string Describe(EpochProgress progress, int images)
    {
        TimeSpan left = TimeSpan.FromSeconds(Math.Ceiling((images - progress.Images) / progress.ImagesPerSecond));
        return $"loss {Numbers.Loss(progress.Loss)}  {Numbers.Percent(progress.Accuracy)}  {Numbers.Speed(progress.ImagesPerSecond)} images/s  {left:h\\:mm\\:ss} left";
    }

    // Spectre's thread draws what the training thread set last.
    private sealed class FiguresColumn : ProgressColumn
    {
        private volatile string text = "";

        public string Text
        {
            set => text = value;
        }

        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text(text);
    }
}
