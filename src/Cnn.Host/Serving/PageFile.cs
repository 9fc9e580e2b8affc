using System.Reflection;
using Microsoft.AspNetCore.Http;

namespace Cnn.Host.Serving;

/// <summary>A file of the page. It is a part of the program: no request reaches the disk.</summary>
/// <param name="Path">Its address.</param>
/// <param name="Name">What it is called in the program.</param>
/// <param name="Type">What it is.</param>
internal sealed record PageFile(string Path, string Name, string Type)
{
    private const string Script = "text/javascript; charset=utf-8";

    private readonly byte[] contents = Read(Name);

    /// <summary>All there are.</summary>
    public static IReadOnlyList<PageFile> All { get; } =
    [
        new("/", "page.html", "text/html; charset=utf-8"),
        new("/page.css", "page.css", "text/css; charset=utf-8"),
        new("/page.js", "page.js", Script),
        new("/paper.js", "paper.js", Script),
        new("/answer.js", "answer.js", Script),
    ];

    /// <summary>Answers with it.</summary>
    public Task WriteAsync(HttpContext context)
    {
        context.Response.ContentType = Type;
        context.Response.ContentLength = contents.Length;
        return HttpMethods.IsHead(context.Request.Method)
            ? Task.CompletedTask
            : context.Response.Body.WriteAsync(contents, context.RequestAborted).AsTask();
    }

    private static byte[] Read(string name)
    {
        using Stream source =
            Assembly.GetExecutingAssembly().GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"the program was built without {name}.");
        using var contents = new MemoryStream();
        source.CopyTo(contents);
        return contents.ToArray();
    }
}
