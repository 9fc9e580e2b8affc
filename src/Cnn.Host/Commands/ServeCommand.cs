using System.CommandLine;
using Cnn.Host.Models;
using Cnn.Host.Output;
using Cnn.Host.Serving;

namespace Cnn.Host.Commands;

/// <summary><c>cnn serve</c>: a page to draw on, and what a model makes of the drawing.</summary>
internal static class ServeCommand
{
    private const int UsualPort = 8028;
    private const int MostPort = 65_535;

    public static Command Create()
    {
        Argument<string?> file = Options.ModelFile(optional: false, "The model, as cnn train wrote it.");
        Option<int> port = Options.Whole(
            "--port",
            UsualPort,
            "The port on this machine; 0 for any that is free.",
            least: 0,
            most: MostPort
        );
        var command = new Command(
            "serve",
            "Draw on a page of your browser, and watch what a model makes of it, layer by layer; other machines cannot reach it."
        )
        {
            file,
            port,
        };
        command.SetWork(
            (parsed, stop) =>
            {
                string path = parsed.GetRequiredValue(file)!;
                Model model = ModelFiles.Load(path);
                Serve(path, new Viewer(model), parsed.GetValue(port), stop).GetAwaiter().GetResult();
                return ExitCode.Success;
            }
        );
        return command;
    }

    private static async Task Serve(string path, Viewer viewer, int port, CancellationToken stop)
    {
        await using DrawingServer server = await DrawingServer.StartAsync(viewer, port, stop);
        Consoles.Result($"{path} is at {server.Address} until you press Ctrl-C");
        try
        {
            await Task.Delay(Timeout.Infinite, stop);
        }
        catch (OperationCanceledException)
        {
            // how it is meant to end
        }
    }
}
