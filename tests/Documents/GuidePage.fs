/// The pages under docs/guide, taken to pieces, and what they say that the parts print.
module Cnn.Tests.Documents.GuidePage

open System
open System.IO
open System.Net
open System.Text.RegularExpressions

/// The folder of the repository: the tests are built somewhere below it.
let repository: string =
    let rec find (folder: DirectoryInfo) =
        if File.Exists(Path.Combine(folder.FullName, "FunctionalCnn.sln")) then
            folder.FullName
        else
            find (nonNull folder.Parent)

    find (DirectoryInfo AppContext.BaseDirectory)

let docs = Path.Combine(repository, "docs")
let guide = Path.Combine(repository, "guide")

/// The page of a part, such as 01-conv1d.
let read (name: string) : string =
    (File.ReadAllText(Path.Combine(docs, "guide", name + ".html"))).ReplaceLineEndings "\n"

/// What a reader sees of HTML.
let seen (html: string) : string =
    WebUtility.HtmlDecode(Regex.Replace(html, "<[^>]*>", ""))

let private boxes (pattern: string) (page: string) : string list =
    [
        for found in Regex.Matches(page, pattern, RegexOptions.Singleline) -> seen found.Groups[1].Value
    ]

/// Its blocks of code.
let code (page: string) : string list =
    boxes "<pre class=\"code\"[^>]*><code>(.*?)</code></pre>" page

/// Its prose, without code, outputs and pictures.
let prose (page: string) : string =
    let main = Regex.Match(page, "<main.*?</main>", RegexOptions.Singleline).Value

    Regex.Replace(
        main,
        "<pre class=\"code\".*?</pre>|<div class=\"output\">.*?</div>|<figure>.*?</figure>",
        " ",
        RegexOptions.Singleline
    )
    |> seen

// ---- what the parts print ----------------------------------------------------------------------

let private lines (text: string) : string list =
    [
        for line in text.ReplaceLineEndings("\n").Split '\n' do
            if line.Trim() <> "" then
                line.TrimEnd()
    ]

/// All lines that the page says are printed.
let output (page: string) : string list =
    boxes "<samp>(.*?)</samp>" page |> List.collect lines

// counts that hang on a network that was trained, or on random weights in single precision
let private counted =
    [ "of 1000 right"; "the pixel that counts most"; "are still taken for a seven" ]

/// Whether a printed number may stand where the page has another one. Sums in another order end in other digits:
/// a rounding error may be anything up to a hundred times as large; any other number in E notation differs by a twentieth at most;
/// what a network in single precision gives (from part 5 on, with a point) differs by 0.05 and a tenth, a percentage by 1.5.
/// All else must be equal.
let private agrees (part: int) (figures: Agreement.Figures) : bool =
    let struct (a, b) = figures.Values

    if figures.Recorded.Contains 'E' then
        if a > 1e-3 then
            abs (a - b) <= 0.05 * a
        else
            b >= 0.0 && b <= 100.0 * a + 1e-15
    elif figures.IsPercent then
        a = b || part >= 5 && figures.Recorded.Contains '.' && abs (a - b) <= 1.5
    elif
        part >= 5
        && (figures.Recorded.Contains '.' || counted |> List.exists figures.Line.Contains)
    then
        abs (a - b) <= 0.05 + 0.1 * max (abs a) (abs b)
    else
        a = b

let private agree (part: int) (recorded: string) (printed: string) : bool =
    // a check is words only, numbers in it included; a digit that is drawn is to have each of its pixels
    if recorded = printed then
        true
    elif recorded.Contains "[ok]" || printed.Contains "[ok]" then
        false
    else
        Agreement.ofLineBy (agrees part) recorded printed

/// Where a part printed something else than its page says: each line of the page, and the line that came instead.
let disagreements (part: int) (recorded: string list) (printed: string) : string list =
    let printed = lines printed

    [
        if recorded.Length <> printed.Length then
            $"the page has {recorded.Length} lines, and {printed.Length} were printed"

        for expected, actual in Seq.zip recorded printed do
            if not (agree part expected actual) then
                $"the page: {expected}\nprinted:  {actual}"
    ]
