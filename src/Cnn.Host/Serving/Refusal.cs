using System.Text.Json;
using Cnn.Host.Output;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;

namespace Cnn.Host.Serving;

/// <summary>What a request gets that is not answered: a status, and one sentence as <c>{"error":"…"}</c>.</summary>
internal static class Refusal
{
    /// <summary>Seconds after which one may ask again who asked too much.</summary>
    public const string RetryAfter = "1";

    /// <summary>Writes a status and its sentence.</summary>
    public static Task WriteAsync(HttpContext context, int status, string sentence)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json; charset=utf-8";
        return JsonSerializer.SerializeAsync(
            context.Response.Body,
            new Error(sentence),
            ServingJson.Default.Error,
            context.RequestAborted
        );
    }

    /// <summary>Turns what goes wrong further in into a status and a sentence.</summary>
    public static async Task Explain(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // nobody is there any more to be told
        }
        catch (Exception cause) when (!context.Response.HasStarted)
        {
            (int status, string sentence) = cause switch
            {
                // the web server has its own words for a body that is too long or too slow
                BadHttpRequestException bad => (bad.StatusCode, SentenceOf(bad.StatusCode)),
                RefusedException refused => (refused.Status, refused.Message),
                _ => (
                    StatusCodes.Status500InternalServerError,
                    $"unexpected error: {cause.GetType().Name}: {CommandException.Reason(cause)}."
                ),
            };
            if (status == StatusCodes.Status429TooManyRequests)
                context.Response.Headers.RetryAfter = RetryAfter;
            if (status == StatusCodes.Status500InternalServerError)
                Consoles.Complain(sentence);
            await WriteAsync(context, status, sentence);
        }
    }

    /// <summary>The sentence of a status that came without one.</summary>
    public static Task ExplainStatus(StatusCodeContext context)
    {
        int status = context.HttpContext.Response.StatusCode;
        return WriteAsync(context.HttpContext, status, SentenceOf(status));
    }

    /// <summary>What a status means here.</summary>
    public static string SentenceOf(int status) =>
        status switch
        {
            StatusCodes.Status404NotFound => "there is nothing at this address; the page is at /.",
            StatusCodes.Status405MethodNotAllowed => "this address takes another method; Allow names it.",
            StatusCodes.Status408RequestTimeout => "the request came too slowly.",
            StatusCodes.Status413PayloadTooLarge =>
                $"the body is too long; a drawing has {AnswerEndpoint.BodyBytes} bytes.",
            StatusCodes.Status429TooManyRequests => "too many requests at once; wait a second.",
            _ => "this request is not understood.",
        };
}

/// <summary>A request that is not answered, and why.</summary>
internal sealed class RefusedException(int status, string sentence) : Exception(sentence)
{
    /// <summary>The status of the response.</summary>
    public int Status { get; } = status;
}
