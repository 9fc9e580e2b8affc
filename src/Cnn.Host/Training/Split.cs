using Cnn.Host.Data;

namespace Cnn.Host.Training;

/// <summary>Which training images are trained on, and which are held out.</summary>
/// <param name="Training">The first images.</param>
/// <param name="Validation">The last images; null when none are held out.</param>
internal sealed record Split(LabelledImages Training, LabelledImages? Validation)
{
    /// <summary>
    /// Holds out the last images, and takes the first of what remains. The two never overlap, and the
    /// held-out images are the same for every size of the rest.
    /// </summary>
    /// <param name="all">The training images of a data set.</param>
    /// <param name="trainSize">How many to train on; null for all that remain.</param>
    /// <param name="heldOut">How many to hold out.</param>
    /// <exception cref="CommandException">Usage: there are not so many images.</exception>
    public static Split Of(LabelledImages all, int? trainSize, int heldOut)
    {
        int left = all.Count - heldOut;
        if (left < 1)
            throw new CommandException(
                ExitCode.Usage,
                $"--validation {heldOut} leaves nothing to train on: the data has {all.Count} training images; hold out at most {all.Count - 1}."
            );
        int size = trainSize ?? left;
        if (size > left)
            throw new CommandException(
                ExitCode.Usage,
                $"--train-size {size} is too large: there are {all.Count} training images, and {heldOut} are held out; take at most {left}."
            );
        return new Split(
            // not a copy where all are wanted
            size == all.Count
                ? all
                : all.Slice(0, size),
            heldOut == 0 ? null : all.Slice(left, heldOut)
        );
    }
}
