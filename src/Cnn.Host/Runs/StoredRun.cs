using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Cnn.Host.Benchmarks;
using Cnn.Host.Data;
using Cnn.Host.Experiments;
using Cnn.Host.Models;
using Cnn.Host.Recipes;
using Cnn.Host.Reports;
using Cnn.Host.Training;

namespace Cnn.Host.Runs;

/// <summary>A run that has begun, as its folder tells; nobody else can go on with it until this is disposed of.</summary>
internal sealed class StoredRun : IDisposable
{
    private readonly RunLock held;

    // nobody else writes to the file as long as the run is held
    private readonly Lazy<MetricsFile> metrics;

    private StoredRun(RunFolder folder, RunLock held, byte[] config, JsonElement root)
    {
        this.held = held;
        Folder = folder;
        Digest = RunConfig.DigestOf(config);
        metrics = new Lazy<MetricsFile>(ReadMetrics);
        string path = folder[RunConfig.FileName];
        var fields = new RecipeFields(path, root);
        Recipe recipe = RecipeFile.Read(path, fields.Object(RunConfig.Recipe));
        Command = fields.Text(RunConfig.Command);
        Output = fields.Text(RunConfig.Output);
        Images = fields.Text(RunConfig.Images);
        Started = DateTimeOffset.TryParse(
            fields.Text(RunConfig.Started),
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal,
            out DateTimeOffset time
        )
            ? time
            : throw CommandException.BadData($"{path}, key \"{RunConfig.Started}\": that is not a time.");
        Settings = new TrainSettings(
            recipe,
            new NetworkChoice(recipe.Arch, path),
            fields.WholeIfGiven(RunConfig.TrainSize, least: 1),
            fields.Whole(RunConfig.Validation, least: 0),
            fields.WholeIfGiven(RunConfig.Patience, least: 1),
            fields.Whole(RunConfig.Seed, least: int.MinValue),
            fields.Whole(RunConfig.Threads, least: 1),
            new DataChoice(
                fields.TextIfGiven(RunConfig.Data),
                // older runs lack them
                new ImageForm(
                    fields.WholeIfGiven(RunConfig.Channels, least: 1),
                    fields.WholeIfGiven(RunConfig.Height, least: 1),
                    fields.WholeIfGiven(RunConfig.Width, least: 1)
                )
            ),
            fields.Text(RunConfig.ModelCommand)
        );
        var program = new RecipeFields(path, fields.Object(RunConfig.Program));
        var machine = new RecipeFields(path, fields.Object(RunConfig.Machine));
        OtherSystem =
            program.Text(RunConfig.BuildId) != Build.Id ? "another build of the program"
            : machine.Text(RunConfig.Processor) != Machine.Current().Processor ? "another processor"
            : null;
    }

    /// <summary>The folder.</summary>
    public RunFolder Folder { get; }

    /// <summary>The SHA-256 of the configuration, which its checkpoints name.</summary>
    public string Digest { get; }

    /// <summary>The command line that repeats the run.</summary>
    public string Command { get; }

    /// <summary>Where its model goes.</summary>
    public string Output { get; }

    /// <summary>The digest of the training images.</summary>
    public string Images { get; }

    /// <summary>When it started.</summary>
    public DateTimeOffset Started { get; }

    /// <summary>How it trains.</summary>
    public TrainSettings Settings { get; }

    /// <summary>Its epochs and its result, as far as it has come.</summary>
    /// <exception cref="CommandException">Bad data: its lines are damaged.</exception>
    public MetricsFile Metrics => metrics.Value;

    /// <summary>Whether it has come to its end, and left all that it was to leave.</summary>
    /// <exception cref="CommandException">Bad data: a file cannot be read.</exception>
    public bool IsComplete =>
        Metrics.Result is { End: RunEnd.Completed, Model: { } model }
        && File.Exists(Folder[RunReport.FileName])
        && File.Exists(Folder[RunRecord.ModelName])
        && Convert.ToHexStringLower(SHA256.HashData(ModelFiles.Read(Folder[RunRecord.ModelName]))) == model;

    /// <summary>What is not as it was when the run began, and may change how sums are rounded; null where nothing is.</summary>
    public string? OtherSystem { get; }

    /// <summary>Reads the configuration of a run, and keeps others from going on with it.</summary>
    /// <exception cref="CommandException">Bad data: there is no run, or its configuration is damaged; usage: it is still going on.</exception>
    public static StoredRun Open(string path)
    {
        var folder = new RunFolder(path);
        if (!File.Exists(folder[RunConfig.FileName]))
            throw CommandException.BadData(
                $"there is no run in {path}: {folder[RunConfig.FileName]} is missing; give the folder that a cnn train left, such as those in {RunFolder.Parent}."
            );
        RunLock held = RunLock.Take(folder);
        try
        {
            byte[] config = held.ReadConfig();
            if (config.Length > RunConfig.MostBytes)
                throw CommandException.BadData($"{folder[RunConfig.FileName]} is too large for that of a run.");
            using JsonDocument document = JsonDocument.Parse(config);
            return new StoredRun(folder, held, config, document.RootElement);
        }
        catch (JsonException cause)
        {
            held.Dispose();
            throw CommandException.BadData(
                $"{folder[RunConfig.FileName]} is damaged: it is not JSON; restore it from a copy.",
                cause
            );
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => held.Dispose();

    private MetricsFile ReadMetrics() =>
        File.Exists(Folder[MetricsFile.FileName])
            ? MetricsFile.Read(Folder[MetricsFile.FileName])
            : new MetricsFile([], Result: null);
}
