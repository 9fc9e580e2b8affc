/// The page of `cnn serve` in a real browser: a digit is drawn on it, with a mouse and with a finger, and the answer is read.
module Cnn.Tests.Host.ServePageTests

open System
open System.IO
open Expecto
open PuppeteerSharp
open PuppeteerSharp.Input
open Cnn
open Cnn.Host.Figures
open Cnn.Tests.Browser
open Cnn.Tests.Host.Cli
open Cnn.Tests.Host.ServeCase

/// A place on the paper, in parts of its sides.
let private placeOf (page: IPage) (x: float, y: float) : decimal * decimal =
    let paper = result (page.QuerySelectorAsync "#paper")
    let box = result (paper.BoundingBoxAsync())
    box.X + box.Width * decimal x, box.Y + box.Height * decimal y

let private seven = [ 0.3, 0.25; 0.7, 0.25; 0.45, 0.8 ]
let private oneAgain = [ 0.5, 0.2; 0.5, 0.8 ]

let private drawWithMouse (page: IPage) (points: (float * float) list) : unit =
    for i, point in List.indexed points do
        let x, y = placeOf page point
        wait (page.Mouse.MoveAsync(x, y, MoveOptions(Steps = 8)))

        if i = 0 then
            wait (page.Mouse.DownAsync())

    wait (page.Mouse.UpAsync())

let private drawWithFinger (page: IPage) (points: (float * float) list) : unit =
    result (page.Touchscreen.TouchStartAsync(placeOf page points.Head)) |> ignore

    for point in points.Tail do
        wait (page.Touchscreen.TouchMoveAsync(placeOf page point))

    wait (page.Touchscreen.TouchEndAsync())

/// Waits until this holds on the page.
let private until (page: IPage) (what: string) (condition: string) : unit =
    try
        result (page.WaitForFunctionAsync($"() => {condition}", WaitForFunctionOptions(Timeout = patience)))
        |> ignore
    with :? WaitTaskTimeoutException ->
        let answer = evaluate<string> page "document.querySelector('#answer').textContent"
        failtest $"{what}: never so; the answer was '{answer}'"

let private answers (page: IPage) (digit: int) : unit =
    until page $"the answer {digit}" $"document.querySelector('#answer').textContent.startsWith('{digit}, ')"

let private count (page: IPage) (selector: string) : int =
    evaluate<int> page $"document.querySelectorAll('{selector}').length"

// cells of a picture in which red stands out: Grad-CAM on the image
let private redCells =
    "[...document.querySelectorAll('.view figure canvas')].map(canvas => {
       const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
       let red = 0;
       for (let i = 0; i < data.length; i += 4) if (data[i] > data[i + 1] + 40) red++;
       return red;
     })"

let private learned = lazy (Model.Decode(ReadOnlyMemory DrawnDigits.learned.Value))

// on whatever image: which layers and how many maps hangs on the network alone
let private shownLayers =
    lazy
        (let inspection =
            Inspection.Of(learned.Value, ReadOnlyMemory(Array.zeroCreate<byte> 784))

         List.ofSeq (ActivationSheet.Shown(inspection, withFlat = true)))

let private mapsOf (layer: LayerOutput) : int =
    if layer.Output.Shape.Count = 1 then
        1
    else
        min 32 layer.Output.Shape[0]

let private withMouse (page: IPage) : unit =
    drawWithMouse page seven
    answers page 7
    let rows = count page "#classes li"
    Expect.equal rows 10 "classes"

    let first =
        evaluate<string> page "document.querySelector('#classes .first').textContent"

    Expect.stringStarts first "7" "the longest bar"
    let shown = shownLayers.Value
    Expect.equal (count page "#views article") shown.Length "convolutions, pooling and dense layers"

    Expect.equal (count page "#views .maps canvas") (shown |> List.sumBy mapsOf) "maps"

    let red = evaluate<int[]> page redCells
    Expect.equal red.Length (shown |> List.filter (fun layer -> layer.Output.Shape.Count > 1)).Length "Grad-CAM"
    Expect.exists red (fun cells -> cells > 0) "there is something that speaks for it"

    // another class is asked for: its reasons, and the same answer
    wait (page.ClickAsync "#classes li:nth-child(3) button")

    until page "the reasons of class 2" "document.querySelector('#pictures').textContent.includes('of class 2 ')"

    answers page 7

    wait (page.ClickAsync "#clear")
    until page "an empty page" "document.querySelector('#layers').hidden"
    drawWithMouse page oneAgain
    answers page 1

    // a second stroke makes it something else, and without it, it is a one again
    drawWithMouse page [ 0.15, 0.2; 0.5, 0.2 ]
    until page "another answer" "!document.querySelector('#answer').textContent.startsWith('1, 100')"
    wait (page.ClickAsync "#undo")
    answers page 1

let private withFinger (page: IPage) : unit =
    drawWithFinger page seven
    answers page 7
    let top = evaluate<float> page "scrollY"
    Expect.equal top 0.0 "a finger that draws does not scroll"

let private visitPage (window: Window) (port: int) (action: IPage -> unit) : unit =
    let address = $"http://127.0.0.1:{port}/"
    visit window address [ address ] (fun _ -> action)

let private desk =
    {
        Width = 1280
        Height = 900
        HasTouch = false
    }

let private phone =
    {
        Width = 390
        Height = 844
        HasTouch = true
    }

let tests =
    testList
        "Host.ServePage"
        [
            testWithBrowser "a digit is drawn with a mouse, and the page says which, how sure, and why" {
                inFolder (fun folder ->
                    File.WriteAllBytes(Path.Combine(folder, "m.bin"), DrawnDigits.learned.Value)

                    servedByCommand folder "m.bin" (fun port -> visitPage desk port withMouse))
            }
            testWithBrowser "a digit is drawn with a finger on a phone" {
                serving learned.Value (fun port -> visitPage phone port withFinger)
            }
        ]
