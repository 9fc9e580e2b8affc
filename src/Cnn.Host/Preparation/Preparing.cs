using Cnn.Host.Data;

namespace Cnn.Host.Preparation;

/// <summary>How pictures are made into inputs of a model.</summary>
public enum PreparationKind
{
    /// <summary>As MNIST was made: see <see cref="DigitPreparation"/>.</summary>
    Mnist,

    /// <summary>As large as fits into the middle of the input, on black.</summary>
    Fit,
}

/// <summary>Makes pictures into inputs of a model.</summary>
public static class Preparing
{
    private const int Digits = 10;

    // more pixels on a side tell nothing more about a digit, and a photograph has many
    private const int LongestSide = 1024;

    /// <summary>What suits a model unless the user says otherwise: digits in one channel are made as MNIST was.</summary>
    public static PreparationKind KindFor(Model model) =>
        model.InputShape[0] == 1
        && model.Classes == Digits
        && model.ClassNames.Select((name, label) => name == $"{label}").All(isDigit => isDigit)
            ? PreparationKind.Mnist
            : PreparationKind.Fit;

    /// <summary>A picture of any size as the input of a model.</summary>
    /// <param name="name">What to call the picture in a complaint.</param>
    /// <param name="picture">The picture as it is in its file.</param>
    /// <param name="kind">How.</param>
    /// <param name="model">The model, which takes 1 or 3 channels, and 1 where it is to be done as MNIST was.</param>
    /// <exception cref="CommandException">Bad data: the sentence names the picture and the fault.</exception>
    public static PreparedPicture Prepare(string name, Picture picture, PreparationKind kind, Model model)
    {
        (int channels, int height, int width) = (model.InputShape[0], model.InputShape[1], model.InputShape[2]);
        var opened = new PreparationStep(
            "picture",
            $"{picture.Width}x{picture.Height} pixels, {(picture.Channels == 1 ? "grey" : "in colour")}",
            picture
        );
        if (kind == PreparationKind.Fit)
        {
            PreparedPicture fitted = Fit(picture, channels, height, width);
            return fitted with { Steps = [opened, .. fitted.Steps] };
        }
        Picture smaller = Reduce(picture);
        PreparedPicture digit = DigitPreparation.Prepare(name, smaller, height, width);
        if (smaller == picture)
            return digit with { Steps = [opened, .. digit.Steps] };
        var reduced = new PreparationStep("reduce", $"to {smaller.Width}x{smaller.Height} pixels", smaller);
        return digit with { Steps = [opened, reduced, .. digit.Steps] };
    }

    private static Picture Reduce(Picture picture)
    {
        if (Math.Max(picture.Height, picture.Width) <= LongestSide)
            return picture;
        (int height, int width) = picture.FitInto(LongestSide, LongestSide);
        return picture.Resized(height, width);
    }

    private static PreparedPicture Fit(Picture picture, int channels, int height, int width)
    {
        var steps = new List<PreparationStep>();
        Picture coloured = channels == 1 ? picture.ToGrey() : picture.ToColour();
        if (coloured.Channels != picture.Channels)
            steps.Add(
                channels == 1
                    ? new("grey", "0.299 red + 0.587 green + 0.114 blue", coloured)
                    : new("colour", "red, green and blue alike", coloured)
            );
        Picture fitted = coloured.Letterboxed(height, width);
        (int fittedHeight, int fittedWidth) = coloured.FitInto(height, width);
        if ((coloured.Height, coloured.Width) != (height, width))
            steps.Add(
                new(
                    "fit",
                    $"to {fittedWidth}x{fittedHeight}, in the middle of a black image of {width}x{height}",
                    fitted
                )
            );
        return new PreparedPicture(fitted, steps);
    }
}
