module Cnn.Tests.Storage.ModelFileTests

open System
open System.Buffers.Binary
open Expecto
open FsCheck
open FsCheck.FSharp
open Cnn.Tensors
open Cnn.Networks
open Cnn.Storage
open Cnn.Tests.Support
open Cnn.Tests.Storage.Tampering

let private model: TrainedNetwork =
    let network = network [ 1; 6; 5 ] "conv 2 3 pad 1, relu, pool 2, flatten, dense 3"

    {
        Network = network
        Parameters = Network.initialize He (Seed.ofInt 1) network
        State = Network.start network
        Normalization =
            {
                Mean = 0.1307
                StandardDeviation = 0.3081
            }
        ClassNames = [ "cat"; "dog"; "Ö \"quoted\"" ]
        Command = "cnn train --seed 1"
    }

let private bytes = ModelFile.encode model

let private decode (file: byte[]) = ModelFile.decode (ReadOnlyMemory file)

let private expectRefusal (reason: string) (file: byte[]) =
    match decode file with
    | Ok _ -> failtest "a damaged file was accepted"
    | Error why -> Expect.stringContains why reason "why it was refused"

let private refused (reason: string) (file: byte[]) =
    match Safetensors.decode (ReadOnlyMemory file) with
    | Ok _ -> failtest "a damaged file was accepted"
    | Error why -> Expect.stringContains why reason "why it was refused"

let private one (entry: string) =
    file $$"""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{{entry}}}"""

let tests =
    testList
        "Storage.ModelFile"
        [
            test "a model comes back as it was, to the last bit" {
                match decode bytes with
                | Error reason -> failtest reason
                | Ok stored ->
                    let read = stored.Model
                    Expect.isTrue stored.IsVerified "verified"
                    Expect.equal read.ClassNames model.ClassNames "names"
                    Expect.equal read.Command model.Command "command"
                    Expect.equal read.Network.Layers model.Network.Layers "layers"
                    Expect.equal read.Network.Input model.Network.Input "input"
                    Expect.equal read.Normalization model.Normalization "normalisation"
                    Expect.sequenceEqual (parameterBits read.Parameters) (parameterBits model.Parameters) "numbers"
            }

            test "the same model always gives the same bytes" {
                Expect.sequenceEqual (ModelFile.encode model) bytes "bytes"
            }

            test "the layout is that of safetensors: length, JSON, values from a multiple of 8 on" {
                let header = int (BinaryPrimitives.ReadInt64LittleEndian(ReadOnlySpan bytes))
                Expect.equal (header % 8) 0 "alignment of the values"
                use json = System.Text.Json.JsonDocument.Parse(ReadOnlyMemory(bytes, 8, header))
                let weight = json.RootElement.GetProperty "0.weight"
                Expect.equal (weight.GetProperty("dtype").GetString()) "F32" "dtype"

                Expect.sequenceEqual
                    [
                        for extent in weight.GetProperty("shape").EnumerateArray() -> extent.GetInt32()
                    ]
                    [ 2; 1; 3; 3 ]
                    "shape"

                let first = weight.GetProperty("data_offsets").[0].GetInt32()

                let value =
                    BinaryPrimitives.ReadSingleLittleEndian(ReadOnlySpan(bytes, 8 + header + first, 4))

                match model.Parameters with
                | Block(Affine conv :: _) -> Expect.equal value conv.Weight[0] "first weight"
                | other -> failtest $"unexpected form {other}"
            }

            test "every shorter file is refused with a reason, none with an exception" {
                for length in 0 .. bytes.Length - 1 do
                    match decode bytes[.. length - 1] with
                    | Ok _ -> failtest $"the first {length} of {bytes.Length} bytes were accepted"
                    | Error reason -> Expect.isNotEmpty reason "reason"
            }

            test "a byte too many is refused" {
                Expect.isError (decode (Array.append bytes [| 0uy |])) "one byte after the last tensor"
            }

            test "numbers that are not finite are refused" {
                let broken = Array.copy bytes
                BinaryPrimitives.WriteSingleLittleEndian(Span(broken, broken.Length - 4, 4), Single.NaN)

                match decode (resigned broken) with
                | Ok _ -> failtest "a NaN was accepted"
                | Error reason -> Expect.stringContains reason "not finite" "reason"
            }

            testPropertyWithConfig
                { FsCheckConfig.defaultConfig with
                    maxTest = 2000
                }
                "no bytes make the reader raise"
                (fun (noise: byte[]) ->
                    let mutated =
                        bytes |> Array.mapi (fun i b -> if i < noise.Length then b ^^^ noise[i] else b)

                    if mutated <> bytes then
                        Expect.isError (decode mutated) "a damaged file"

                    // the verdict is free: changed values are still numbers
                    decode (resigned mutated) |> ignore
                    decode noise |> ignore)

            test "announced lengths that cannot be are refused" {
                for announced in [ 0L; 1L; -1L; Int64.MaxValue; Int64.MinValue; 99_000_000L ] do
                    let broken = Array.copy bytes
                    BinaryPrimitives.WriteInt64LittleEndian(Span broken, announced)
                    Expect.isError (decode broken) $"a header of {announced} bytes"
            }

            test "entries that lie about their values are refused" {
                let eight = Array.zeroCreate 8
                let sixteen = Array.zeroCreate 16

                one """{"dtype":"F32","shape":[2],"data_offsets":[8,16]}""" eight
                |> refused "too early"

                one """{"dtype":"F32","shape":[2],"data_offsets":[4,12]}""" sixteen
                |> refused "overlaps"

                one """{"dtype":"F32","shape":[1],"data_offsets":[12,16]}""" sixteen
                |> refused "hole"

                one """{"dtype":"F32","shape":[1],"data_offsets":[8,12]}""" sixteen
                |> refused "belong to none"

                one """{"dtype":"F32","shape":[3],"data_offsets":[8,16]}""" sixteen
                |> refused "does not fit its shape"

                one """{"dtype":"F32","shape":[2],"data_offsets":[16,8]}""" sixteen
                |> refused "does not fit its shape"

                one """{"dtype":"F16","shape":[4],"data_offsets":[8,16]}""" sixteen
                |> refused "dtype F32"

                one """{"dtype":"F32","shape":[-2],"data_offsets":[8,16]}""" sixteen
                |> refused "lacks"

                one """{"dtype":"F32","shape":[2]}""" sixteen |> refused "lacks"
                one "7" sixteen |> refused "lacks"

                one """{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[8,8]}""" eight
                |> refused "does not fit its shape"
            }

            test "headers that are not a table of tensors are refused" {
                file "[]" [||] |> refused "not a JSON object"
                file "{ " [||] |> refused "not valid JSON"
                file """{"a":1,"a":2}""" [||] |> refused "not valid JSON"

                file (String.replicate 100 "[" + String.replicate 100 "]") [||]
                |> refused "not valid JSON"

                file """{"__metadata__":{"format":3}}""" [||] |> refused "table of texts"
            }

            test "another program's safetensors file is not taken for a model" {
                match
                    decode (file """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""" (Array.zeroCreate 8))
                with
                | Ok _ -> failtest "a foreign file was accepted"
                | Error reason -> Expect.stringContains reason "do not say which architecture" "reason"
            }

            test "the digest is the SHA-256 of the file with its own digits as zeros" {
                Expect.equal (held bytes) (digest bytes) "digest"
                Expect.notEqual (held bytes) (String('0', 64)) "digits"
            }

            test "every flip of a single bit is noticed" {
                for i in 0 .. bytes.Length - 1 do
                    for bit in 0..7 do
                        let flipped = Array.copy bytes
                        flipped[i] <- flipped[i] ^^^ (1uy <<< bit)

                        if Result.isOk (decode flipped) then
                            failtest $"bit {bit} of byte {i} was flipped, and the file accepted"
            }

            test "a digest is 64 lowercase digits, and a file of ours cannot do without" {
                for wrong in
                    [
                        (held bytes).ToUpperInvariant()
                        held bytes + "0"
                        ""
                        (held bytes).Replace('0', 'g')
                    ] do
                    file ((header bytes).Replace(held bytes, wrong)) (values bytes)
                    |> expectRefusal "not 64 hexadecimal digits"

                withoutDigest bytes |> expectRefusal "its sha256 is missing"
            }

            test "a file of another program that names its architecture is taken, and called unverified" {
                let foreign =
                    header bytes
                    |> fun text -> text.Replace("functional-cnn", "pt")
                    |> fun text -> file text (values bytes)

                // with a digest, whoever wrote it, the digest must be right
                expectRefusal "SHA-256" foreign

                match decode (withoutDigest foreign) with
                | Error reason -> failtest reason
                | Ok stored ->
                    Expect.isFalse stored.IsVerified "verified"

                    Expect.sequenceEqual
                        (parameterBits stored.Model.Parameters)
                        (parameterBits model.Parameters)
                        "numbers"
            }

            test "a file of version 1, which had no digest, is still read" {
                let old =
                    header (withoutDigest bytes)
                    |> fun text -> text.Replace("\"version\":\"2\"", "\"version\":\"1\"")
                    |> fun text -> file text (values bytes)

                match decode old with
                | Error reason -> failtest reason
                | Ok stored -> Expect.isFalse stored.IsVerified "verified"

                edited "\"version\":\"2\"" "\"version\":\"3\"" bytes
                |> expectRefusal "version '3'"
            }

            test "what is left out has its usual value: inputs from 0 to 1, numbers for names" {
                let less =
                    let text = header bytes
                    let start = text.IndexOf ",\"mean\""
                    let last = text.IndexOf ",\"command\""
                    resigned (file (text.Remove(start, last - start)) (values bytes))

                match decode less with
                | Error reason -> failtest reason
                | Ok stored ->
                    Expect.equal stored.Model.Normalization Normalization.unit "normalisation"
                    Expect.equal stored.Model.ClassNames [ "0"; "1"; "2" ] "names"
            }

            test "metadata that cannot be are refused" {
                let expect (before: string) (after: string) (reason: string) =
                    edited before after bytes |> expectRefusal reason

                expect "\"mean\":\"0.1307\"" "\"mean\":\"NaN\"" "mean is not a number"
                expect "\"mean\":\"0.1307\"," "" "lack 'mean'"
                expect "0.3081" "0" "not positive"
                expect "0.3081" "-1" "not positive"
                expect "0.3081" "1e400" "not a number"
                expect "0.3081" "1e-320" "make inputs infinite"
                expect "1x6x5" "1x6x-5" "not a shape"
                expect "1x6x5" "1x1x1x1x1x1x1x1x1x1" "not a shape"
                expect "1x6x5" "1x99999999x99999999" "not possible"
                expect "1x6x5" "1x99999x99999" "not possible"
                expect "conv 2 3" "cnov 2 3" "is not a layer"
                expect "\\\"cat\\\"" "\\\"dog\\\"" "the same name"
                expect "\\\"cat\\\"," "" "2 names for 3 classes"
                expect "\\\"cat\\\"" "7" "not a list of texts"
                expect "\\\"cat\\\"" "\\\"\\\"" "is empty"
                expect "\\\"cat\\\"" "\\\"a\\\\u001b[2J\\\"" "control characters"
            }

            test "tensors must be those of the architecture" {
                let encode change =
                    Safetensors.decode (ReadOnlyMemory bytes)
                    |> Result.map (fun contents ->
                        Safetensors.encode
                            { contents with
                                Tensors = change contents.Tensors
                            })
                    |> Result.bind decode

                let expect (part: string) result =
                    match result with
                    | Ok _ -> failtest "tensors of another network were accepted"
                    | Error reason -> Expect.stringContains reason part "reason"

                encode List.tail |> expect "'0.weight' is missing"

                encode (fun tensors -> ("extra", Tensor.zeros [ 1 ]) :: tensors)
                |> expect "'extra' has no place"

                encode (List.map (fun (name, t) -> name, (if name = "4.bias" then Tensor.zeros [ 4 ] else t)))
                |> expect "'4.bias' is 4, but its architecture asks for 3"
            }
        ]
