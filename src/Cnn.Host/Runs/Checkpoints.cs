using Cnn.Host.Models;

namespace Cnn.Host.Runs;

/// <summary>
/// The moments of a run from which it can go on, in files of its folder. A file is written aside, flushed, and takes the place of the
/// one before in one step: whenever the process or the machine dies, there is the old one or the new one, whole.
/// </summary>
/// <param name="folder">The folder of the run.</param>
/// <param name="run">A digest of its configuration, without which a checkpoint is not taken for one of this run.</param>
internal sealed class Checkpoints(RunFolder folder, string run)
{
    /// <summary>The file of the last moment.</summary>
    public const string Last = "last.safetensors";

    /// <summary>The file of the end of the epoch that did best on the held-out images.</summary>
    public const string Best = "best.safetensors";

    private byte[]? unsavedBest;

    /// <summary>Whether there is a moment to go on from.</summary>
    public bool Exist => File.Exists(folder[Last]);

    /// <summary>Saves a moment.</summary>
    /// <param name="trainer">The moment.</param>
    /// <param name="isBest">Whether it is the end of the best epoch so far.</param>
    /// <exception cref="CommandException">Write failed: what was there before still is.</exception>
    public void Save(Trainer trainer, bool isBest)
    {
        byte[] contents = Encode(trainer);
        if (isBest)
            unsavedBest = contents;
        // the best one first, whenever it could not be saved before: the last one says that there is one
        if (unsavedBest is { } best)
        {
            Write(Best, best);
            unsavedBest = null;
        }
        Write(Last, contents);
    }

    /// <summary>The last moment, and the best one.</summary>
    /// <param name="start">The run before its first step.</param>
    /// <param name="epochs">The epochs that the run has told of: more than one, and there must be a moment.</param>
    /// <param name="wantsBest">Whether the best one matters to how the run goes on.</param>
    /// <returns>The start where nothing was saved, and no best one where there is none.</returns>
    /// <exception cref="CommandException">Bad data: a file is damaged, missing, or not of this run.</exception>
    public (Trainer Last, Trainer? Best) Load(Trainer start, int epochs, bool wantsBest)
    {
        if (!Exist)
            return epochs > 1 || File.Exists(folder[Best])
                ? throw CommandException.BadData(
                    $"{folder[Last]} is missing, and the run has come further than its start; restore the file, or copy {Best} there, if there is one, to go on from the best epoch."
                )
                : (start, null);
        Trainer last = Read(Last, start);
        if (!wantsBest || last.BestEpoch is not { } epoch)
            return (last, null);
        Trainer best = Read(Best, start);
        // a later one is that of an epoch which will come again
        return best.Epoch >= epoch
            ? (last, best)
            : throw CommandException.BadData(
                $"{folder[Best]} is of epoch {best.Epoch}, but the best epoch of the run is {epoch}; restore the file from a copy."
            );
    }

    private byte[] Encode(Trainer trainer)
    {
        try
        {
            return trainer.Encode(run);
        }
        catch (CnnException cause)
        {
            throw new CommandException(ExitCode.WriteFailed, $"{cause.Message.TrimEnd('.')}.", cause);
        }
    }

    private void Write(string name, byte[] contents) =>
        OutputFile.Check(folder[name], option: "the file").Write(contents);

    private Trainer Read(string name, Trainer start)
    {
        string path = folder[name];
        byte[] contents = ModelFiles.Read(path);
        try
        {
            return start.Restore(contents, run);
        }
        catch (CnnException cause)
        {
            throw CommandException.BadData(
                $"{path} is no checkpoint to go on from: {cause.Message.TrimEnd('.')}; restore the file from a copy, or start a new run.",
                cause
            );
        }
    }
}
