/// `cnn serve` under more than it is meant for: floods, slow senders, idle connections.
module Cnn.Tests.Host.ServeFloodTests

open System
open System.Diagnostics
open System.Net
open System.Net.Sockets
open System.Text
open System.Threading
open System.Threading.Tasks
open Expecto
open Microsoft.AspNetCore.Http
open Cnn.Host.Serving
open Cnn.Tests.Host.ServeCase

let private get = "GET / HTTP/1.1"
let private octets = "Content-Type: application/octet-stream"

let private connect (port: int) : TcpClient =
    let client = new TcpClient()
    client.Connect(IPAddress.Loopback, port)
    client

/// The page comes, within some seconds: a server may need a moment to see that others are gone.
let private expectPage (port: int) =
    let since = Stopwatch.StartNew()
    let mutable reply = ask port get [ host ] [||]

    while reply.Status <> 200 && since.Elapsed < TimeSpan.FromSeconds 20.0 do
        Thread.Sleep 100
        reply <- ask port get [ host ] [||]

    Expect.equal reply.Status 200 "the page"

/// Sends the head of a drawing, and then a piece of it every fifth of a second until the connection is closed.
let private trickle (port: int) (pieceBytes: int) : Reply =
    use client = connect port
    use stream = client.GetStream()

    let head =
        $"POST /answer HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{octets}\r\nContent-Length: {one.Length}\r\n\r\n"

    stream.Write(Encoding.Latin1.GetBytes head, 0, head.Length)
    let since = Stopwatch.StartNew()

    while client.Available = 0 && since.Elapsed < TimeSpan.FromSeconds 60.0 do
        stream.Write(one, 0, pieceBytes)
        Thread.Sleep 200

    let buffer = Array.zeroCreate 4096
    parse (Encoding.Latin1.GetString(buffer, 0, stream.Read(buffer, 0, buffer.Length)))

let tests =
    testList
        "Host.ServeFlood"
        [
            test "a flood is answered with 429 and when to come again, and ends" {
                serving (network 1) (fun port ->
                    // those of foreign pages take nothing from what ours may ask
                    for _ in 1..300 do
                        Expect.equal (ask port get [ host; "Origin: http://evil.example" ] [||]).Status 403 "foreign"

                    Expect.equal (ask port get [ host ] [||]).Status 200 "ours"

                    let replies =
                        [
                            for _ in 1..16 -> async { return [ for _ in 1..40 -> ask port get [ host ] [||] ] }
                        ]

                    let all = Async.Parallel replies |> Async.RunSynchronously |> List.concat
                    let refused = all |> List.filter (fun reply -> reply.Status = 429)
                    Expect.isNonEmpty refused "refused"
                    Expect.all refused (fun reply -> reply.Headers["retry-after"] = "1") "Retry-After"
                    Expect.all refused _.Body.Contains("too many requests at once") "sentence"

                    Expect.equal
                        (all |> List.filter (fun r -> not (List.contains r.Status [ 0; 200; 429 ])))
                        []
                        "nothing else, but for connections that were cut"

                    Thread.Sleep 1500
                    Expect.equal (ask port get [ host ] [||]).Status 200 "afterwards")
            }
            test "a drawing that comes too slowly is not waited for, and holds up nobody's" {
                serving (network 1) (fun port ->
                    // 80 KB would take minutes
                    let slow = [ for _ in 1..12 -> async { return trickle port 100 } ]
                    let trickling = Async.StartAsTask(Async.Parallel slow)
                    Thread.Sleep 1000
                    Expect.equal (draw port "" [] one).Status 200 "ours, meanwhile"

                    for reply in trickling.Result do
                        Expect.equal reply.Status 408 "status"
                        Expect.stringContains reply.Body "too slowly" "sentence")
            }
            test "a request that never ends its headers is not waited for" {
                serving (network 1) (fun port ->
                    let since = Stopwatch.StartNew()
                    let reply = send port "GET / HTTP/1.1\r\n"B
                    Expect.equal reply.Status 408 "status"

                    Expect.isLessThan
                        since.Elapsed
                        (TimeSpan.FromSeconds 40.0)
                        "ten seconds, and what a busy machine adds")
            }
            test "one answer is computed, eight wait, and the next is told to come again" {
                let viewer = Viewer(network 1)
                use started = new ManualResetEventSlim()
                use gate = new ManualResetEventSlim()

                use endpoint =
                    new AnswerEndpoint(
                        viewer.Classes,
                        fun drawing label ->
                            started.Set()
                            gate.Wait()
                            viewer.Answer(drawing, label)
                    )

                let request () =
                    let context = DefaultHttpContext()
                    context.Request.ContentType <- "application/octet-stream"
                    context.Request.Body <- new IO.MemoryStream(one)
                    endpoint.AnswerAsync context

                let first = Task.Run(request)
                started.Wait()
                let waiting = [ for _ in 1..8 -> request () ]
                Expect.all waiting (fun one -> not one.IsCompleted) "eight wait"

                Expect.throwsC (fun () -> (request ()).GetAwaiter().GetResult()) (fun problem ->
                    match problem with
                    | :? RefusedException as refusal -> Expect.equal refusal.Status 429 "status"
                    | other -> failtest $"{other}")

                gate.Set()
                Task.WaitAll(Array.ofList (first :: waiting))
            }
            test "connections are counted, and those who keep too many open lose the rest" {
                serving (network 1) (fun port ->
                    let clients = [ for _ in 1..80 -> new TcpClient() ]

                    try
                        for client in clients do
                            client.Connect(IPAddress.Loopback, port)

                        // long enough to be turned away, and too short to be given up on
                        Thread.Sleep 2000

                        let isClosed (client: TcpClient) =
                            client.Client.Poll(TimeSpan.Zero, SelectMode.SelectRead)

                        Expect.equal (clients |> List.filter isClosed |> List.length) 16 "of 80, for 64 are allowed"
                    finally
                        clients |> List.iter _.Dispose()

                    expectPage port)
            }
            test "strangers who keep their connections open leave room for the page" {
                serving (network 1) (fun port ->
                    let strangers = [ for _ in 1..64 -> connect port ]

                    try
                        for stranger in strangers do
                            let request = Encoding.Latin1.GetBytes(get + "\r\nHost: evil.example\r\n\r\n")
                            stranger.GetStream().Write(request, 0, request.Length)

                        // they do not hang up; the server does
                        expectPage port
                    finally
                        strangers |> List.iter _.Dispose())
            }
        ]
