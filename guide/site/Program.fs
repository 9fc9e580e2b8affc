/// guide/render: writes the pages of the guide into docs/. It runs every part, which takes about a minute.
module Cnn.Site.Program

open System
open System.IO
open System.Runtime.InteropServices
open System.Runtime.Intrinsics
open Cnn.Site.Recording

/// Beside it first, then renamed, so that a page is whole or not there.
let private write (path: string) (text: string) : unit =
    let aside = path + ".new"
    File.WriteAllText(aside, text)
    File.Move(aside, path, overwrite = true)

/// What the last digits of a result depend on.
let private machine () : string =
    let width =
        if Vector512.IsHardwareAccelerated then 512
        elif Vector256.IsHardwareAccelerated then 256
        else 128

    let architecture =
        (string RuntimeInformation.ProcessArchitecture).ToLowerInvariant()

    $"an {architecture} processor with vectors of {width} bits, .NET {Environment.Version.Major}"

let private render (root: string) : unit =
    let guide, docs = Path.Combine(root, "guide"), Path.Combine(root, "docs")
    let host = Path.Combine(root, "artifacts", "bin", "Cnn.Host", "release")
    let own = Path.Combine(guide, "site")
    let parts = Script.readAll guide

    let site: Pages.Site =
        {
            Parts = parts
            Digest = Script.digest guide
            Machine = machine ()
        }

    // all of them before the first page is written
    let recorded =
        [
            for part in parts do
                eprintfn $"running part {part.Number} of {parts.Length}"

                let recorded =
                    try
                        record host guide part
                    with RecordingFailed reason ->
                        raise (RecordingFailed $"part {part.Number}: {reason}")

                part, recorded
        ]

    let pages =
        [
            for part, blocks in recorded -> $"{part.Name}.html", Pages.part site part blocks
        ]

    let pictures =
        recorded |> List.collect snd |> List.collect (fun block -> block.Pictures)

    let index =
        Pages.index site pictures (File.ReadAllText(Path.Combine(own, "index.md")))

    let folder = Path.Combine(docs, "guide")
    Directory.CreateDirectory folder |> ignore

    for name, text in pages do
        write (Path.Combine(folder, name)) text

    write (Path.Combine(docs, "site.css")) (File.ReadAllText(Path.Combine(own, "site.css")))
    write (Path.Combine(docs, "index.html")) index

    for path in Directory.GetFiles(folder, "*.html") do
        if pages |> List.forall (fun (name, _) -> name <> Path.GetFileName path) then
            File.Delete path

[<EntryPoint>]
let main arguments =
    match arguments with
    | [| root |] ->
        try
            render root
            0
        with
        | RecordingFailed reason ->
            eprintfn $"render: {reason}"
            1
        | :? FormatException
        | :? IOException as cause ->
            eprintfn $"render: {cause.Message}"
            1
    | _ ->
        eprintfn "render: give the folder of the repository, as guide/render does."
        2
