using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Http;

namespace Cnn.Host.Serving;

/// <summary>
/// Who may ask. Any page that is open in the browser can send requests to this machine; those of other pages are refused. What a
/// browser says of a request it does not let a page change: <c>Host</c> is the name in the address, even where a foreign name was
/// made to lead here (DNS rebinding), and <c>Origin</c> and <c>Sec-Fetch-Site</c> (https://www.w3.org/TR/fetch-metadata/) tell who
/// asks. Programs without a browser send neither of these two.
/// </summary>
internal static class Guard
{
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /// <summary>Goes on if the request may be answered.</summary>
    public static Task Check(HttpContext context, RequestDelegate next)
    {
        Restrict(context.Response.Headers);
        HttpRequest request = context.Request;
        int port = context.Connection.LocalPort;
        if (!IsOwn(request.Host.Value, port))
            return RefuseAsync(
                context,
                StatusCodes.Status421MisdirectedRequest,
                $"this server is http://{IPAddress.Loopback}:{port}, and answers to no other name."
            );
        if (!IsSameSite(request.Headers, port))
            return RefuseAsync(
                context,
                StatusCodes.Status403Forbidden,
                "only the page of this server may ask it, and this request came from another."
            );
        return next(context);
    }

    // and hangs up: idle connections of strangers would leave none for the page
    private static Task RefuseAsync(HttpContext context, int status, string sentence)
    {
        context.Response.Headers.Connection = "close";
        return Refusal.WriteAsync(context, status, sentence);
    }

    // one value, and no more: of two, a part of the program might read the one and a part the other
    private static bool IsSameSite(IHeaderDictionary headers, int port) =>
        headers.Origin switch
        {
            [] => true,
            [{ } origin] => origin.StartsWith("http://", StringComparison.Ordinal)
                && IsOwn(origin["http://".Length..], port),
            _ => false,
        }
        && headers["Sec-Fetch-Site"] switch
        {
            [] => true,
            // none: typed into the address bar
            [var site] => site is "same-origin" or "none",
            _ => false,
        };

    // browsers leave out the usual port
    private static bool IsOwn(string? host, int port) =>
        host is not null
        && (
            IsNamed(host, string.Create(CultureInfo.InvariantCulture, $":{port}")) || (port == 80 && IsNamed(host, ""))
        );

    private static bool IsNamed(string host, string port) =>
        host == $"{IPAddress.Loopback}{port}"
        || string.Equals(host, $"localhost{port}", StringComparison.OrdinalIgnoreCase);

    // nothing from elsewhere in our page, our page in no other, and nothing kept
    private static void Restrict(IHeaderDictionary headers)
    {
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers.CacheControl = "no-store";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
    }
}
