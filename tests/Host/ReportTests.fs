/// `report.html`: one page that needs nothing else, and says what the run gave.
module Cnn.Tests.Host.ReportTests

open System
open System.Globalization
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open System.Xml.Linq
open Expecto
open SkiaSharp
open Cnn
open Cnn.Host.Runs
open Cnn.Tests.Host.Cli

let private command (flags: string list) =
    [
        "train"
        "--data"
        "."
        "--arch"
        "conv 4 3, relu, pool 2, flatten, dense classes"
        "--batch-size"
        "50"
        "--run"
        "r"
    ]
    @ flags

let private inside (folder: string) (names: string list) =
    Path.Combine(Array.ofList (folder :: names))

let private page (folder: string) : string =
    File.ReadAllText(inside folder [ "r"; "report.html" ])

/// The page as XML, which a page that is well-formed is but for its first line.
let private parse (text: string) : XElement =
    let first = "<!doctype html>\n"
    Expect.stringStarts text first "the first line"
    XElement.Parse(text[first.Length ..], LoadOptions.PreserveWhitespace)

let private all (name: string) (page: XElement) =
    page.Descendants(XName.Get name) |> List.ofSeq

let private attribute (name: string) (element: XElement) =
    match element.Attribute(XName.Get name) with
    | null -> ""
    | found -> found.Value

let private ofClass (name: string) (page: XElement) =
    page.Descendants()
    |> Seq.filter (fun element -> attribute "class" element = name)
    |> List.ofSeq

let private onlyOf (name: string) (page: XElement) = all name page |> List.exactlyOne

let private headings (page: XElement) =
    [ for heading in all "h2" page -> heading.Value ]

/// The rows of the confusion matrix, without their names.
let private confusion (page: XElement) : int list list =
    let table = ofClass "confusion" page |> List.exactlyOne

    [
        for row in all "tr" (onlyOf "tbody" table) -> [ for cell in all "td" row -> int cell.Value ]
    ]

let private picture (address: string) : SKBitmap =
    let start = "data:image/png;base64,"
    Expect.stringStarts address start "an address that holds the picture"

    match SKBitmap.Decode(Convert.FromBase64String address[start.Length ..]) with
    | null -> failtest "no picture"
    | bitmap -> bitmap

/// Nothing that a browser would fetch or run.
let private expectSelfContained (text: string) =
    let page = parse text

    for address in [ "http"; "//"; "@import"; "url("; "javascript" ] do
        let outside = Regex.Replace(text, "data:image/png;base64,[A-Za-z0-9+/=]*", "")
        Expect.isFalse (outside.Contains(address, StringComparison.OrdinalIgnoreCase)) address

    for element in page.DescendantsAndSelf() do
        Expect.notEqual (element.Name.LocalName.ToLowerInvariant()) "script" "a script"

        for found in element.Attributes() do
            let name = found.Name.LocalName
            Expect.isFalse (name.StartsWith "on") $"a script in {name}"

            if List.contains name [ "src"; "srcset"; "href" ] then
                Expect.stringStarts found.Value "data:" name

    // browsers do not unescape what is in a style sheet
    let style =
        Regex.Match(text, "<style>(.*?)</style>", RegexOptions.Singleline).Groups[1].Value

    Expect.equal style (onlyOf "style" page).Value "the style sheet as it is written"
    Expect.stringContains style "prefers-color-scheme: dark" "for the dark"
    // <td/> would be the start of an element that never ends
    let ended = Regex.Matches(text, "<([a-z0-9]+)[^<>]*/>")
    let names = set [ for tag in ended -> tag.Groups[1].Value ]
    Expect.isTrue (Set.isSubset names (set [ "img"; "link"; "meta"; "source" ])) $"{names} end by themselves"

let private inDataFolder (action: string -> unit) =
    inFolder (fun folder ->
        writeData folder 8 300 90
        action folder)

let private contents =
    [
        test "one page, well-formed, that needs nothing else" {
            inDataFolder (fun folder ->
                runOk folder (command [ "--epochs"; "2" ]) |> ignore
                expectSelfContained (page folder)

                Expect.equal
                    (headings (parse (page folder)))
                    [
                        "Repeat this run"
                        "Training"
                        "Confusion matrix"
                        "Most confident mistakes"
                        "Filters of the first convolution"
                        "Network"
                    ]
                    "its parts")
        }

        test "the command, the accuracy, the layers and the counts are those of the other files and commands" {
            inDataFolder (fun folder ->
                runOk folder (command [ "--epochs"; "1"; "--lr"; "0.02" ]) |> ignore
                let page = parse (page folder)

                use config =
                    JsonDocument.Parse(File.ReadAllText(inside folder [ "r"; "config.json" ]))

                Expect.equal
                    (onlyOf "pre" page).Value
                    (config.RootElement.GetProperty("command").GetString())
                    "command"

                use json =
                    JsonDocument.Parse(runOk folder [ "eval"; "r/model.bin"; "--data"; "."; "--json" ])

                let counts =
                    [
                        for row in json.RootElement.GetProperty("confusion").EnumerateArray() ->
                            [ for cell in row.EnumerateArray() -> cell.GetInt32() ]
                    ]

                Expect.equal (confusion page) counts "confusion matrix"
                Expect.equal (List.sumBy List.sum counts) 90 "all images"
                let metrics = MetricsFile.Read(inside folder [ "r"; "metrics.jsonl" ])

                let percent =
                    (100.0 * metrics.Result.Accuracy.Value).ToString("F2", CultureInfo.InvariantCulture)

                Expect.contains [ for value in all "dd" page -> value.Value ] $"{percent} %%" "accuracy"
                let layers = ofClass "layers" page |> List.exactlyOne

                let names = [ for name in all "th" (onlyOf "tbody" layers) -> name.Value ]

                Expect.equal names [ "input"; "conv 4 3"; "relu"; "pool 2"; "flatten"; "dense 3" ] "layers"
                // 4 kernels of 3 x 3, 36 inputs for 3 classes, and biases
                Expect.stringContains (onlyOf "tfoot" layers).Value "151" "parameters")
        }

        test "curves in light and in dark colours, of a size that phones can show" {
            inDataFolder (fun folder ->
                runOk folder (command [ "--epochs"; "3"; "--validation"; "60" ]) |> ignore
                let curves = all "picture" (parse (page folder))
                Expect.equal curves.Length 3 "loss, accuracy, learning rate"

                for curve in curves do
                    Expect.isNotEmpty (attribute "alt" (onlyOf "img" curve)) "what is to be seen"
                    use light = picture (attribute "src" (onlyOf "img" curve))
                    use dark = picture (attribute "srcset" (onlyOf "source" curve))
                    Expect.equal (attribute "media" (onlyOf "source" curve)) "(prefers-color-scheme: dark)" "when"

                    for bitmap, isLight in [ light, true; dark, false ] do
                        Expect.equal (bitmap.Width, bitmap.Height) (880, 600) "pixels"
                        let corner = bitmap.GetPixel(0, 0)
                        Expect.equal (corner.Red > 128uy) isLight $"background {corner}"

                        let colours = Seq.distinct bitmap.Pixels |> Seq.length

                        Expect.isGreaterThan colours 10 "something is drawn")
        }

        test "mistakes: the most confident first, each with its own image and class" {
            inDataFolder (fun folder ->
                // untrained, most answers are wrong
                runOk folder (command [ "--epochs"; "0" ]) |> ignore
                let page = parse (page folder)
                let images = File.ReadAllBytes(inside folder [ "t10k-images-idx3-ubyte" ])
                let labels = File.ReadAllBytes(inside folder [ "t10k-labels-idx1-ubyte" ])
                let counts = confusion page

                let wrong = 90 - List.sum [ for label in 0..2 -> counts[label][label] ]

                let cards = all "figure" (ofClass "mistakes" page |> List.exactlyOne)
                Expect.equal cards.Length (min 24 wrong) "how many"

                let probabilities =
                    [
                        for card in cards do
                            let text = (onlyOf "figcaption" card).Value

                            let found = Regex.Match(text, @"^answer (\d), is (\d)(\S+) %, image (\d+)$")

                            let group (number: int) = found.Groups[number].Value
                            let index = int (group 4)
                            Expect.notEqual (group 1) (group 2) text
                            Expect.equal (group 2) (string labels[8 + index]) text
                            use bitmap = picture (attribute "src" (onlyOf "img" card))
                            Expect.equal (bitmap.Width, bitmap.Height) (8, 8) "pixels"

                            Expect.equal
                                [| for pixel in bitmap.Pixels -> pixel.Red |]
                                images[16 + 64 * index .. 79 + 64 * index]
                                text

                            float (group 3)
                    ]

                Expect.equal probabilities (List.sortDescending probabilities) "order"
                // of three answers, the most probable has a third at least
                Expect.isTrue (probabilities |> List.forall (fun p -> p > 33.3 && p <= 100.0)) $"{probabilities}")
        }

        test "filters: the colour of each pixel is that of its weight in the model" {
            inDataFolder (fun folder ->
                runOk folder (command [ "--epochs"; "1" ]) |> ignore

                let cards =
                    all "figure" (ofClass "filters" (parse (page folder)) |> List.exactlyOne)

                Expect.equal cards.Length 4 "how many"

                let model =
                    Model.Decode(ReadOnlyMemory(File.ReadAllBytes(inside folder [ "r"; "model.bin" ])))

                let bank = Seq.head (FilterBank.Of model)
                let weights = bank.Weights.Values.ToArray()
                let largest = weights |> Array.map abs |> Array.max

                for index, card in List.indexed cards do
                    Expect.equal (onlyOf "figcaption" card).Value $"filter {index}" "caption"
                    use bitmap = picture (attribute "src" (onlyOf "img" card))
                    Expect.equal (bitmap.Width, bitmap.Height) (3, 3) "pixels"

                    for place, pixel in Array.indexed bitmap.Pixels do
                        let share = float weights[9 * index + place] / float largest

                        let red, green, blue =
                            if share < 0.0 then
                                33.0, 102.0, 172.0
                            else
                                178.0, 24.0, 43.0

                        for found, deepest in [ pixel.Red, red; pixel.Green, green; pixel.Blue, blue ] do
                            let wanted = 255.0 + abs share * (deepest - 255.0)
                            Expect.isLessThan (abs (float found - wanted)) 1.0 $"weight {place} of filter {index}")
        }

        test "text of a recipe is text, whatever is in it" {
            inDataFolder (fun folder ->
                let hostile = "<script>alert(1)</script> & \"quotes\" ]]> <!-- é 😀"

                let recipe =
                    $"""{{ "name": {JsonSerializer.Serialize hostile}, "version": 1,
                          "description": {JsonSerializer.Serialize(hostile + "\u0001\uFFFE")}, "arch": "flatten, dense classes",
                          "init": "he", "epochs": 1, "batch-size": 20, "optimizer": "sgd", "lr": 0.01, "schedule": "constant" }}"""

                File.WriteAllText(inside folder [ "a&b.json" ], recipe) |> ignore

                runOk folder [ "train"; "--data"; "."; "--recipe"; "a&b.json"; "--run"; "r" ]
                |> ignore

                expectSelfContained (page folder)
                let page = parse (page folder)
                Expect.equal (onlyOf "h1" page).Value hostile "name"
                let described = [ for paragraph in all "p" page -> paragraph.Value ]
                Expect.contains described (hostile + "\uFFFD\uFFFD") "description")
        }
    ]

let private ends =
    [
        test "a run that is judged on held-out images says so, and shows theirs" {
            inDataFolder (fun folder ->
                runOk folder (command [ "--epochs"; "1"; "--validation"; "60" ]) |> ignore
                let page = parse (page folder)
                Expect.equal (List.sumBy List.sum (confusion page)) 60 "their number"
                Expect.stringContains page.Value "Of the held-out images" "which"
                Expect.isFalse (page.Value.Contains "test images") "no others")
        }

        test "a run that diverges: why, and no accuracy" {
            inDataFolder (fun folder ->
                let outcome =
                    run folder (command [ "--optimizer"; "sgd"; "--lr"; "1e30"; "--schedule"; "constant" ])

                Expect.equal outcome.Code 4 outcome.Error
                expectSelfContained (page folder)
                let page = parse (page folder)
                Expect.stringContains (ofClass "reason" page |> List.exactlyOne).Value "diverged in epoch 1" "why"
                Expect.equal (headings page) [ "Repeat this run"; "Network" ] "parts")
        }

        test "an interrupted run: the epochs that are over" {
            inFolder (fun folder ->
                writeData folder 8 3000 60
                let outcome = interruptAfter "epoch 2/" folder (command [ "--epochs"; "100000" ])
                Expect.equal outcome.Code 130 outcome.Error
                expectSelfContained (page folder)
                let page = parse (page folder)
                Expect.equal (headings page) [ "Repeat this run"; "Training"; "Network" ] "parts"
                Expect.contains [ for value in all "dd" page -> value.Value ] "interrupted" "that it was")
        }

        test "where the library that draws does not load, the report has no pictures, and says so" {
            inDataFolder (fun folder ->
                // the program as it is, but for that library
                let source = Path.GetDirectoryName(host: string)
                let copy = inside folder [ "program" ]

                for file in Directory.GetFiles(source, "*", SearchOption.AllDirectories) do
                    let relative = Path.GetRelativePath(source, file)

                    if not (relative.Contains "libSkiaSharp" || relative.StartsWith "data") then
                        let target = Path.Combine(copy, relative)
                        Directory.CreateDirectory(Path.GetDirectoryName target) |> ignore
                        File.Copy(file, target)

                let outcome =
                    runProgram (Path.Combine(copy, Path.GetFileName host)) folder (command [ "--epochs"; "1" ])

                Expect.equal outcome.Code 0 outcome.Error
                Expect.stringContains outcome.Error "report.html has no pictures" "that it says so"
                expectSelfContained (page folder)
                let page = parse (page folder)
                Expect.isEmpty (all "img" page) "pictures"
                Expect.equal (List.sumBy List.sum (confusion page)) 90 "but the counts")
        }
    ]

let tests = testList "Host.Report" (contents @ ends)
