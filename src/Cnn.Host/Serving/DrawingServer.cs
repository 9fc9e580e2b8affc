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
/// The web server of <c>cnn serve</c>: three files that are part of the program, what the model is, and an answer to a drawing.
/// It starts from nothing, without the settings that ASP.NET Core would read from files and the environment, so that it listens
/// where it is told and nowhere else, and it opens no file for anybody.
/// </summary>
internal sealed class DrawingServer : IAsyncDisposable
{
    private const string Compute = "compute";

    // for a page that asks again as soon as it has its answer, at most 20 times a second, and another one beside it
    private const int RequestsPerSecond = 50;
    private const int RequestsAtOnce = 100;
    private const int PeriodsPerSecond = 10;
    private const int WaitingAnswers = 8;
    private const int Connections = 64;
    private const int HeaderBytes = 16 * 1024;
    private const int LineBytes = 2 * 1024;
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan farewell = TimeSpan.FromSeconds(2);

    private readonly WebApplication application;

    private DrawingServer(WebApplication application) => this.application = application;

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
        application.MapPost("/answer", new AnswerEndpoint(viewer).AnswerAsync).RequireRateLimiting(Compute);
        try
        {
            await application.StartAsync(stop);
        }
        catch (Exception cause) when (cause is IOException or SocketException)
        {
            await application.DisposeAsync();
            throw new CommandException(
                ExitCode.Usage,
                cause is SocketException { SocketErrorCode: SocketError.AccessDenied }
                    ? $"port {port} is not open to you; give one above 1023 with --port."
                    : $"port {port} cannot be used, most likely another program has it; give another with --port, or 0 for any that is free.",
                cause
            );
        }
        return new DrawingServer(application);
    }

    public async ValueTask DisposeAsync()
    {
        using var limit = new CancellationTokenSource(farewell);
        await application.StopAsync(limit.Token);
        await application.DisposeAsync();
    }

    private static void Limit(KestrelServerOptions options, int port)
    {
        options.AddServerHeader = false;
        options.Limits.MaxConcurrentConnections = Connections;
        options.Limits.MaxRequestBodySize = AnswerEndpoint.BodyBytes;
        options.Limits.MaxRequestHeadersTotalSize = HeaderBytes;
        options.Limits.MaxRequestLineSize = LineBytes;
        options.Limits.RequestHeadersTimeout = patience;
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
        options.AddConcurrencyLimiter(
            Compute,
            limiter =>
            {
                limiter.PermitLimit = 1;
                limiter.QueueLimit = WaitingAnswers;
                limiter.QueueProcessingOrder = QueueProcessingOrder.OldestFirst;
            }
        );
        options.OnRejected = (rejected, _) =>
        {
            rejected.HttpContext.Response.Headers.RetryAfter = "1";
            return ValueTask.CompletedTask;
        };
    }
}
