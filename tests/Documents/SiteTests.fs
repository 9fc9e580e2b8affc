/// The pages of the guide: each is made from its script as it is now, everything in it is there, and nothing comes from elsewhere.
module Cnn.Tests.Documents.SiteTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open Cnn.Site
open Cnn.Tests.Browser
open Cnn.Tests.Documents.GuidePage

let private scripts = lazy Script.readAll guide

/// Every page, by its path under docs/.
let private pages =
    lazy
        [
            for path in Directory.GetFiles(docs, "*.html", SearchOption.AllDirectories) ->
                Path.GetRelativePath(docs, path).Replace('\\', '/'), (File.ReadAllText path).ReplaceLineEndings "\n"
        ]

let private groups (pattern: string) (text: string) : string list =
    [
        for found in Regex.Matches(text, pattern, RegexOptions.Singleline) -> found.Groups[1].Value
    ]

// numbers of a list are drawn by the browser, and stand in no page
let private words (text: string) : string list = groups @"(\p{L}+)" text

/// The file that a link on a page leads to, and the place in it.
let private target (page: string) (link: string) : string * string =
    let folder = nonNull (Path.GetDirectoryName(Path.Combine(docs, page)))
    let parts = link.Split('#', 2)

    (if parts[0] = "" then
         Path.Combine(docs, page)
     else
         Path.GetFullPath(Path.Combine(folder, parts[0]))),
    (if parts.Length > 1 then parts[1] else "")

let private isForeign (address: string) =
    address.Contains "//" || Regex.IsMatch(address, "^[a-z]+:")

let private complaint = "guide/render writes the pages anew"

let private isMadeFromScripts =
    testList
        "is made from its script"
        [
            test "a page for each part, and an index" {
                let expected =
                    "index.html" :: [ for script in scripts.Value -> $"guide/{script.Name}.html" ]

                Expect.equal (List.sort (List.map fst pages.Value)) (List.sort expected) complaint
                Expect.equal scripts.Value.Length 9 "parts"
            }
            test "nothing that pages are made from has changed since" {
                let digest = Script.digest guide

                for name, page in pages.Value do
                    Expect.equal
                        (groups "<meta name=\"sources\" content=\"(.*?)\">" page)
                        [ digest ]
                        $"{name}: {complaint}"
            }
            test "the code of a page is that of its script, block by block" {
                for script in scripts.Value do
                    Expect.equal (code (read script.Name)) (Script.code script) $"{script.Name}: {complaint}"
            }
            test "its prose is that of its script, word by word" {
                for script in scripts.Value do
                    let written =
                        script.Blocks
                        |> List.choose (function
                            | Script.Prose text -> Some text
                            | Script.Code _ -> None)

                    Expect.equal
                        (words (prose (read script.Name)))
                        (words (String.concat " " written))
                        $"{script.Name}: {complaint}"
            }
            test "each picture that a script draws is in its page, with its caption" {
                for script in scripts.Value do
                    let text = String.concat "\n" (Script.code script)
                    let drawn = groups "\\b(?:draw|drawImages|plot)\\s+\"[^\"]+\"\\s+\"([^\"]+)\"" text

                    let captions =
                        groups "<figcaption>(.*?)</figcaption>" (read script.Name) |> List.map seen

                    Expect.equal captions drawn $"{script.Name}: {complaint}"
                    Expect.isGreaterThan drawn.Length 1 $"{script.Name}: pictures"
            }
            test "the index has the title of each part" {
                let index = List.find (fst >> (=) "index.html") pages.Value |> snd

                for script in scripts.Value do
                    Expect.equal
                        (groups $"<a href=\"guide/{script.Name}.html\">(.*?)</a>" index |> List.map seen)
                        [ script.Title ]
                        complaint
            }
            test "the style sheet is the one of guide/site" {
                Expect.equal
                    (File.ReadAllBytes(Path.Combine(docs, "site.css")))
                    (File.ReadAllBytes(Path.Combine(guide, "site", "site.css")))
                    complaint
            }
        ]

let private standsAlone =
    testList
        "stands alone"
        [
            test "every link leads to a file of the repository, and to a place that it has" {
                for name, page in pages.Value do
                    for link in groups "(?:href|src)=\"(.*?)\"" page do
                        if not (isForeign link) then
                            let file, place = target name link
                            Expect.isTrue (File.Exists file) $"{name}: {link}"

                            if place <> "" then
                                Expect.stringContains (File.ReadAllText file) $"id=\"{place}\"" $"{name}: {link}"
            }
            test "nothing is loaded from elsewhere, and no program runs" {
                let style = File.ReadAllText(Path.Combine(docs, "site.css"))
                Expect.isFalse (Regex.IsMatch(style, @"url\(|@import")) "site.css"

                for name, page in pages.Value do
                    Expect.isFalse (Regex.IsMatch(page, "<script|<iframe|url\\(|\\son[a-z]+=\"")) name

                    let loaded =
                        groups "<link [^>]*href=\"(.*?)\"" page @ groups "\\ssrc(?:set)?=\"(.*?)\"" page

                    Expect.isEmpty (List.filter isForeign loaded) name
            }
        ]

let private canBeRead =
    testList
        "can be read by everybody"
        [
            test "language, width, one heading above all others, and no step left out below it" {
                for name, page in pages.Value do
                    Expect.stringContains page "<html lang=\"en\">" name

                    Expect.stringContains
                        page
                        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                        name

                    let levels = groups "<h([1-6])" page |> List.map int
                    Expect.equal (levels |> List.filter ((=) 1)) [ 1 ] name
                    Expect.equal levels.Head 1 name

                    for upper, lower in List.pairwise levels do
                        Expect.isLessThanOrEqual lower (upper + 1) name
            }
            test "every picture has a title, and every navigation a name" {
                for name, page in pages.Value do
                    let pictures = Regex.Count(page, "<svg ")

                    Expect.equal
                        (Regex.Count(page, "<svg [^>]*role=\"img\"[^>]*>\\s*<title>[^<]{10,}</title>"))
                        pictures
                        name

                    Expect.equal
                        (Regex.Count(page, "<nav aria-label=\"[^\"]+\"|<nav class=\"steps\" aria-label=\"[^\"]+\""))
                        (Regex.Count(page, "<nav"))
                        name

                    Expect.equal (Regex.Count(page, "<img ")) (Regex.Count(page, "<img [^>]*alt=\"[^\"]+\"")) name
            }
        ]

let private inBrowser =
    let addresses =
        lazy [ for name, _ in pages.Value -> Uri(Path.Combine(docs, name)).AbsoluteUri ]

    let look (address: string) (page: PuppeteerSharp.IPage) =
        let sizes =
            evaluate<float[]>
                page
                "[...document.querySelectorAll('main svg')].map(svg => svg.getBoundingClientRect().height)"

        Expect.all sizes (fun height -> height > 20.0) $"{address}: pictures that can be seen"

        let text =
            evaluate<float> page "parseFloat(getComputedStyle(document.querySelector('main p')).fontSize)"

        Expect.isGreaterThanOrEqual text 15.0 $"{address}: text that can be read"

    testList
        "in a browser"
        [
            for width in [ 320; 390; 1280 ] do
                testWithBrowser $"no page is wider than a window of {width}, and none asks for anything from elsewhere" {
                    let window =
                        {
                            Width = width
                            Height = 800
                            HasTouch = width < 1000
                        }

                    visit window (Uri(docs).AbsoluteUri + "/") addresses.Value look
                }
        ]

let private printed =
    let find (part: int) (page: string) (output: string) = disagreements part [ page ] output

    testList
        "what is printed is held against the page"
        [
            test "words, whole numbers and checks must be equal" {
                Expect.isEmpty (find 6 "a 5 of 1x8x26x26" "a 5 of 1x8x26x26") "equal"
                Expect.hasLength (find 6 "a 5 of 1x8x26x26" "a 5 of 1x8x26x27") 1 "a shape"
                Expect.hasLength (find 6 "a five" "a six") 1 "a word"
                Expect.hasLength (find 6 "  [ok]    over 98.5 %" "  [ok]    over 98.6 %") 1 "a check"
                Expect.hasLength (find 1 "0.5 1" "0.51 1") 1 "before part 5"
                Expect.hasLength (find 1 "a" "a\nb") 1 "a line more"
            }
            test "rounding errors and trained numbers may differ a little" {
                Expect.isEmpty (find 1 "error 3.2E-011" "error 1.1E-010") "a rounding error"
                Expect.hasLength (find 1 "error 3.2E-011" "error 3.2E-006") 1 "no rounding error"
                Expect.hasLength (find 1 "error 3.0E+000" "error 2.0E+000") 1 "a large error"
                Expect.isEmpty (find 6 "after 1: 86.2 % right" "after 1: 87.0 % right") "a percentage"
                Expect.hasLength (find 6 "after 1: 86.2 % right" "after 1: 88.0 % right") 1 "another percentage"
                Expect.isEmpty (find 7 "  0.23  0.2" "   0.25 0.21") "weights"
                Expect.hasLength (find 7 "  0.23  0.2" "  0.43  0.2") 1 "other weights"
            }
        ]

let tests =
    testList "Guide site" [ isMadeFromScripts; standsAlone; canBeRead; inBrowser; printed ]
