using Cnn.Host.Data;
using Spectre.Console;

namespace Cnn.Host.Output;

/// <summary>
/// What <c>cnn show</c> prints. On a terminal with colours: half a character a pixel, and bars; else characters alone, the
/// same wherever they go.
/// </summary>
internal static class ShowOutput
{
    // what a terminal has that does not say how wide it is
    private const int UsualWidth = 80;
    private const int LeastWidth = 20;

    private const int LongestBar = 40;

    // beside a picture: mark, class, percentage and gaps
    private const int FiguresWidth = 24;
    private const int LeastBar = 10;

    // columns of a name: three digits
    private const int LeastName = 3;

    // dark to light
    private const string Ramp = " .:-=+*#%@";

    // makes a pixel about as wide as it is high
    private const int CharactersPerPixel = 2;

    /// <summary>Writes the image, a bar for each of some classes, and the answer.</summary>
    /// <param name="image">What is shown.</param>
    /// <param name="classes">At least one, the most probable of all among them.</param>
    public static void Write(ShownImage image, IReadOnlyList<ClassProbability> classes)
    {
        ClassProbability answer = classes.MaxBy(one => one.Probability);
        Consoles.Result(image.Caption);
        if (Consoles.FindColourTerminal() is { } terminal)
            WriteColours(terminal, image, classes, answer);
        else
            WritePlain(image, classes, answer);
        string verdict = image.Truth switch
        {
            null => "",
            { } truth when truth == answer.Name => ", which is right",
            { } truth => $", but it is class {truth}",
        };
        Consoles.Result($"answer: class {answer.Name} ({Numbers.Percent(answer.Probability)}){verdict}");
    }

    /// <summary>Rows of characters from a space for black to @ for white, two for each pixel; no space ends a row.</summary>
    public static IEnumerable<string> Characters(Picture picture)
    {
        Picture grey = picture.ToGrey();
        for (int row = 0; row < grey.Height; row++)
        {
            ReadOnlySpan<byte> pixels = grey.Plane(0).Slice(row * grey.Width, grey.Width);
            var line = new System.Text.StringBuilder();
            foreach (byte value in pixels)
                line.Append(Ramp[value * Ramp.Length / 256], CharactersPerPixel);
            yield return line.ToString().TrimEnd();
        }
    }

    private static void WritePlain(ShownImage image, IReadOnlyList<ClassProbability> classes, ClassProbability answer)
    {
        foreach (string row in Characters(Reduce(image.Picture, UsualWidth / CharactersPerPixel)))
            Consoles.Result(row);
        int names = Widest(classes);
        foreach (ClassProbability one in classes)
        {
            string mark = one == answer ? ">" : " ";
            string bar = new('#', BarLength(one, LongestBar));
            Consoles.Result(
                $"{mark} {one.Name.PadLeft(names)}  {Numbers.Percent(one.Probability), 8}  {bar}".TrimEnd()
            );
        }
    }

    private static void WriteColours(
        IAnsiConsole terminal,
        ShownImage image,
        IReadOnlyList<ClassProbability> classes,
        ClassProbability answer
    )
    {
        int width = terminal.Profile.Width < LeastWidth ? UsualWidth : terminal.Profile.Width;
        Picture reduced = Reduce(image.Picture, Math.Min(width, UsualWidth));
        var blocks = new HalfBlocks(reduced);
        int figures = FiguresWidth + Widest(classes) - LeastName;
        int beside = width - reduced.Width - figures;
        if (beside < LeastBar)
        {
            terminal.Write(blocks);
            terminal.Write(Bars(image, classes, answer, Math.Clamp(width - figures, 1, LongestBar)));
            return;
        }
        Grid grid = new Grid()
            .AddColumn(new GridColumn().Width(reduced.Width).NoWrap().PadLeft(0).PadRight(3))
            .AddColumn(new GridColumn().NoWrap().PadLeft(0).PadRight(0));
        grid.AddRow(blocks, Bars(image, classes, answer, Math.Min(beside, LongestBar)));
        terminal.Write(grid);
    }

    private static Grid Bars(
        ShownImage image,
        IReadOnlyList<ClassProbability> classes,
        ClassProbability answer,
        int longest
    )
    {
        Grid grid = new Grid()
            .AddColumn(new GridColumn().NoWrap().RightAligned().PadLeft(0).PadRight(2))
            .AddColumn(new GridColumn().NoWrap().RightAligned().PadLeft(0).PadRight(2))
            .AddColumn(new GridColumn().NoWrap().PadLeft(0).PadRight(0));
        foreach (ClassProbability one in classes)
        {
            bool isAnswer = one == answer;
            // where the class is known, a wrong answer is red, and the right class green
            Color colour =
                image.Truth == one.Name ? Color.Green
                : !isAnswer ? Color.Grey
                : image.Truth is null ? Color.Aqua
                : Color.Red;
            var style = new Style(colour, decoration: isAnswer ? Decoration.Bold : Decoration.None);
            grid.AddRow(
                new Text($"{(isAnswer ? "▶" : " ")} {one.Name}", style),
                new Text(Numbers.Percent(one.Probability), style),
                new Text(new string('█', BarLength(one, longest)), new Style(colour))
            );
        }
        return grid;
    }

    private static int Widest(IReadOnlyList<ClassProbability> classes) =>
        Math.Max(LeastName, classes.Max(one => one.Name.Length));

    private static int BarLength(ClassProbability one, int longest) => (int)Math.Round(one.Probability * longest);

    // into a square of that side, if it is larger
    private static Picture Reduce(Picture picture, int most)
    {
        if (picture.Height <= most && picture.Width <= most)
            return picture;
        (int height, int width) = picture.FitInto(most, most);
        return picture.Resized(height, width);
    }
}
