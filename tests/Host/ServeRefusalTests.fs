/// What `cnn serve` refuses, and with which status: foreign pages, other names, tricks with paths, bodies that are no drawing, floods.
module Cnn.Tests.Host.ServeRefusalTests

open System
open System.Net
open System.Net.Sockets
open System.Text
open System.Threading
open Expecto
open Cnn.Host.Serving
open Cnn.Tests.Host.ServeCase

let private get = "GET / HTTP/1.1"
let private octets = "Content-Type: application/octet-stream"
let private length (bytes: int64) = $"Content-Length: {bytes}"

// what is asked, its headers and body; the statuses that are right: where there are several, they depend on how far the server has read
let private hostile: (string * string * string list * byte[] * int list) list =
    [
        // under another name: what a page sees whose name was made to lead here
        "no Host", get, [], [||], [ 400 ]
        "two Hosts", get, [ host; "Host: evil.example" ], [||], [ 400 ]
        "a foreign Host", get, [ "Host: evil.example:PORT" ], [||], [ 421 ]
        "our Host as the start of another", get, [ "Host: 127.0.0.1:PORT.evil.example" ], [||], [ 400; 421 ]
        "a Host without the port", get, [ "Host: 127.0.0.1" ], [||], [ 421 ]
        "a Host with another port", get, [ "Host: 127.0.0.1:1" ], [||], [ 421 ]
        "all addresses", get, [ "Host: 0.0.0.0:PORT" ], [||], [ 421 ]
        "a foreign address in the first line", "GET http://evil.example/ HTTP/1.1", [ host ], [||], [ 400; 421 ]

        // from another page
        for origin in
            [
                "http://evil.example"
                "null"
                "https://127.0.0.1:PORT"
                "http://127.0.0.1:1"
                "http://127.0.0.1"
                "http://127.0.0.1:PORT.evil.example"
                "http://evil.example/http://127.0.0.1:PORT"
                "http://user@127.0.0.1:PORT"
                ""
            ] do
            $"a drawing from {origin}",
            "POST /answer HTTP/1.1",
            [ host; octets; length 0L; $"Origin: {origin}" ],
            [||],
            [ 403 ]

            $"the page, asked for by {origin}", get, [ host; $"Origin: {origin}" ], [||], [ 403 ]

        "two origins", get, [ host; "Origin: http://127.0.0.1:PORT"; "Origin: http://evil.example" ], [||], [ 403 ]
        "another site", "GET /model HTTP/1.1", [ host; "Sec-Fetch-Site: cross-site" ], [||], [ 403 ]
        "another port of this machine", "GET /model HTTP/1.1", [ host; "Sec-Fetch-Site: same-site" ], [||], [ 403 ]
        "may I, from elsewhere", "OPTIONS /answer HTTP/1.1", [ host; "Origin: http://evil.example" ], [||], [ 403 ]

        // files of this machine
        for path in
            [
                "/../../../../etc/passwd"
                "/..%2f..%2f..%2fetc/passwd"
                "/%2e%2e/%2e%2e/etc/passwd"
                "/..\\..\\windows\\win.ini"
                "//etc/passwd"
                "/page.js/../../cnn.dll"
                "/page.js%00.html"
                "/page.html"
                "/cnn.dll"
                "/appsettings.json"
                "/model.bin"
                "/answer/1"
                "/.git/config"
            ] do
            $"the path {path}", $"GET {path} HTTP/1.1", [ host ], [||], [ 400; 404 ]

        // other methods
        "writing the page", "PUT / HTTP/1.1", [ host; length 0L ], [||], [ 405 ]
        "deleting the model", "DELETE /model HTTP/1.1", [ host ], [||], [ 405 ]
        "asking for an answer without a drawing", "GET /answer HTTP/1.1", [ host ], [||], [ 405 ]
        "may I", "OPTIONS /answer HTTP/1.1", [ host ], [||], [ 405 ]
        "TRACE", "TRACE / HTTP/1.1", [ host ], [||], [ 405 ]
        "through us to others", "CONNECT evil.example:80 HTTP/1.1", [ "Host: evil.example:80" ], [||], [ 400; 421 ]

        // other types
        for kind in
            [
                "application/json"
                "text/plain"
                "image/png"
                "application/x-www-form-urlencoded"
                "application/octet-stream; charset=x"
            ] do
            $"a body of {kind}", "POST /answer HTTP/1.1", [ host; $"Content-Type: {kind}"; length 2L ], "{}"B, [ 415 ]

        "a body of no type", "POST /answer HTTP/1.1", [ host; length 2L ], "{}"B, [ 415 ]
        "a body that would unpack to much",
        "POST /answer HTTP/1.1",
        [ host; octets; "Content-Encoding: gzip"; length 2L ],
        "{}"B,
        [ 415 ]

        // other lengths
        "no body", "POST /answer HTTP/1.1", [ host; octets; length 0L ], [||], [ 400 ]
        "neither body nor length", "POST /answer HTTP/1.1", [ host; octets ], [||], [ 400; 411 ]
        "a byte too few", "POST /answer HTTP/1.1", [ host; octets; length (one.LongLength - 1L) ], one[1..], [ 400 ]
        "a byte too many",
        "POST /answer HTTP/1.1",
        [ host; octets; length (one.LongLength + 1L) ],
        Array.append one [| 0uy |],
        [ 413 ]
        "a body of 2 to the 40 bytes", "POST /answer HTTP/1.1", [ host; octets; length (1L <<< 40) ], [||], [ 413 ]
        "a body longer than numbers go",
        "POST /answer HTTP/1.1",
        [ host; octets; "Content-Length: 99999999999999999999" ],
        [||],
        [ 400; 413 ]
        "a negative length", "POST /answer HTTP/1.1", [ host; octets; length -1L ], [||], [ 400 ]
        "two lengths", "POST /answer HTTP/1.1", [ host; octets; length 2L; length 3L ], "{}"B, [ 400 ]
        "pieces without end",
        "POST /answer HTTP/1.1",
        [ host; octets; "Transfer-Encoding: chunked" ],
        Array.concat [ "20000\r\n"B; Array.zeroCreate 0x20000 ],
        [ 413 ]
        "a piece of no length",
        "POST /answer HTTP/1.1",
        [ host; octets; "Transfer-Encoding: chunked" ],
        "xyz\r\n"B,
        [ 400 ]
        "headers of 100 KB", get, [ host; "X: " + String('x', 100_000) ], [||], [ 431 ]
        "a thousand headers", get, host :: [ for i in 1..1000 -> $"X{i}: 1" ], [||], [ 431 ]
        "an address of 5 KB", "GET /" + String('x', 5_000) + " HTTP/1.1", [ host ], [||], [ 414 ]

        // other questions
        for query in
            [
                "?class=10"
                "?class=-1"
                "?class=1.0"
                "?class="
                "?class=3&class=4"
                "?x=1"
                "?class=99999999999"
            ] do
            $"the question {query}",
            $"POST /answer{query} HTTP/1.1",
            [ host; octets; length one.LongLength ],
            one,
            [ 400 ]

        // other protocols
        "no HTTP", "hello", [], [||], [ 400 ]
        "another version", "GET / HTTP/9.9", [ host ], [||], [ 505 ]
        "HTTP/2", "PRI * HTTP/2.0", [], "SM\r\n\r\n"B, [ 0; 400; 505 ]
    ]

let tests =
    testList
        "Host.ServeRefusal"
        [
            test "hostile requests, each with its status and one sentence, and none of them ends the server" {
                serving (network 1) (fun port ->
                    for name, line, headers, body, statuses in hostile do
                        let reply = ask port line headers body
                        Expect.contains statuses reply.Status name

                        // what the web server itself cannot read, it refuses without a sentence
                        if reply.Body <> "" then
                            let sentence = reply.Body.Substring(reply.Body.IndexOf '{')
                            Expect.stringStarts sentence "{\"error\":\"" $"{name}: {reply.Body}"
                            Expect.isFalse (reply.Body.Contains "   at ") $"{name}: a stack trace"
                            Expect.isFalse (reply.Body.Contains "root:") $"{name}: a file of this machine"

                        // more than the rate allows would be told so, and not what is asked here
                        Thread.Sleep 20

                    Expect.equal
                        (draw port "" [ "Origin: http://127.0.0.1:PORT"; "Sec-Fetch-Site: same-origin" ] one).Status
                        200
                        "ours")
            }
            test "noise instead of requests" {
                serving (network 1) (fun port ->
                    let random = Random 1

                    for size in [ 1; 10; 100; 1000; 10_000 ] do
                        let noise = Array.zeroCreate size
                        random.NextBytes noise
                        let reply = send port (Array.append noise "\r\n\r\n"B)
                        Expect.contains [ 0; 400; 414 ] reply.Status $"{size} bytes"

                    // the beginning of TLS
                    let reply = send port (Array.append [| 22uy; 3uy; 1uy; 2uy; 0uy; 1uy |] "\r\n\r\n"B)
                    Expect.contains [ 0; 400 ] reply.Status "TLS"
                    Expect.equal (ask port get [ host ] [||]).Status 200 "afterwards")
            }
            test "nobody but this machine can connect" {
                serving (network 1) (fun port ->
                    let others =
                        Dns.GetHostAddresses(Dns.GetHostName())
                        |> Array.filter (fun address ->
                            address.AddressFamily = AddressFamily.InterNetwork
                            && not (IPAddress.IsLoopback address))

                    for address in others do
                        use client = new TcpClient()
                        Expect.throwsT<SocketException> (fun () -> client.Connect(address, port)) $"{address}"

                    // who listens on all addresses of this machine listens on this one too
                    use neighbour = new TcpClient()

                    Expect.throwsT<SocketException>
                        (fun () -> neighbour.Connect(IPAddress.Parse "127.0.0.2", port))
                        "127.0.0.2")
            }
        ]
