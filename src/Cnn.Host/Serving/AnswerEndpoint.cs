using System.Globalization;
using System.Text.Json;
using System.Threading.RateLimiting;
using Cnn.Host.Data;
using Microsoft.AspNetCore.Http;

namespace Cnn.Host.Serving;

/// <summary>
/// <c>POST /answer</c>: the grey pixels of a drawing, row by row, a byte each, 0 for black; back comes what the model makes of it.
/// <c>?class=3</c> asks what speaks for class 3, whatever the answer is.
/// </summary>
/// <param name="classes">How many classes there are.</param>
/// <param name="answer">What the model makes of a drawing; the class is the one that is asked about, or null.</param>
internal sealed class AnswerEndpoint(int classes, Func<Picture, int?, Answer> answer) : IDisposable
{
    /// <summary>What a drawing takes.</summary>
    public const int BodyBytes = Viewer.Side * Viewer.Side;

    private const string BodyType = "application/octet-stream";
    private const int WaitingAnswers = 8;

    // One answer is computed at a time. Who waits has sent the whole drawing, and who takes time to read an answer holds nobody up.
    private readonly ConcurrencyLimiter computing = new(
        new ConcurrencyLimiterOptions
        {
            PermitLimit = 1,
            QueueLimit = WaitingAnswers,
            QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
        }
    );

    public void Dispose() => computing.Dispose();

    public async Task AnswerAsync(HttpContext context)
    {
        int? label = LabelOf(context.Request.Query);
        byte[] pixels = await ReadAsync(context);
        Answer computed = await ComputeAsync(pixels, label, context.RequestAborted);
        context.Response.ContentType = "application/json; charset=utf-8";
        await JsonSerializer.SerializeAsync(
            context.Response.Body,
            computed,
            ServingJson.Default.Answer,
            context.RequestAborted
        );
    }

    private async Task<Answer> ComputeAsync(byte[] pixels, int? label, CancellationToken aborted)
    {
        using RateLimitLease turn = await computing.AcquireAsync(permitCount: 1, aborted);
        return turn.IsAcquired
            ? answer(new Picture(1, Viewer.Side, Viewer.Side, pixels), label)
            : throw new RefusedException(
                StatusCodes.Status429TooManyRequests,
                Refusal.SentenceOf(StatusCodes.Status429TooManyRequests)
            );
    }

    private int? LabelOf(IQueryCollection query)
    {
        if (query.Count == 0)
            return null;
        if (
            query.Count == 1
            && query["class"] is [var text]
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int label)
            && label < classes
        )
            return label;
        throw new RefusedException(
            StatusCodes.Status400BadRequest,
            $"the only question is ?class=N, with N from 0 to {classes - 1}."
        );
    }

    private static async Task<byte[]> ReadAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        if (request.ContentType != BodyType || request.Headers.ContentEncoding.Count > 0)
            throw new RefusedException(
                StatusCodes.Status415UnsupportedMediaType,
                $"a drawing is sent as {BodyType}, and not compressed."
            );
        byte[] pixels = new byte[BodyBytes];
        // the server itself refuses a longer body, before it has read it
        int count = await request.Body.ReadAtLeastAsync(
            pixels,
            pixels.Length,
            throwOnEndOfStream: false,
            context.RequestAborted
        );
        if (count < pixels.Length)
            throw new RefusedException(
                StatusCodes.Status400BadRequest,
                $"a drawing has {BodyBytes} bytes, {Viewer.Side} rows of {Viewer.Side} grey pixels, and here are {count}."
            );
        // the end, or what is beyond it
        await request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
        return pixels;
    }
}
