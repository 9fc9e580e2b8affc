/// Files as PyTorch would write them, made by hand.
module Cnn.Tests.Interchange.StateDictCases

open System
open System.Buffers.Binary
open System.Text.Json.Nodes
open Cnn.Tests.Storage

/// A tensor of a state_dict: name, shape, numbers.
type Entry = string * int list * float list

/// How a number is written under a dtype.
let private write (dtype: string) (value: float) : byte[] =
    let bytes = Array.zeroCreate<byte> 8

    match dtype with
    | "F64" ->
        BinaryPrimitives.WriteDoubleLittleEndian(Span bytes, value)
        bytes
    | "I64" ->
        BinaryPrimitives.WriteInt64LittleEndian(Span bytes, int64 value)
        bytes
    | "F16" ->
        BinaryPrimitives.WriteHalfLittleEndian(Span bytes, Half.op_Explicit value)
        bytes[..1]
    | "BF16" ->
        // the upper half of an F32, for numbers that need no more
        BinaryPrimitives.WriteSingleLittleEndian(Span bytes, float32 value)
        bytes[2..3]
    | _ ->
        BinaryPrimitives.WriteSingleLittleEndian(Span bytes, float32 value)
        bytes[..3]

/// A safetensors file of tensors, each with its dtype.
let fileOf (entries: (string * Entry) list) : byte[] =
    let header = JsonObject()
    let values = ResizeArray<byte>()

    for dtype, (name, shape, numbers) in entries do
        let start = values.Count

        for number in numbers do
            values.AddRange(write dtype number)

        let entry = JsonObject()
        entry["dtype"] <- JsonValue.Create dtype
        entry["shape"] <- JsonArray [| for extent in shape -> JsonValue.Create extent :> JsonNode |]
        entry["data_offsets"] <- JsonArray(JsonValue.Create start, JsonValue.Create values.Count)
        header[name] <- entry

    Tampering.file (header.ToJsonString()) (values.ToArray())

/// The same, all of one dtype but for the counters of BatchNorm.
let file (dtype: string) (entries: Entry list) : byte[] =
    entries
    |> List.map (fun (name, shape, numbers) ->
        (if name.EndsWith("num_batches_tracked", StringComparison.Ordinal) then
             "I64"
         else
             dtype),
        (name, shape, numbers))
    |> fileOf

/// Numbers in steps of 1/8 from -2 to 2, which every dtype holds exactly.
let private eighths (seed: int) (count: int) : float list =
    let random = Random seed
    List.init count (fun _ -> float (random.Next(-16, 17)) / 8.0)

/// A small CNN on 1x5x5 as somebody wrote it: conv1 of 2 filters, its BatchNorm, conv2 of 3 filters, and a classifier of 4.
let small: Entry list =
    [
        "conv1.weight", [ 2; 1; 2; 2 ], eighths 1 8
        "conv1.bias", [ 2 ], eighths 2 2
        "bn1.weight", [ 2 ], [ 1.5; -0.5 ]
        "bn1.bias", [ 2 ], eighths 3 2
        "bn1.running_mean", [ 2 ], [ 0.25; -0.5 ]
        "bn1.running_var", [ 2 ], [ 2.0; 0.5 ]
        "bn1.num_batches_tracked", [], [ 17.0 ]
        "conv2.weight", [ 3; 2; 3; 1 ], eighths 4 18
        "conv2.bias", [ 3 ], eighths 5 3
        "fc.weight", [ 4; 24 ], eighths 6 96
        "fc.bias", [ 4 ], eighths 7 4
    ]

/// The layers that it is of.
[<Literal>]
let SmallLayers = "conv 2 2, batchnorm, relu, conv 3 3x1, flatten, dense 4"

/// Its logits by the formulas of the documentation of torch.nn, with the indices that stand there.
let smallLogits (entries: Entry list) (x: float[,]) : float[] =
    let values (name: string) =
        entries
        |> List.pick (fun (own, _, numbers) -> if own = name then Some(Array.ofList numbers) else None)

    /// Conv2d: out[o, i, j] = bias[o] + sum over c, u, v of weight[o, c, u, v] in[c, i + u, j + v]
    let conv (name: string) (outs, ins, rows, columns) (input: float[,,]) =
        let weight, bias = values (name + ".weight"), values (name + ".bias")

        Array3D.init outs (input.GetLength 1 - rows + 1) (input.GetLength 2 - columns + 1) (fun o i j ->
            bias[o]
            + Seq.sum (
                seq {
                    for c in 0 .. ins - 1 do
                        for u in 0 .. rows - 1 do
                            for v in 0 .. columns - 1 do
                                weight[((o * ins + c) * rows + u) * columns + v] * input[c, i + u, j + v]
                }
            ))

    /// BatchNorm2d in eval: (in - running_mean) / sqrt(running_var + 1e-5) * weight + bias, channel by channel
    let normalized (input: float[,,]) =
        input
        |> Array3D.mapi (fun c _ _ value ->
            (value - (values "bn1.running_mean")[c])
            / sqrt ((values "bn1.running_var")[c] + 1e-5)
            * (values "bn1.weight")[c]
            + (values "bn1.bias")[c])

    let hidden =
        Array3D.init 1 5 5 (fun _ i j -> x[i, j])
        |> conv "conv1" (2, 1, 2, 2)
        |> normalized
        |> Array3D.map (max 0.0)
        |> conv "conv2" (3, 2, 3, 1)

    // flatten: the last axis is the fastest
    let flat =
        [|
            for c in 0..2 do
                for i in 0..1 do
                    for j in 0..3 -> hidden[c, i, j]
        |]

    /// Linear: out[k] = bias[k] + sum over i of weight[k, i] in[i]
    Array.init 4 (fun k ->
        (values "fc.bias")[k]
        + Seq.sum (Seq.init 24 (fun i -> (values "fc.weight")[k * 24 + i] * flat[i])))
