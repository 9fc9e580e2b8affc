using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Cnn.Host.Commands;

/// <summary>A command line that one can type, and what it is for.</summary>
internal sealed record Example(string Line, string Purpose);

/// <summary>
/// What the help of each command ends with. A test reads these lines as the program would, and looks for a command that has none.
/// </summary>
internal static class Examples
{
    private const string Root = "";

    // by the names of commands; those of the program itself are a way to begin
    private static readonly Dictionary<string, Example[]> all = new()
    {
        [Root] =
        [
            new("cnn train --epochs 1", "learn MNIST, which comes with the program, in seconds"),
            new("cnn eval model.bin", "what was learned: accuracy, and what is taken for what"),
            new("cnn predict model.bin digit.png", "what is in a picture of your own"),
            new("cnn show model.bin --index 7", "one test image, and what the model takes it for"),
            new("cnn visualize model.bin", "pictures of its filters, its answers and its mistakes"),
            new("cnn train --help", "all that can be chosen; every command has such examples"),
        ],
        ["train"] =
        [
            new("cnn train --epochs 10", "MNIST with the usual recipe; model.bin, and a folder in runs with a report"),
            new("cnn train --recipe fast --out fast.bin", "a recipe of the program: some seconds"),
            new("cnn train --validation 5000 --patience 3", "stop when held-out images get no better"),
            new("cnn train --arch \"conv 16 5, relu, pool 2, flatten, dense classes\"", "a network of your own"),
            new(
                "cnn train --augment \"shift 2, rotate 10\" --optimizer adamw --lr 0.002",
                "other numbers than the recipe's"
            ),
            new("cnn train --data DIR", "your own images, in four IDX files as MNIST has"),
            new("cnn train --resume runs/NAME", "go on with a run that was stopped, as if it never had been"),
            new(
                "cnn train --recipe best --epochs 5 --print-config",
                "all numbers of a training, as a file for --recipe"
            ),
        ],
        ["eval"] =
        [
            new("cnn eval model.bin", "on the test images of MNIST"),
            new("cnn eval model.bin --data DIR", "on your own"),
            new("cnn eval model.bin --json", "for a program to read"),
        ],
        ["predict"] =
        [
            new("cnn predict model.bin digit.png", "one picture, in any size, on any ground"),
            new("cnn predict model.bin \"digits/**/*.png\" --json", "all below a folder, for a program to read"),
            new("cnn predict model.bin photo.jpg --explain", "each step from the photograph to the input"),
            new("cnn predict model.bin -", "a picture on stdin"),
        ],
        ["show"] =
        [
            new("cnn show model.bin --index 7", "a test image, counted from 0"),
            new("cnn show model.bin digit.png --invert", "a photograph of dark ink on white paper"),
            new("cnn show model.bin --index 7 --top 3", "the three most probable classes alone"),
        ],
        ["serve"] =
        [
            new("cnn serve model.bin", "a page to draw on, at http://127.0.0.1:8028"),
            new("cnn serve model.bin --port 0", "at a port that is free"),
        ],
        ["visualize"] =
        [
            new("cnn visualize model.bin", "all pictures, into the folder figures"),
            new("cnn visualize runs/NAME/model.bin --out figures --svg", "with learning curves, to enlarge"),
            new("cnn visualize model.bin --digits 3,8 --layer 0", "two classes, and the first filters"),
        ],
        ["augment"] =
        [
            new("cnn augment", "what the usual recipe makes of the first eight images"),
            new("cnn augment --augment \"rotate 15, elastic 34 4\" --preview out.png", "transforms of your own"),
            new("cnn augment --recipe best --index 100 --count 4", "those of a recipe, on other images"),
        ],
        ["export"] =
        [
            new("cnn export model.bin --onnx model.onnx", "for ONNX Runtime, and all that reads ONNX"),
            new("cnn export model.bin --pytorch weights.safetensors", "a state_dict for PyTorch"),
            new("cnn export model.bin --pytorch w.safetensors --map conv1=0,fc1=7", "with the names of your modules"),
        ],
        ["import"] =
        [
            new("cnn import model.onnx --out again.bin", "what cnn export wrote: the same model, to the last bit"),
            new(
                "cnn import lenet.onnx --pixels \"0.1307 0.3081\"",
                "what another program trained, on pixels that were normalised so"
            ),
            new("cnn import weights.safetensors --model lenet", "weights of PyTorch, and the network they are of"),
        ],
        ["guide"] =
        [
            new("cnn guide", "the parts, and where they are, to be read"),
            new("cnn guide 1", "the first: a window slides along a signal"),
        ],
        ["filter"] =
        [
            new("cnn filter photo.jpg --kernel sobel-x --out edges.png", "edges that stand"),
            new(
                "cnn filter photo.jpg --kernel \"1 0 -1; 2 0 -2; 1 0 -1\" --signed",
                "a kernel of your own, with its sign"
            ),
            new("cnn filter photo.jpg --kernel blur --grey", "in shades of grey"),
        ],
        ["experiment"] =
        [
            new("cnn experiment default --seeds 5", "five trainings, their mean and spread; default.jsonl keeps each"),
            new("cnn experiment fast --validation 5000 --reach 98.5", "without the test set: how long 98.5 % took"),
            new("cnn experiment fast --lr 0.1 --out higher.jsonl --plot curves.png", "a change to a recipe"),
            new("cnn experiment default --markdown", "the results so far as a table"),
        ],
        ["lr-find"] =
        [
            new("cnn lr-find", "the usual recipe: a table, a suggestion, and lr-find.png"),
            new("cnn lr-find --model lenet --optimizer sgd --lr-max 100", "another network and optimiser"),
        ],
        ["gradcheck"] =
        [
            new("cnn gradcheck", "every gradient; exit code 0 when all agree"),
            new("cnn gradcheck --seed 2", "on other random inputs"),
        ],
        ["summary"] =
        [
            new("cnn summary --model deep", "a network with a name"),
            new("cnn summary model.bin", "that of a model, how it was trained, and whether its file is whole"),
            new("cnn summary --arch \"conv 8 3, relu, pool 2, flatten, dense classes\"", "one that you think of"),
        ],
        ["bench"] =
        [
            new("cnn bench --quick", "all networks, roughly, within seconds"),
            new("cnn bench --models deep --seconds 3", "one of them, with care"),
            new("cnn bench --purity", "what fresh results for every step cost"),
        ],
        ["info"] =
        [
            new("cnn info", "the processor, its vectors, and what a core can do at best"),
            new("cnn info --json", "for a program to read"),
        ],
        ["completions"] =
        [
            new("cnn completions bash", "in ~/.bashrc: source <(cnn completions bash)"),
            new("cnn completions fish", "in ~/.config/fish/config.fish: cnn completions fish | source"),
        ],
    };

    /// <summary>The examples of a command; none where it has none.</summary>
    public static IReadOnlyList<Example> Of(Command command) =>
        all.GetValueOrDefault(command is RootCommand ? Root : command.Name, []);

    /// <summary>Lets the help of all commands end with their examples.</summary>
    /// <returns>What shows the help.</returns>
    public static SynchronousCommandLineAction AddTo(RootCommand root)
    {
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        var action = new HelpWithExamples((HelpAction)help.Action!);
        help.Action = action;
        return action;
    }

    /// <summary>The usual help, and what it lacks.</summary>
    private sealed class HelpWithExamples(HelpAction usual) : SynchronousCommandLineAction
    {
        // who asks for help need not have typed the rest
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parsed)
        {
            int code = usual.Invoke(parsed);
            Command command = parsed.CommandResult.Command;
            IReadOnlyList<Example> examples = Of(command);
            if (examples.Count == 0)
                return code;
            TextWriter output = parsed.InvocationConfiguration.Output;
            output.WriteLine(command is RootCommand ? "First steps:" : "Examples:");
            foreach (Example example in examples)
            {
                output.WriteLine($"  {example.Line}");
                output.WriteLine($"      {example.Purpose}");
            }
            output.WriteLine();
            return code;
        }
    }
}
