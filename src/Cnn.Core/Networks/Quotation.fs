namespace Cnn.Networks

open System

/// Words of a file in a sentence about it. The file may be a stranger's, and the sentence is to stay one short line.
module internal Quotation =

    /// Characters that are shown, at most.
    [<Literal>]
    let private MostShown = 40

    /// A text as a few characters of one line.
    let shorten (text: string) : string =
        let shown =
            if text.Length > MostShown then
                text.Substring(0, MostShown) + "…"
            else
                text

        shown
        |> String.map (fun c -> if Char.IsControl c || Char.IsWhiteSpace c then ' ' else c)

    /// The same in quotes.
    let quote (text: string) : string = $"'{shorten text}'"
