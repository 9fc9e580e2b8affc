/// `cnn serve`: its answers are those of the model, and the command starts and ends as it should.
module Cnn.Tests.Host.ServeTests

open System
open System.IO
open System.Net
open System.Net.Sockets
open System.Text.Json
open Expecto
open Cnn
open Cnn.Host.Data
open Cnn.Host.Figures
open Cnn.Host.Preparation
open Cnn.Host.Serving
open Cnn.Tests.Host.Cli
open Cnn.Tests.Host.ServeCase

// the body may come in pieces, each with its length before it
let private json (reply: Reply) : JsonElement =
    let start, last = reply.Body.IndexOf '{', reply.Body.LastIndexOf '}'
    let text = reply.Body.Substring(start, last - start + 1)
    JsonDocument.Parse(Text.RegularExpressions.Regex.Replace(text, "\r\n[0-9a-f]+\r\n", "")).RootElement

let private numbers (element: JsonElement) : float list =
    [ for one in element.EnumerateArray() -> one.GetDouble() ]

let private maps (panel: JsonElement) : byte[] list =
    [
        for map in panel.GetProperty("maps").EnumerateArray() -> map.GetBytesFromBase64()
    ]

let private prepared (model: Model) : Picture =
    (Preparing.Prepare("one", Picture(1, Viewer.Side, Viewer.Side, ReadOnlyMemory one), Preparing.KindFor model, model))
        .Picture

/// What the steps of a scale of colours stand for, to half a step.
let private expectLevels (panel: JsonElement) (values: float32[][]) =
    let least, largest =
        panel.GetProperty("least").GetDouble(), panel.GetProperty("largest").GetDouble()

    let maps = maps panel
    Expect.equal maps.Length values.Length "maps"

    for map, expected in Seq.zip maps values do
        Expect.equal map.Length expected.Length "cells"

        for level, value in Seq.zip map expected do
            let shown = least + float level / 255.0 * (largest - least)
            Expect.isLessThanOrEqual (abs (shown - float value)) ((largest - least) / 509.0 + 1e-6) "level"

let private answers =
    [
        test "probabilities, maps and reasons are those of the model, for the drawing as cnn predict would prepare it" {
            let model = network 1
            let input = prepared model
            let inspection = Inspection.Of(model, input.Pixels)

            serving model (fun port ->
                let answer = json (draw port "" [] one)
                Expect.equal (answer.GetProperty("predicted").GetInt32()) inspection.Predicted "answer"
                Expect.equal (answer.GetProperty("explained").GetInt32()) inspection.Predicted "explained"

                Expect.equal
                    (numbers (answer.GetProperty "probabilities"))
                    (List.ofSeq inspection.Probabilities)
                    "probabilities"

                expectLevels
                    (answer.GetProperty "input")
                    [| [| for level in input.Pixels.ToArray() -> float32 level / 255.0f |] |]

                let layers = [ for layer in answer.GetProperty("layers").EnumerateArray() -> layer ]
                let shown = [ 1; 2; 4; 7; 8 ]
                Expect.equal layers.Length shown.Length "layers"

                for layer, index in List.zip layers shown do
                    let output = inspection.Layers[index].Output
                    let panel = layer.GetProperty "maps"
                    Expect.stringStarts (string (panel.GetProperty "title")) $"layer {index}, " "title"
                    let isFlat = output.Shape.Count = 1

                    let size =
                        if isFlat then
                            output.Shape[0]
                        else
                            output.Shape[1] * output.Shape[2]

                    expectLevels panel (Array.chunkBySize size (output.Values.ToArray()))
                    let heat = layer.GetProperty "heat"
                    Expect.equal (heat.ValueKind = JsonValueKind.Null) isFlat "Grad-CAM where there are places")
        }
        test "of a class that is asked for, its own saliency and heat; the answer stays the same" {
            let model = network 1
            let picture = prepared model
            let inspection = Inspection.Of(model, picture.Pixels)

            let spoken =
                [
                    for label in 0..9 -> Array.max (inspection.GradCam(4, label).Values.ToArray())
                ]
                |> List.filter (fun most -> most > 0.0f)

            Expect.isGreaterThan spoken.Length 1 "there are classes that something speaks for"

            serving model (fun port ->
                for label in 0..9 do
                    let answer = json (draw port $"?class={label}" [] one)
                    Expect.equal (answer.GetProperty("predicted").GetInt32()) inspection.Predicted "answer"
                    Expect.equal (answer.GetProperty("explained").GetInt32()) label "explained"
                    expectLevels (answer.GetProperty "saliency") [| (inspection.Saliency label).Values.ToArray() |]

                    let layers = answer.GetProperty "layers"
                    let heat = layers[2].GetProperty "heat"
                    let expected = SaliencySheet.Heat(inspection, inspection.Layers[4], label, "")

                    let input =
                        ActivationSheet.Input(LabelledImages(1, 28, 28, picture.Pixels.ToArray(), [| 0uy |]), 0)

                    expectLevels heat [| (SaliencySheet.Overlay(expected, input.Tiles[0])).Tiles[0].Values |])
        }
        test "a model of coloured images is given grey ones in three channels" {
            serving (network 3) (fun port ->
                let answer = json (draw port "" [] one)
                let input = answer.GetProperty "input"
                Expect.equal (string (input.GetProperty "palette")) "" "colours of its own"
                Expect.equal (maps input).Head.Length (3 * 28 * 28) "planes"
                Expect.equal (maps (answer.GetProperty "saliency")).Length 3 "a map for each channel")
        }
        test "nothing is drawn" {
            serving (network 1) (fun port ->
                let reply = draw port "" [] (Array.zeroCreate one.Length)
                Expect.equal reply.Status 422 "status"
                Expect.stringContains reply.Body "draw something" "sentence")
        }
        test "the page is whole, needs nothing from elsewhere, and no other page may frame it" {
            serving (network 1) (fun port ->
                for path, kind in
                    [
                        "/", "text/html"
                        "/page.css", "text/css"
                        "/page.js", "text/javascript"
                        "/paper.js", "text/javascript"
                        "/answer.js", "text/javascript"
                        "/model", "application/json"
                    ] do
                    let reply = ask port $"GET {path} HTTP/1.1" [ host ] [||]
                    Expect.equal reply.Status 200 path
                    Expect.stringStarts reply.Headers["content-type"] kind path
                    Expect.isFalse (reply.Body.Contains "://") $"an address in {path}"
                    let policy = reply.Headers["content-security-policy"]
                    Expect.stringContains policy "default-src 'none'" path
                    Expect.stringContains policy "frame-ancestors 'none'" path
                    Expect.equal reply.Headers["x-content-type-options"] "nosniff" path
                    Expect.isFalse (reply.Headers.ContainsKey "server") path
                    let head = ask port $"HEAD {path} HTTP/1.1" [ host ] [||]
                    Expect.equal (head.Status, head.Body) (200, "") $"HEAD {path}"
                    Expect.equal head.Headers["content-length"] (string reply.Body.Length) $"HEAD {path}")
        }
    ]

let private inModelFolder (action: string -> unit) =
    inFolder (fun folder ->
        File.WriteAllBytes(Path.Combine(folder, "m.bin"), (network 1).Encode())
        let two = Model.Create("flatten, dense 3", 2, 4, 4, "he", 1)
        File.WriteAllBytes(Path.Combine(folder, "two.bin"), two.Encode())
        action folder)

let private command =
    [
        test "says where the page is, and Ctrl-C ends it" {
            inModelFolder (fun folder ->
                let outcome =
                    interruptAfter "m.bin is at http://127.0.0.1:" folder [ "serve"; "m.bin"; "--port"; "0" ]

                Expect.equal outcome.Code 0 $"exit code; on stderr: {outcome.Error}"
                Expect.equal outcome.Error "" "stderr")
        }
        test "what the environment and files say to web servers opens no other door" {
            inModelFolder (fun folder ->
                use free = new TcpListener(IPAddress.Loopback, 0)
                free.Start()
                let other = (free.LocalEndpoint :?> IPEndPoint).Port
                free.Stop()
                let address = $"http://127.0.0.1:{other}"

                let settings =
                    $"""{{"urls":"{address}","Kestrel":{{"Endpoints":{{"a":{{"Url":"{address}"}}}}}}}}"""

                File.WriteAllText(Path.Combine(folder, "appsettings.json"), settings)

                let variables =
                    [
                        "ASPNETCORE_URLS", address
                        "DOTNET_URLS", address
                        "URLS", address
                        "ASPNETCORE_HTTP_PORTS", string other
                        "Kestrel__Endpoints__a__Url", address
                        "ASPNETCORE_HOSTINGSTARTUPASSEMBLIES", "nowhere"
                    ]

                let outcome =
                    duringRunWith
                        variables
                        "m.bin is at http://127.0.0.1:"
                        (fun _ running ->
                            use client = new TcpClient()

                            try
                                Expect.throwsT<SocketException>
                                    (fun () -> client.Connect(IPAddress.Loopback, other))
                                    address
                            finally
                                interrupt running)
                        folder
                        [ "serve"; "m.bin"; "--port"; "0" ]

                Expect.equal outcome.Code 0 $"exit code; on stderr: {outcome.Error}")
        }
        test "wrong in one sentence" {
            inModelFolder (fun folder ->
                use taken = new TcpListener(IPAddress.Loopback, 0)
                taken.Start()
                let port = string (taken.LocalEndpoint :?> IPEndPoint).Port
                run folder [ "serve" ] |> expectComplaint 2 "a MODEL_FILE is needed"

                run folder [ "serve"; "m.bin"; "--port"; "65536" ]
                |> expectComplaint 2 "--port 65536"

                run folder [ "serve"; "m.bin"; "--port"; port ]
                |> expectComplaint 2 $"port {port} cannot be used"

                run folder [ "serve"; "no.bin" ] |> expectComplaint 3 "there is no file no.bin"
                run folder [ "serve"; "two.bin" ] |> expectComplaint 3 "2 channels")
        }
    ]

let tests =
    testList "Host.Serve" [ testList "answers" answers; testList "command" command ]
