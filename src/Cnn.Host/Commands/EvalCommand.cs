using System.CommandLine;
using Cnn.Host.Data;
using Cnn.Host.Models;
using Cnn.Host.Output;
using Cnn.Host.Training;

namespace Cnn.Host.Commands;

/// <summary><c>cnn eval</c>: how a model does on the test images.</summary>
internal static class EvalCommand
{
    public static Command Create()
    {
        Argument<string?> file = Options.ModelFile(optional: false, "The model, as cnn train wrote it.");
        Option<string?> data = Options.Data(
            $"Where the test images are: {Options.DataKinds}; the MNIST files of the program unless given."
        );
        Option<int> threads = Options.Threads();
        Option<bool> json = Options.Json();
        var command = new Command(
            "eval",
            "Test a model: accuracy, loss, precision and recall of each class, and the confusion matrix."
        )
        {
            file,
            data,
            threads,
            json,
        };
        command.SetWork(
            (parsed, stop) =>
            {
                Model model = ModelFiles.Load(parsed.GetRequiredValue(file)!);
                LabelledImages test = TestImages.Load(parsed.GetValue(data), model);
                int count = parsed.GetValue(threads);
                Actions.ReserveThreads(count);
                EvaluationReport report = Evaluator.Evaluate(model, test, count, stop);
                if (parsed.GetValue(json))
                    EvaluationOutput.WriteJson(report, model.ClassNames);
                else
                    EvaluationOutput.WriteText(report, model.ClassNames);
                return ExitCode.Success;
            }
        );
        return command;
    }
}
