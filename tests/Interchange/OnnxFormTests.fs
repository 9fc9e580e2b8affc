/// ONNX files: their form, and what comes of damaged ones.
module Cnn.Tests.Interchange.OnnxFormTests

open System
open System.IO
open System.Text.Json
open Expecto
open Cnn
open Cnn.Host.Data
open Cnn.Host.Onnx
open Cnn.Interchange
open Cnn.Networks
open Cnn.Storage
open Cnn.Tensors
open Cnn.Tests.NetworkCases
open Cnn.Tests.Properties
open Cnn.Tests.Support
open Cnn.Tests.Interchange.GraphCases

let private small =
    lazy
        OnnxWriter.Encode(
            GraphExport.ofNetwork (
                model [ 1; 5; 4 ] "conv 2 3 pad 1, batchnorm, silu, residual(conv 2 1, gelu), gap, dense 3" 1
            )
        )

/// Bytes that are read or refused with a sentence; anything else fails. Whether they were taken.
let private attempt (bytes: byte[]) : bool =
    try
        let model = ModelGraph.Import(OnnxReader.Decode bytes, null).Model
        Expect.isTrue model.IsFinite "finite"
        true
    with
    | :? CnnException
    | :? InvalidDataException as refusal ->
        Expect.isFalse (refusal.Message.Contains '\n') "one line"
        Expect.isGreaterThan refusal.Message.Length 10 "a sentence"
        false

let private damaged =
    testList
        "damaged files"
        [
            test "every shorter file is refused with a sentence" {
                for length in 0 .. small.Value.Length - 1 do
                    // notes stand at the end: without some of them a file is whole
                    attempt small.Value[.. length - 1] |> ignore

                Expect.isFalse (attempt [||]) "no bytes"
                Expect.isFalse (attempt small.Value[.. small.Value.Length / 2]) "half of it"
                Expect.isTrue (attempt small.Value) "all of it"
            }
            test "every flip of a single bit is survived" {
                for i in 0 .. small.Value.Length - 1 do
                    for bit in 0..7 do
                        let flipped = Array.copy small.Value
                        flipped[i] <- flipped[i] ^^^ (1uy <<< bit)
                        attempt flipped |> ignore
            }
            testPropertyWithConfig
                { FsCheckConfig.defaultConfig with
                    maxTest = 1000
                }
                "no bytes make the reader raise"
                (fun (noise: byte[]) -> attempt noise |> ignore)
        ]

let private expectRefusal (part: string) (bytes: byte[]) =
    match
        (try
            OnnxReader.Decode bytes |> ignore
            ""
         with :? InvalidDataException as refusal ->
             refusal.Message)
    with
    | reason -> Expect.stringContains reason part "reason"

/// A field of a protobuf message.
type private Field =
    | Whole of int
    | Single of float32
    | Word of string
    | Raw of byte[]
    | Inner of (int * Field) list

let rec private messageOf (fields: (int * Field) list) : ProtobufMessage =
    let message = ProtobufMessage()

    for number, field in fields do
        match field with
        | Whole value -> message.Add(number, int64 value)
        | Single value -> message.Add(number, value)
        | Word text -> message.Add(number, text)
        | Raw bytes -> message.Add(number, ReadOnlyMemory bytes)
        | Inner fields -> message.Add(number, messageOf fields)

    message

/// A model whose graph has these fields.
let private withGraph (fields: (int * Field) list) : byte[] =
    (messageOf [ 7, Inner fields; 8, Inner [ 2, Whole 20 ] ]).ToArray()

let private form =
    testList
        "the form of files"
        [
            property "a graph comes back from its file as it was" (fun (RichCase case) ->
                let graph = GraphExport.ofNetwork (modelOf case)
                Expect.equal (OnnxReader.Decode(OnnxWriter.Encode graph)) graph "graph")
            testPropertyWithConfig
                { FsCheckConfig.defaultConfig with
                    arbitrary = [ typeof<Arbitraries> ]
                    maxTest = 100
                }
                "ONNX Runtime takes a random network, and gives our logits"
                (fun (RichCase case) ->
                    let model = modelOf case
                    let pixels = pixelsOf model 4 case.Seed
                    let file = OnnxWriter.Encode(GraphExport.ofNetwork model)
                    let theirs = OnnxJudge.run file model.Network.Input (Array.map float32 pixels)
                    let ours = logitsOf model pixels
                    expectClose 1e-5 "logits" (Array.map float ours) (Array.map float theirs))
            test "numbers may be packed as floats, and whole ones as varints" {
                let weight =
                    Inner
                        [
                            1, Whole 4
                            1, Whole 2
                            2, Whole 1
                            4, Raw((constant "w" [ 4; 2 ] 1).Bytes.ToArray())
                            8, Word "w"
                        ]

                let shape = Inner [ 1, Whole 2; 2, Whole 7; 7, Whole 0; 7, Whole -1; 8, Word "t" ]
                let extent (value: int) = Inner [ 1, Whole value ]
                let batch = Inner [ 2, Word "N" ]

                let port (name: string) (extents: Field list) =
                    let shape = Inner [ for extent in extents -> 1, extent ]
                    Inner [ 1, Word name; 2, Inner [ 1, Inner [ 1, Whole 1; 2, shape ] ] ]

                let file =
                    withGraph
                        [
                            1, Inner [ 1, Word "x"; 1, Word "t"; 2, Word "f"; 4, Word "Reshape" ]
                            1, Inner [ 1, Word "f"; 1, Word "w"; 2, Word "y"; 4, Word "MatMul" ]
                            5, weight
                            5, shape
                            11, port "x" [ batch; extent 1; extent 2; extent 2 ]
                            12, port "y" [ batch; extent 2 ]
                        ]

                let model = ModelGraph.Import(OnnxReader.Decode file, "unit").Model
                Expect.equal model.Architecture "flatten, dense 2" "layers"

                let weights = Parameters.named model.Trained.Parameters |> List.head |> snd
                Expect.equal (bits weights) ((constant "w" [ 4; 2 ] 1).Bytes.ToArray()) "weights"
            }
            test "thousands of empty things cost a KB each at most" {
                let many (count: int) (field: int) (contents: (int * Field) list) =
                    List.replicate count (field, Inner contents)

                for name, count, file in
                    [
                        "constants", 10_000, withGraph (many 10_000 5 [])
                        "inputs", 10_000, withGraph (many 10_000 11 [])
                        "nodes and their attributes", 33 * 5_000, withGraph (many 5_000 1 (many 32 5 []))
                        "fields that nobody reads", 0, withGraph (many 1_000_000 99 [])
                    ] do
                    let before = GC.GetAllocatedBytesForCurrentThread()
                    Expect.isFalse (attempt file) name
                    let taken = GC.GetAllocatedBytesForCurrentThread() - before
                    let bound = 65_536L + 32L * int64 file.Length + 1024L * int64 count
                    Expect.isLessThan taken bound $"bytes for {file.Length} bytes of {name}"
            }
            test "what is not a plain graph is refused" {
                expectRefusal "no protobuf message" "%PDF-1.7 hello"B
                expectRefusal "holds no graph" [||]
                expectRefusal "two graphs" ((messageOf [ 7, Inner []; 7, Inner [] ]).ToArray())
                expectRefusal "operators of its own" ((messageOf [ 7, Inner []; 25, Inner [] ]).ToArray())
                expectRefusal "which version of the ONNX operators" ((messageOf [ 7, Inner [] ]).ToArray())
                expectRefusal "sparse" (withGraph [ 15, Inner [] ])

                expectRefusal
                    "in another file"
                    (withGraph
                        [
                            5, Inner [ 8, Word "w"; 13, Inner [ 1, Word "location"; 2, Word "weights.bin" ] ]
                        ])

                expectRefusal "in another file" (withGraph [ 5, Inner [ 8, Word "w"; 14, Whole 1 ] ])
                expectRefusal "in pieces" (withGraph [ 5, Inner [ 4, Single 1.0f ] ])
                expectRefusal "not UTF-8" (withGraph [ 2, Raw [| 0xFFuy |] ])
                expectRefusal "more than 8 axes" (withGraph [ 5, Inner [ for _ in 1..9 -> 1, Whole 1 ] ])
                expectRefusal "more than 5,000 nodes" (withGraph [ for _ in 1..5001 -> 1, Inner [] ])
                expectRefusal "inputs of one node" (withGraph [ 1, Inner [ for _ in 1..65 -> 1, Word "x" ] ])
            }
        ]

let tests = testList "ONNX files" [ form; damaged ]
