/// Pages in a real browser, without a window.
module Cnn.Tests.Browser

open System
open System.Collections.Concurrent
open System.IO
open System.Threading.Tasks
open Expecto
open PuppeteerSharp

/// A Chromium of this machine: the one that CNN_BROWSER names, or the first on the PATH. Without one, there is nothing to test with.
let private path: string option =
    let folders =
        (Environment.GetEnvironmentVariable "PATH"
         |> Option.ofObj
         |> Option.defaultValue "")
            .Split
            Path.PathSeparator

    match Environment.GetEnvironmentVariable "CNN_BROWSER" with
    | null
    | "" ->
        Seq.allPairs [ "chromium"; "chromium-browser"; "google-chrome"; "google-chrome-stable" ] folders
        |> Seq.map (fun (name, folder) -> Path.Combine(folder, name))
        |> Seq.tryFind File.Exists
    | path -> Some path

// it is given no page of strangers, so it does without its sandbox, which root cannot have; and it asks nobody else anything
let private flags =
    [|
        "--no-sandbox"
        "--disable-gpu"
        "--disable-dev-shm-usage"
        "--disable-quic"
        "--no-first-run"
        "--disable-background-networking"
        "--disable-component-update"
        "--disable-sync"
    |]

/// Milliseconds after which something that does not come will not come.
let patience = 60_000

/// Waits for it.
let result (running: Task<'T>) : 'T = running.GetAwaiter().GetResult()
let wait (running: Task) : unit = running.GetAwaiter().GetResult()

/// What an expression is on a page.
let evaluate<'T> (page: IPage) (expression: string) : 'T =
    result (page.EvaluateExpressionAsync<'T> expression)

/// A test that needs a browser: skipped where there is none.
let testWithBrowser: string -> TestCaseBuilder = if path.IsSome then test else ptest

/// How large a window is, and how it is used.
type Window =
    {
        Width: int
        Height: int
        HasTouch: bool
    }

/// Opens pages one after the other, and does something with each of them. It may ask for nothing but what begins with the prefix, nor
/// complain of anything, nor be wider than the window.
let visit (window: Window) (prefix: string) (addresses: string list) (action: string -> IPage -> unit) : unit =
    let options =
        LaunchOptions(
            ExecutablePath = Option.get path,
            Headless = true,
            Args = flags,
            Timeout = patience,
            DefaultViewport =
                ViewPortOptions(
                    Width = window.Width,
                    Height = window.Height,
                    IsMobile = window.HasTouch,
                    HasTouch = window.HasTouch
                )
        )

    let browser = result (Puppeteer.LaunchAsync options)

    try
        let page = result (browser.NewPageAsync())
        let requests, complaints = ConcurrentBag<string>(), ConcurrentBag<string>()
        page.Request.Add(fun request -> requests.Add request.Request.Url)
        page.Console.Add(fun line -> complaints.Add line.Message.Text)
        page.PageError.Add(fun error -> complaints.Add error.Message)

        for address in addresses do
            result (page.GoToAsync address) |> ignore
            action address page

            for request in requests do
                Expect.isTrue (request.StartsWith prefix || request = "data:,") $"{address} asked for {request}"

            Expect.equal (List.ofSeq complaints) [] $"complaints of {address}"

            Expect.isLessThanOrEqual
                (evaluate<int> page "document.documentElement.scrollWidth")
                window.Width
                $"{address}: as wide as the window"

        Expect.isGreaterThan requests.Count addresses.Length "requests were seen"
    finally
        wait (browser.CloseAsync())
