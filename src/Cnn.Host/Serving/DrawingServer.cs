using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Cnn.Host.Serving;

/// <summary>
/// The web server of <c>cnn serve</c>: the files of the page, which are part of the program, what the model is, and an answer to a drawing.
/// It starts from nothing, without the settings that ASP.NET Core would read from files and the environment, so that it listens
/// where it is told and nowhere else, and it opens no file for anybody.
/// </summary>
internal sealed class DrawingServer : IAsyncDisposable
{
    // for a page that asks again as soon as it has its answer, at most 20 times a second, and another one beside it
    private const int RequestsPerSecond = 50;
    private const int RequestsAtOnce = 100;
    private const int PeriodsPerSecond = 10;
    private const int Connections = 64;
    private const int HeaderBytes = 16 * 1024;
    private const int LineBytes = 2 * 1024;

    // a drawing is 80 KB, and comes from this machine
    private const double BytesPerSecond = 32 * 1024;
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan grace = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan farewell = TimeSpan.FromSeconds(2);

    private readonly WebApplication application;
    private readonly AnswerEndpoint answers;

    private DrawingServer(WebApplication application, AnswerEndpoint answers) =>
        (this.application, this.answers) = (application, answers);

    /// <summary>Where the page is.</summary>
    public string Address => $"http://{IPAddress.Loopback}:{new Uri(application.Urls.Single()).Port}/";

    /// <summary>Listens on the loopback address.</summary>
    /// <param name="viewer">What answers.</param>
    /// <param name="port">0 for any free one.</param>
    /// <param name="stop">Ends the start; what has started ends when it is disposed of.</param>
    /// <exception cref="CommandException">Usage: the port is taken or not allowed.</exception>
    public static async Task<DrawingServer> StartAsync(Viewer viewer, int port, CancellationToken stop)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(
            new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory }
        );
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => Limit(options, port));
        builder.Services.AddRoutingCore();
        builder.Services.AddRateLimiter(LimitRate);
        WebApplication application = builder.Build();
        application.Use(Refusal.Explain);
        application.UseStatusCodePages(Refusal.ExplainStatus);
        application.Use(Guard.Check);
        // named, for otherwise it would come first of all, and a foreign page could use up what ours is allowed
        application.UseRouting();
        application.UseRateLimiter();
        foreach (PageFile file in PageFile.All)
            application.MapMethods(file.Path, [HttpMethods.Get, HttpMethods.Head], file.WriteAsync);
        application.MapMethods("/model", [HttpMethods.Get, HttpMethods.Head], new ModelEndpoint(viewer).WriteAsync);
        var answers = new AnswerEndpoint(viewer.Classes, viewer.Answer);
        application.MapPost("/answer", answers.AnswerAsync);
        try
        {
            await application.StartAsync(stop);
        }
        catch (Exception cause) when (cause is IOException or SocketException)
        {
            await application.DisposeAsync();
            answers.Dispose();
            throw new CommandException(
                ExitCode.Usage,
                cause is SocketException { SocketErrorCode: SocketError.AccessDenied }
                    ? $"port {port} is not open to you; give one above 1023 with --port."
                    : $"port {port} cannot be used, most likely another program has it; give another with --port, or 0 for any that is free.",
                cause
            );
        }
        return new DrawingServer(application, answers);
    }

    public async ValueTask DisposeAsync()
    {
        using var limit = new CancellationTokenSource(farewell);
        await application.StopAsync(limit.Token);
        await application.DisposeAsync();
        answers.Dispose();
    }

    private static void Limit(KestrelServerOptions options, int port)
    {
        options.AddServerHeader = false;
        options.Limits.MaxConcurrentConnections = Connections;
        options.Limits.MaxRequestBodySize = AnswerEndpoint.BodyBytes;
        options.Limits.MaxRequestHeadersTotalSize = HeaderBytes;
        options.Limits.MaxRequestLineSize = LineBytes;
        options.Limits.RequestHeadersTimeout = patience;
        options.Limits.KeepAliveTimeout = patience;
        options.Limits.MinRequestBodyDataRate = new MinDataRate(BytesPerSecond, grace);
        options.Limits.MinResponseDataRate = new MinDataRate(BytesPerSecond, grace);
        options.Listen(IPAddress.Loopback, port, listen => listen.Protocols = HttpProtocols.Http1);
    }

    private static void LimitRate(RateLimiterOptions options)
    {
        options.RejectionStatusCode = StatusCodes.Status429TooManyRequests;
        options.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, int>(_ =>
            // one for all: whoever asks is on this machine
            RateLimitPartition.GetTokenBucketLimiter(
                0,
                _ => new TokenBucketRateLimiterOptions
                {
                    TokenLimit = RequestsAtOnce,
                    TokensPerPeriod = RequestsPerSecond / PeriodsPerSecond,
                    ReplenishmentPeriod = TimeSpan.FromSeconds(1.0 / PeriodsPerSecond),
                    QueueLimit = 0,
                }
            )
        );
        options.OnRejected = (rejected, _) =>
        {
            rejected.HttpContext.Response.Headers.RetryAfter = Refusal.RetryAfter;
            return ValueTask.CompletedTask;
        };
    }
}
