/// `cnn info` and `cnn bench`: that they say what they promise to. What the figures are is the machine's business, but there are
/// figures, and they are possible.
module Cnn.Tests.Host.BenchTests

open System
open System.Text.Json
open System.Text.RegularExpressions
open Expecto
open Cnn
open Cnn.Tests.Host.Cli

/// Numbers anywhere in a document, with their names.
let rec private numbers (name: string) (element: JsonElement) : (string * float) list =
    match element.ValueKind with
    | JsonValueKind.Number -> [ name, element.GetDouble() ]
    | JsonValueKind.Object ->
        [
            for p in element.EnumerateObject() do
                yield! numbers p.Name p.Value
        ]
    | JsonValueKind.Array ->
        [
            for item in element.EnumerateArray() do
                yield! numbers name item
        ]
    | _ -> []

/// What may be none at all.
let private mayBeZero =
    set [ "gcPauseShare"; "collectionsPer1000Steps"; "vectorBits"; "vectorWidths" ]

let private expectPossible (element: JsonElement) =
    for name, value in numbers "" element do
        Expect.isTrue (Double.IsFinite value) $"{name} is {value}"

        if mayBeZero.Contains name then
            Expect.isGreaterThanOrEqual value 0.0 name
        else
            Expect.isGreaterThan value 0.0 name

let private quick = [ "bench"; "--quick"; "--models"; "simple" ]

let tests =
    testList
        "Host.Bench"
        [
            test "info says what it runs on" {
                inFolder (fun folder ->
                    let text = runOk folder [ "info" ]
                    Expect.isTrue (Regex.IsMatch(text, $@"(?m)^cores +{Environment.ProcessorCount}\r?$")) text
                    Expect.stringContains text "data folder" "where the images are"
                    Expect.stringContains text "GFLOPS in float32" "peak"

                    if VectorUnit.Bits > 0 then
                        Expect.stringContains text $"{VectorUnit.Bits} bits" "vectors"

                    // what the project file of the host asks for
                    Expect.stringContains text "workstation, not concurrent" "garbage collector")
            }

            test "info --json is one object with the same" {
                inFolder (fun folder ->
                    use json = JsonDocument.Parse(runOk folder [ "info"; "--json" ])
                    let machine = json.RootElement.GetProperty "machine"
                    Expect.equal (machine.GetProperty("cores").GetInt32()) Environment.ProcessorCount "cores"
                    Expect.equal (machine.GetProperty("vectorBits").GetInt32()) VectorUnit.Bits "vectors"
                    expectPossible json.RootElement)
            }

            test "bench --quick: every heading, and a line for every figure" {
                inFolder (fun folder ->
                    let text = runOk folder quick

                    for heading in
                        [
                            "peak of a core"
                            "training"
                            "inference"
                            "stages"
                            "images/s"
                            "bytes/step"
                            "GC pauses"
                            "microseconds"
                            "dense multiply-adds"
                            "executed"
                            "of peak"
                            "forward"
                            "backward"
                        ] do
                        Expect.stringContains text heading "heading"

                    Expect.stringContains text "conv 8 3, relu, pool 2" "the first stage"
                    Expect.isFalse (text.Contains "NaN" || text.Contains '∞' || text.Contains '\027') text)
            }

            test "bench --quick --json: every figure is finite, and positive where it has to be" {
                inFolder (fun folder ->
                    use json = JsonDocument.Parse(runOk folder (quick @ [ "--json" ]))
                    let threads = if Environment.ProcessorCount = 1 then 1 else 2

                    for name, rows in [ "training", 3 * threads; "inference", threads + 1; "stages", 4 ] do
                        let table = json.RootElement.GetProperty name
                        Expect.equal (table.GetArrayLength()) rows name

                        for row in table.EnumerateArray() do
                            Expect.equal (row.GetProperty("network").GetString()) "simple" $"the network of {name}"

                    expectPossible json.RootElement)
            }

            test "bench --purity: fresh results beside recycled ones, with every ratio" {
                inFolder (fun folder ->
                    let text = runOk folder (quick @ [ "--purity" ])

                    for heading in [ "fresh / recycled"; "pair by pair"; "images/s"; "bytes/step"; "GC pauses" ] do
                        Expect.stringContains text heading "heading"

                    Expect.isFalse (text.Contains "stages") "nothing else is measured")
            }

            test "bench --purity --json: a ratio for each pair, and their median" {
                inFolder (fun folder ->
                    use json = JsonDocument.Parse(runOk folder (quick @ [ "--purity"; "--json" ]))
                    let threads = if Environment.ProcessorCount = 1 then 1 else 2
                    let table = json.RootElement.GetProperty "purity"
                    Expect.equal (table.GetArrayLength()) (3 * threads) "rows"

                    for row in table.EnumerateArray() do
                        let ratios =
                            [ for ratio in row.GetProperty("ratios").EnumerateArray() -> ratio.GetDouble() ]

                        Expect.equal
                            (row.GetProperty("medianRatio").GetDouble())
                            (ratios |> List.sort |> List.item (ratios.Length / 2))
                            "median"

                        let bytes (name: string) =
                            row.GetProperty(name).GetProperty("allocatedBytesPerStep").GetDouble()

                        Expect.isLessThan (bytes "recycled") (bytes "fresh") "bytes a step"

                    expectPossible json.RootElement)
            }

            test "a network that cannot be trained on single images is measured on the other batches" {
                inFolder (fun folder ->
                    let arch = "flatten, dense 8, batchnorm, relu, dense classes"

                    for more, rows in [ [], "training"; [ "--purity" ], "purity" ] do
                        use json =
                            JsonDocument.Parse(runOk folder ([ "bench"; "--quick"; "--arch"; arch; "--json" ] @ more))

                        let threads = if Environment.ProcessorCount = 1 then 1 else 2
                        Expect.equal (json.RootElement.GetProperty(rows).GetArrayLength()) (2 * threads) rows)
            }

            testList
                "wrong command lines"
                [
                    for flags, part in
                        [
                            [ "bench"; "--models"; "vgg" ], "simple"
                            [ "bench"; "--models"; "simple,,deep" ], "--models ''"
                            [ "bench"; "--models" ], "--models needs a value"
                            [ "bench"; "--seconds"; "0" ], "--seconds"
                            [ "bench"; "--seconds"; "long" ], "--seconds"
                            [ "bench"; "--fast" ], "there is no option --fast"
                            [ "info"; "--verbose" ], "there is no option --verbose"
                            [ "info"; "now" ], "'now' was not expected"
                        ] do
                        test (String.concat " " flags) {
                            inFolder (fun folder -> run folder flags |> expectComplaint 2 part)
                        }
                ]

            test "too few images, or no folder of them" {
                inFolder (fun folder ->
                    writeData folder 8 30 9

                    run folder [ "bench"; "--quick"; "--data"; "." ]
                    |> expectComplaint 3 "30 training images"

                    run folder [ "bench"; "--quick"; "--data"; "nowhere" ]
                    |> expectComplaint 3 "nowhere")
            }
        ]
