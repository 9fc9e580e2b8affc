using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Cnn.Host.Serving;

/// <summary><c>GET /model</c>: what the model is, and the colours in which its maps are shown.</summary>
internal sealed class ModelEndpoint(Viewer viewer)
{
    private readonly byte[] contents = JsonSerializer.SerializeToUtf8Bytes(
        viewer.Describe(),
        ServingJson.Default.ModelDescription
    );

    public Task WriteAsync(HttpContext context)
    {
        context.Response.ContentType = "application/json; charset=utf-8";
        context.Response.ContentLength = contents.Length;
        return HttpMethods.IsHead(context.Request.Method)
            ? Task.CompletedTask
            : context.Response.Body.WriteAsync(contents, context.RequestAborted).AsTask();
    }
}
