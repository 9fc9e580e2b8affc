using System.CommandLine;
using System.CommandLine.Invocation;
using Cnn.Host.Commands;
using Cnn.Host.Output;

namespace Cnn.Host;

/// <summary>
/// The entry point: reads the command line, runs one command, and turns whatever goes wrong into one
/// sentence on stderr and an exit code.
/// </summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        try
        {
            ParseResult parsed = Parse(args);
            if (parsed.Errors.Count > 0)
                throw new CommandException(ExitCode.Usage, UsageErrors.Describe(parsed));
            int code = await parsed.InvokeAsync(
                new InvocationConfiguration
                {
                    EnableDefaultExceptionHandler = false,
                    // Ctrl-C and SIGTERM cancel the token of the command; then the command has all the
                    // time that it needs, so that saving a model is never cut off
                    ProcessTerminationTimeout = Timeout.InfiniteTimeSpan,
                }
            );
            return code == (int)ExitCode.Success && Consoles.HasLostResults ? (int)ExitCode.WriteFailed : code;
        }
        catch (Exception cause)
        {
            (ExitCode code, string sentence) = Explain(cause);
            Consoles.Complain(sentence);
            return (int)code;
        }
    }

    /// <summary>Reads a command line; runs nothing.</summary>
    internal static ParseResult Parse(IReadOnlyList<string> args) =>
        BuildRoot()
            .Parse(
                args,
                new ParserConfiguration
                {
                    // no option has a short form, and a file may well be called @model
                    EnablePosixBundling = false,
                    ResponseFileTokenReplacer = null,
                }
            );

    private static RootCommand BuildRoot()
    {
        var root = new RootCommand(
            """
            Trains, tests and inspects convolutional neural networks for images.

            Exit codes: 0 done; 1 a check failed; 2 wrong command line; 3 a file is missing or damaged;
            4 training diverged; 70 the program gave up; 74 a result cannot be written; 130 interrupted.
            """
        )
        {
            TrainCommand.Create(),
            EvalCommand.Create(),
            PredictCommand.Create(),
            ShowCommand.Create(),
            ServeCommand.Create(),
            VisualizeCommand.Create(),
            AugmentCommand.Create(),
            FilterCommand.Create(),
            ExperimentCommand.Create(),
            LearningRateCommand.Create(),
            GradcheckCommand.Create(),
            SummaryCommand.Create(),
            ExportCommand.Create(),
            ImportCommand.Create(),
            BenchCommand.Create(),
            InfoCommand.Create(),
            GuideCommand.Create(),
            CompletionsCommand.Create(),
        };
        SynchronousCommandLineAction help = Examples.AddTo(root);
        root.SetAction(help.Invoke);
        Suggestions.AddTo(root);
        return root;
    }

    private static (ExitCode Code, string Sentence) Explain(Exception cause) =>
        cause switch
        {
            CommandException expected => (expected.ExitCode, expected.Message),
            // what the core refuses says why
            CnnException refusal => (ExitCode.Failed, $"{refusal.Message.TrimEnd('.')}."),
            OperationCanceledException => (ExitCode.Interrupted, "interrupted."),
            // what parallel loops wrap the failures of their parts in
            AggregateException { InnerExceptions: [var first, ..] } => Explain(first),
            // sizes whose product no array can have
            OutOfMemoryException or OverflowException => (
                ExitCode.Failed,
                "this machine's memory does not suffice; use a smaller network or a smaller --batch-size."
            ),
            // files are read and written where their names are known; what is left are the consoles
            IOException or UnauthorizedAccessException => (
                ExitCode.WriteFailed,
                $"the output cannot be written: {cause.Message.TrimEnd('.')}."
            ),
            _ => (ExitCode.Failed, $"unexpected error: {cause.GetType().Name}: {cause.Message.TrimEnd('.')}."),
        };
}
