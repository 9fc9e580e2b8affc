/// `cnn predict`, as a user runs it: digits on paper and in photographs, patterns, stdin, and what it refuses.
module Cnn.Tests.Host.PredictTests

open System
open System.IO
open System.Text.Json
open Expecto
open Cnn
open Cnn.Host.Data
open Cnn.Tests.Host.Cli
open Cnn.Tests.Host.DrawnDigits

let private write (folder: string) (name: string) (contents: byte[]) =
    let path = Path.Combine(folder, name)
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
    File.WriteAllBytes(path, contents)

let private lines (output: string) : string list =
    output.ReplaceLineEndings("\n").Split('\n', StringSplitOptions.RemoveEmptyEntries)
    |> List.ofArray

let private json (output: string) : JsonElement list =
    lines output |> List.map (fun line -> JsonDocument.Parse(line).RootElement)

let private text (name: string) (one: JsonElement) =
    nonNull (one.GetProperty(name).GetString())

let private fileOf = text "file"
let private nameOf = text "name"

/// m.bin, untrained: digits in 28x28 grey.
let private inModelFolder (action: string -> unit) =
    inFolder (fun folder ->
        write folder "m.bin" (Untrained.Digits.Encode())
        write folder "colour.bin" (Untrained.Colours.Encode())
        write folder "two.bin" (Model.Create("flatten, dense 3", 2, 4, 4, "he", 1).Encode())
        write folder "text.txt" "no picture"B
        write folder "empty.png" [||]
        write folder "blank.png" (ImageFile.EncodePng(Picture(1, 30, 30, ReadOnlyMemory(Array.create 900 255uy))))

        for index in 0..2 do
            write folder $"in/{index}.png" (ImageFile.EncodePng(digit index))

        write folder "in/deeper/3.png" (ImageFile.EncodePng(digit 3))
        action folder)

let private bad =
    [
        [], 2, "a MODEL_FILE is needed"
        [ "m.bin" ], 2, "a FILE is needed"
        [ "m.bin"; "in/0.png"; "--top"; "0" ], 2, "--top 0"
        [ "m.bin"; "in/0.png"; "--prepare"; "crop" ], 2, "--prepare crop is not known"
        [ "m.bin"; "in/0.png"; "--bogus" ], 2, "--bogus"
        [ "m.bin"; "-"; "-" ], 2, "give it once"
        [ "colour.bin"; "in/0.png"; "--prepare"; "mnist" ], 2, "--prepare fit"
        [ "two.bin"; "in/0.png" ], 3, "2 channels"
        [ "in/0.png"; "m.bin" ], 3, "in/0.png is not a usable model"
        [ "m.bin"; "nowhere.png" ], 3, "there is no file nowhere.png"
        [ "m.bin"; "text.txt" ], 3, "text.txt is not an image"
        [ "m.bin"; "empty.png" ], 3, "empty.png is empty"
        [ "m.bin"; "blank.png" ], 3, "nothing stands out in blank.png"
        [ "m.bin"; "in" ], 3, "in is a folder"
        [ "m.bin"; "in/*.jpg" ], 3, "no file fits the pattern in/*.jpg"
        [ "m.bin"; "nowhere/*.png" ], 3, "no file fits the pattern nowhere/*.png"
    ]

let tests =
    testList
        "Host.Predict"
        [
            test "digits on paper and in photographs are read by a model that has seen MNIST alone" {
                inFolder (fun folder ->
                    let count = 100
                    write folder "m.bin" learned.Value
                    let random = Random 1

                    for index in 0 .. count - 1 do
                        let name kind = $"{kind}/{index}-{truth index}.png"
                        let one = digit index
                        write folder (name "paper") (ImageFile.EncodePng(one.Inverted().Resized(90, 90)))
                        write folder (name "photo") (ImageFile.EncodePng(photograph random one))

                    for kind in [ "paper"; "photo" ] do
                        let answers = json (runOk folder [ "predict"; "m.bin"; $"{kind}/*.png"; "--json" ])
                        Expect.equal answers.Length count "answers"

                        let right =
                            answers |> List.filter (fun one -> (fileOf one).EndsWith $"-{nameOf one}.png")

                        Expect.isGreaterThan right.Length 92 $"right of {count} in {kind}")
            }
            test "a line for each file, the most probable classes first, as --json says in numbers" {
                inModelFolder (fun folder ->
                    let files = [ "in/2.png"; "in/0.png" ]
                    let rows = lines (runOk folder ("predict" :: "m.bin" :: files @ [ "--top"; "4" ]))

                    let objects =
                        json (runOk folder ("predict" :: "m.bin" :: files @ [ "--top"; "4"; "--json" ]))

                    Expect.equal (objects |> List.map fileOf) files "files"

                    for row, one in List.zip rows objects do
                        let top =
                            [
                                for part in one.GetProperty("top").EnumerateArray() ->
                                    nameOf part, part.GetProperty("probability").GetDouble()
                            ]

                        Expect.equal top.Length 4 "--top"
                        Expect.equal top (List.sortByDescending snd top) "order"
                        Expect.equal (nameOf one) (fst top.Head) "answer"
                        Expect.isLessThanOrEqual (List.sumBy snd top) 1.0001 "probabilities"

                        let percent (p: float) =
                            (100.0 * p).ToString("F2", Globalization.CultureInfo.InvariantCulture)

                        let expected = String.concat ", " [ for name, p in top -> $"{name} {percent p} %%" ]
                        Expect.equal row $"{fileOf one}: {expected}" "text")
            }
            test "names of classes, and patterns in the order of their files" {
                inModelFolder (fun folder ->
                    write folder "m.bin" (Untrained.Digits.WithClassNames([ for i in 0..9 -> $"kind {i}" ]).Encode())

                    let found pattern =
                        json (runOk folder [ "predict"; "m.bin"; pattern; "--json" ])

                    Expect.equal (found "in/*.png" |> List.map fileOf) [ for i in 0..2 -> $"in/{i}.png" ] "star"

                    Expect.equal
                        (found "in/**/*.png" |> List.map fileOf)
                        [ "in/0.png"; "in/1.png"; "in/2.png"; "in/deeper/3.png" ]
                        "two stars"

                    for one in found "in/*.png" do
                        Expect.equal (nameOf one) $"""kind {one.GetProperty("class").GetInt32()}""" "name")
            }
            test "stdin: a picture, or the bytes of one image or more as they are" {
                inModelFolder (fun folder ->
                    let png = File.ReadAllBytes(Path.Combine(folder, "in", "1.png"))
                    let fromFile = runOk folder [ "predict"; "m.bin"; "in/1.png" ]
                    let fromStdin = runWith png folder [ "predict"; "m.bin"; "-" ]
                    Expect.equal fromStdin.Code 0 fromStdin.Error
                    Expect.equal (fromStdin.Output.Replace("-:", "in/1.png:")) fromFile "a picture"

                    let pixels = Array.concat [ for i in 0..2 -> (digit i).Pixels.ToArray() ]

                    let several =
                        runWith pixels folder [ "predict"; "m.bin"; "-"; "--json"; "--top"; "10" ]

                    let model = Untrained.Digits

                    for index, one in List.indexed (json several.Output) do
                        Expect.equal (one.GetProperty("image").GetInt32()) index "which"
                        let expected = model.Probabilities((digit index).Pixels, 1).ToArray()

                        for part in one.GetProperty("top").EnumerateArray() do
                            Expect.equal
                                (part.GetProperty("probability").GetDouble())
                                expected[part.GetProperty("class").GetInt32()]
                                "the model's own"

                    for input, part in [ [||], "stdin is empty"; pixels[1..], "no whole number of 1x28x28 images" ] do
                        runWith input folder [ "predict"; "m.bin"; "-" ] |> expectComplaint 3 part)
            }
            test "bytes that begin as a file does, a name that begins a line, a pipe that nobody writes to" {
                inModelFolder (fun folder ->
                    let raw = Array.append "BM"B (Array.zeroCreate 782)
                    let outcome = runWith raw folder [ "predict"; "m.bin"; "-"; "--top"; "1" ]
                    Expect.equal outcome.Code 0 outcome.Error
                    Expect.equal (lines outcome.Output).Length 1 "one image"

                    write folder "in/a\nb.png" (ImageFile.EncodePng(digit 4))
                    let named = lines (runOk folder [ "predict"; "m.bin"; "in/a\nb.png" ])
                    Expect.equal named.Length 1 "one line"
                    Expect.stringStarts named.Head "in/a?b.png: " "name"

                    Expect.equal (runCommand "mkfifo" folder [ "pipe.png" ]).Code 0 "a pipe"

                    run folder [ "predict"; "m.bin"; "pipe.png" ]
                    |> expectComplaint 3 "or a pipe or device"

                    run folder [ "predict"; "pipe.png"; "in/0.png" ]
                    |> expectComplaint 3 "or a pipe or device")
            }
            test "--explain shows each step, and ends with the answer" {
                inModelFolder (fun folder ->
                    let rows = lines (runOk folder [ "predict"; "m.bin"; "in/0.png"; "--explain" ])
                    let steps = rows |> List.filter (fun row -> row.StartsWith "in/0.png, step ")

                    for step, name in List.zip steps [ "1, picture"; "2, polarity"; "3, box"; "4, scale"; "5, centre" ] do
                        Expect.stringContains step $"step {name}: " "step"

                    Expect.stringContains steps[1] "light ink on a dark ground" "polarity"
                    Expect.isGreaterThan (rows |> List.filter (fun row -> row.Contains "@@")).Length 20 "pictures"
                    let answer = lines (runOk folder [ "predict"; "m.bin"; "in/0.png" ])
                    Expect.equal [ List.last rows ] answer "answer"

                    let one =
                        json (runOk folder [ "predict"; "m.bin"; "in/0.png"; "--explain"; "--json" ])
                        |> List.exactlyOne

                    Expect.equal (one.GetProperty("steps").GetArrayLength()) 5 "steps in JSON")
            }
            test "one file of many that cannot be read does not keep the others from their answers" {
                inModelFolder (fun folder ->
                    let outcome = run folder [ "predict"; "m.bin"; "in/0.png"; "text.txt"; "in/1.png" ]
                    Expect.equal outcome.Code 3 "exit code"
                    Expect.equal (lines outcome.Output).Length 2 "answers"
                    Expect.stringContains outcome.Error "text.txt is not an image" "what is wrong"
                    Expect.equal (lines outcome.Error).Length 1 "one sentence")
            }
            testList
                "wrong in one sentence"
                [
                    for arguments, code, part in bad do
                        test $"""predict {String.concat " " arguments}""" {
                            inModelFolder (fun folder ->
                                run folder ("predict" :: arguments) |> expectComplaint code part)
                        }
                ]
        ]
