using System.CommandLine;
using System.CommandLine.Parsing;

namespace Cnn.Peers.LeNet;

/// <summary>What can be compared of LeNet.</summary>
internal enum LeNetPart
{
    /// <summary>Losses and gradients, number by number.</summary>
    Exact,

    /// <summary>What trained networks recognise.</summary>
    Accuracy,

    /// <summary>Images a second.</summary>
    Speed,
}

/// <summary>What was asked for.</summary>
/// <param name="Parts">The parts to measure.</param>
/// <param name="Steps">Steps of training that are compared number by number.</param>
/// <param name="FirstSeed">Seed of the first training.</param>
/// <param name="Seeds">Trainings of each side.</param>
/// <param name="Epochs">Of each training.</param>
/// <param name="Pairs">Turns of each side in a row of the speeds.</param>
/// <param name="Quick">Whether the speeds are only a try.</param>
/// <param name="Out">Where the tables go, besides stdout; null for nowhere.</param>
internal sealed record LeNetRequest(
    IReadOnlyList<LeNetPart> Parts,
    int Steps,
    int FirstSeed,
    int Seeds,
    int Epochs,
    int Pairs,
    bool Quick,
    string? Out
);

/// <summary>The command `lenet`.</summary>
internal static class LeNetCommand
{
    /// <summary>The command; <paramref name="work"/> is what it does with a request.</summary>
    public static Command Create(Action<LeNetRequest> work)
    {
        LeNetPart[] all = Enum.GetValues<LeNetPart>();
        var only = new Option<IReadOnlyList<LeNetPart>?>("--only")
        {
            Description = $"The parts to measure, all unless given, with commas between: {Names(all)}.",
            HelpName = "PART[,PART]",
            CustomParser = given => ParseParts(given, all),
        };
        var steps = new CountOption("--steps", "Steps that are compared number by number", usual: 200, quick: 5);
        var firstSeed = new CountOption("--first-seed", "Seed of the first training", usual: 1, quick: 1);
        var seeds = new CountOption("--seeds", "Trainings of each side, seed after seed", usual: 5, quick: 1);
        var epochs = new CountOption("--epochs", "Epochs of a training", usual: 10, quick: 1);
        var pairs = new CountOption("--pairs", "Turns of each side where speed is measured", usual: 5, quick: 1);
        var quick = new Option<bool>("--quick") { Description = "Just try it: few of everything." };
        var output = new Option<string?>("--out") { Description = "Also write the tables here.", HelpName = "FILE" };
        var command = new Command("lenet", "Compares LeNet with that of libtorch: numbers, accuracy, speed.")
        {
            only,
            steps,
            firstSeed,
            seeds,
            epochs,
            pairs,
            quick,
            output,
        };
        command.SetAction(parsed =>
        {
            bool isQuick = parsed.GetValue(quick);
            work(
                new LeNetRequest(
                    parsed.GetValue(only) ?? all,
                    steps.Of(parsed, isQuick),
                    firstSeed.Of(parsed, isQuick),
                    seeds.Of(parsed, isQuick),
                    epochs.Of(parsed, isQuick),
                    pairs.Of(parsed, isQuick),
                    isQuick,
                    parsed.GetValue(output)
                )
            );
        });
        return command;
    }

    private static List<LeNetPart> ParseParts(ArgumentResult given, LeNetPart[] all)
    {
        var chosen = new List<LeNetPart>();
        foreach (string name in given.Tokens[0].Value.Split(','))
        {
            int part = Array.FindIndex(all, known => Name(known) == name);
            if (part >= 0)
                chosen.Add(all[part]);
            else
                given.AddError($"--only {name} is not known; the parts are {Names(all)}.");
        }
        return chosen;
    }

    private static string Names(IEnumerable<LeNetPart> parts) => string.Join(", ", parts.Select(Name));

    private static string Name(LeNetPart part) => part.ToString().ToLowerInvariant();
}
