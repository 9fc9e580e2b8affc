/// `metrics.jsonl`: what is written is read again, and nothing else is.
module Cnn.Tests.Host.MetricsFileTests

open System
open System.IO
open System.Text
open Expecto
open FsCheck
open Cnn.Host
open Cnn.Host.Runs
open Cnn.Tests.Host.Cli

let private epoch (number: int) : EpochLine =
    EpochLine(number, 10L * int64 number, 0.5, 0.75, Nullable 0.25, Nullable 0.875, 0.01, 2.0, 30.0)

let private result =
    ResultLine(RunEnd.Completed, Nullable 2, Nullable 20L, "00ff", "test", Nullable 90, Nullable 0.9, Nullable(), null)

let private encode (lines: MetricsLine list) : byte[] =
    lines |> List.map _.Encode() |> Array.concat

let private reading (bytes: byte[]) (check: string -> unit) =
    inFolder (fun folder ->
        let path = Path.Combine(folder, MetricsFile.FileName)
        File.WriteAllBytes(path, bytes)
        check path)

/// The sentence about a file that is refused; empty where it is not.
let private complaint (bytes: byte[]) : string =
    let sentence = ref ""

    reading bytes (fun path ->
        try
            MetricsFile.Read path |> ignore
        with :? CommandException as refusal ->
            Expect.equal refusal.ExitCode ExitCode.BadData "exit code"
            sentence.Value <- refusal.Message)

    sentence.Value

let private lineOf (line: MetricsLine) =
    Encoding.UTF8.GetString(line.Encode()).Trim()

/// A good second line, with one part of it otherwise.
let private changed (part: string) (other: string) =
    let line = lineOf (epoch 2)
    Expect.stringContains line part "what is changed"
    line.Replace(part, other)

let tests =
    testList
        "Host.MetricsFile"
        [
            testProperty "an epoch of any numbers is read as it was written"
            <| fun (PositiveInt step) (loss: NormalFloat) (rate: NormalFloat) (PositiveInt correct) isHeldOut ->
                let accuracy = 1.0 / float correct

                let heldOut (value: float) =
                    if isHeldOut then Nullable value else Nullable()

                let line =
                    EpochLine(
                        1,
                        int64 step,
                        abs loss.Get,
                        accuracy,
                        heldOut (abs rate.Get),
                        heldOut accuracy,
                        abs rate.Get,
                        1.5,
                        abs loss.Get
                    )

                reading (encode [ line ]) (fun path ->
                    let read = MetricsFile.Read path
                    Expect.equal (List.ofSeq read.Epochs) [ line ] "the epochs"
                    Expect.isNull read.Result "no result yet")

            test "epochs and the result, of every end" {
                for last in
                    [
                        result
                        ResultLine.Without RunEnd.Interrupted
                        ResultLine.Without(RunEnd.Diverged, "the loss is \"NaN\"\nin step 3")
                    ] do
                    reading (encode [ epoch 1; epoch 2; last ]) (fun path ->
                        let read = MetricsFile.Read path
                        Expect.equal (List.ofSeq read.Epochs) [ epoch 1; epoch 2 ] "the epochs"
                        Expect.equal read.Result last "the result")
            }

            test "a line is one line that ends, and says what kind it is" {
                for line in [ epoch 1 :> MetricsLine; ResultLine.Without(RunEnd.Diverged, "a\nb") ] do
                    let bytes = line.Encode()
                    Expect.equal (Array.IndexOf(bytes, '\n'B)) (bytes.Length - 1) "the first end of a line"

                Expect.stringStarts (lineOf (epoch 1)) "{\"kind\":\"epoch\",\"epoch\":1,\"step\":10," "an epoch"
            }

            test "wherever a file breaks off, the lines before are read" {
                let whole = encode [ epoch 1; epoch 2; result ]

                for length in 0 .. whole.Length - 1 do
                    let ends = whole[.. length - 1] |> Array.filter ((=) '\n'B) |> Array.length

                    reading whole[.. length - 1] (fun path ->
                        let read = MetricsFile.Read path
                        Expect.equal read.Epochs.Count (min 2 ends) $"epochs in {length} bytes"
                        Expect.isNull read.Result $"result in {length} bytes")
            }

            for name, bad in
                [
                    "no JSON", "epoch 2"
                    "an empty line", ""
                    "null", "null"
                    "a list", "[]"
                    "no kind", changed "\"kind\":\"epoch\"," ""
                    "another kind", changed "\"kind\":\"epoch\"" "\"kind\":\"step\""
                    "a key too many", changed "\"seconds\":2," "\"seconds\":2,\"minutes\":2,"
                    "a key that is missing", changed "\"seconds\":2," ""
                    "a key twice", changed "\"seconds\":2," "\"seconds\":2,\"seconds\":2,"
                    "a number in quotes", changed "\"seconds\":2" "\"seconds\":\"2\""
                    "a number that is not finite", changed "\"loss\":0.5" "\"loss\":1e999"
                    "a loss below 0", changed "\"loss\":0.5" "\"loss\":-0.5"
                    "a part above 1", changed "\"accuracy\":0.75" "\"accuracy\":1.5"
                    "a loss without an accuracy", changed "\"validationAccuracy\":0.875" "\"validationAccuracy\":null"
                    "an end that is none", (lineOf result).Replace("\"completed\"", "1")
                    "another score", (lineOf result).Replace("\"test\"", "\"train\"")
                ] do
                test $"refused with the number of its line: {name}" {
                    let bytes = Array.append (encode [ epoch 1 ]) (Encoding.UTF8.GetBytes(bad + "\n"))
                    Expect.stringContains (complaint bytes) "line 2, is neither" "which line"
                }

            test "refused: epochs out of order, or behind the result" {
                Expect.stringContains (complaint (encode [ epoch 2 ])) "line 1" "no first epoch"
                Expect.stringContains (complaint (encode [ epoch 1; epoch 3 ])) "epoch 2 is expected" "a gap"
                Expect.stringContains (complaint (encode [ epoch 1; epoch 1 ])) "line 2" "twice"
                Expect.stringContains (complaint (encode [ epoch 1; result; epoch 2 ])) "line 3" "behind the result"
            }

            test "refused: no file, a folder" {
                inFolder (fun folder ->
                    for path in [ folder; Path.Combine(folder, "none.jsonl") ] do
                        Expect.throwsT<CommandException> (fun () -> MetricsFile.Read path |> ignore) path)
            }
        ]
