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

    /// <summary>Whether there is a moment to go on from.</summary>
    public bool Exist => File.Exists(folder[Last]);

    /// <summary>Saves a moment.</summary>
    /// <param name="trainer">The moment.</param>
    /// <param name="isBest">Whether it is the end of the best epoch so far.</param>
    /// <exception cref="CommandException">Write failed: what was there before still is.</exception>
    public void Save(Trainer trainer, bool isBest)
    {
        byte[] contents = trainer.Encode(run);
        // the best one first: the last one may say that there is one
        if (isBest)
            Write(Best, contents);
        Write(Last, contents);
    }

    /// <summary>The last moment, and the best one.</summary>
    /// <param name="start">The run before its first step.</param>
    /// <returns>The start where nothing was saved, and no best one where there is none.</returns>
    /// <exception cref="CommandException">Bad data: a file is damaged, missing, or not of this run.</exception>
    public (Trainer Last, Trainer? Best) Load(Trainer start)
    {
        if (!Exist)
            return (start, null);
        Trainer last = Read(Last, start);
        return (last, last.BestEpoch is null ? null : Read(Best, start));
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
                $"{path} is no checkpoint to go on from: {cause.Message.TrimEnd('.')}.",
                cause
            );
        }
    }
}
