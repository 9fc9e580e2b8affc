/// A server of `cnn serve` in this process, and requests to it as hostile programs write them: byte by byte.
module Cnn.Tests.Host.ServeCase

open System
open System.Net
open System.Net.Sockets
open System.Text
open System.Threading
open Expecto
open Cnn
open Cnn.Host.Serving

/// A model with all that is shown: convolutions, pooling, dense layers. Untrained, for what hangs on its form alone.
let network (channels: int) : Model =
    Model.Create("conv 4 5, relu, pool 2, conv 6 3, relu, flatten, dense 8, relu, dense 10", channels, 28, 28, "he", 1)

/// Does something with a server of its own, whose port it is told.
let serving (model: Model) (action: int -> unit) : unit =
    let server =
        DrawingServer.StartAsync(Viewer model, 0, CancellationToken.None).GetAwaiter().GetResult()

    try
        action (Uri server.Address).Port
    finally
        (server :> IAsyncDisposable).DisposeAsync().AsTask().GetAwaiter().GetResult()

/// The same with a server of the program, as a user starts it.
let servedByCommand (folder: string) (model: string) (action: int -> unit) : unit =
    let outcome =
        Cli.duringRun
            " is at http://127.0.0.1:"
            (fun line running ->
                try
                    action (Uri(line.Split(' ') |> Array.find _.StartsWith("http"))).Port
                finally
                    Cli.interrupt running)
            folder
            [ "serve"; model; "--port"; "0" ]

    Expect.equal outcome.Code 0 $"exit code; on stderr: {outcome.Error}"

/// What came back.
type Reply =
    {
        Status: int
        Headers: Map<string, string>
        Body: string
    }

/// A reply in its parts.
let parse (reply: string) : Reply =
    // a server that closes the connection, without a word or with one of another protocol, has refused as well
    if not (reply.StartsWith("HTTP/1.", StringComparison.Ordinal)) then
        {
            Status = 0
            Headers = Map.empty
            Body = ""
        }
    else
        let head, body =
            match reply.Split("\r\n\r\n", 2) with
            | [| head; body |] -> head, body
            | _ -> reply, ""

        let lines = head.Split "\r\n"

        {
            Status = int (lines[0].Split(' ')[1])
            Headers =
                Map
                    [
                        for line in Array.tail lines do
                            match line.Split(": ", 2) with
                            | [| name; value |] -> name.ToLowerInvariant(), value
                            | _ -> ()
                    ]
            Body = body
        }

/// Sends these bytes, and reads to the end of the connection.
let send (port: int) (request: byte[]) : Reply =
    use client = new TcpClient()
    client.Connect(IPAddress.Loopback, port)
    client.ReceiveTimeout <- 60_000
    use stream = client.GetStream()
    let received = ResizeArray<byte>()

    try
        stream.Write(request, 0, request.Length)
        let buffer = Array.zeroCreate 65536
        let mutable count = stream.Read(buffer, 0, buffer.Length)

        while count > 0 do
            received.AddRange(ArraySegment(buffer, 0, count))
            count <- stream.Read(buffer, 0, buffer.Length)
    with :? IO.IOException ->
        // a server that does not read all of a request may cut the connection behind its answer, or instead of one
        ()

    parse (Encoding.Latin1.GetString(received.ToArray()))

/// A request in words: its first line, its headers, its body. `PORT` is the port.
let ask (port: int) (line: string) (headers: string list) (body: byte[]) : Reply =
    let head =
        String.concat "\r\n" (line :: "Connection: close" :: headers) + "\r\n\r\n"

    send port (Array.append (Encoding.Latin1.GetBytes(head.Replace("PORT", string port))) body)

/// The Host of an honest request.
let host = "Host: 127.0.0.1:PORT"

let private octets = "Content-Type: application/octet-stream"

/// Asks for an answer to a drawing, with more headers.
let draw (port: int) (query: string) (more: string list) (drawing: byte[]) : Reply =
    ask port $"POST /answer{query} HTTP/1.1" (host :: octets :: $"Content-Length: {drawing.Length}" :: more) drawing

/// A drawing of a one: light on black.
let one: byte[] =
    Array.init AnswerEndpoint.BodyBytes (fun i ->
        let row, column = i / Viewer.Side, i % Viewer.Side

        if row > 60 && row < 220 && column > 128 && column < 152 then
            255uy
        else
            0uy)
