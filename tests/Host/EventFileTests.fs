/// TensorBoard event files, read by a decoder of their own: frames with bit-by-bit checksums, fields by their numbers.
module Cnn.Tests.Host.EventFileTests

open System
open System.Buffers.Binary
open System.Text
open Expecto
open FsCheck
open Google.Protobuf
open Cnn.Host.Runs

/// CRC-32C by its definition: one bit after the other, the polynomial 0x1EDC6F41 with its bits in reverse.
let private crc32c (data: byte[]) : uint32 =
    let mutable register = 0xFFFFFFFFu

    for value in data do
        register <- register ^^^ uint32 value

        for _ in 1..8 do
            register <-
                if register &&& 1u = 1u then
                    (register >>> 1) ^^^ 0x82F63B78u
                else
                    register >>> 1

    ~~~register

let private masked (data: byte[]) : uint32 =
    let crc = crc32c data
    ((crc >>> 15) ||| (crc <<< 17)) + 0xa282ead8u

/// The messages in the records of a file; fails where a frame is not right.
let rec private messages (file: byte[]) : byte[] list =
    if file.Length = 0 then
        []
    else
        let number (start: int) =
            BinaryPrimitives.ReadUInt32LittleEndian(ReadOnlySpan(file, start, 4))

        let length = int (BinaryPrimitives.ReadUInt64LittleEndian(ReadOnlySpan(file, 0, 8)))
        Expect.equal (number 8) (masked file[..7]) "checksum of the length"
        let message = file[12 .. 11 + length]
        Expect.equal (number (12 + length)) (masked message) "checksum of the message"
        message :: messages file[16 + length ..]

type private Field =
    | Varint of int64
    | Fixed64 of uint64
    | Fixed32 of uint32
    | Bytes of byte[]

/// The fields of a message with their numbers, in their order.
let private fields (message: byte[]) : (int * Field) list =
    let input = new CodedInputStream(message)

    List.unfold
        (fun () ->
            match input.ReadTag() with
            | 0u -> None
            | tag ->
                let field =
                    match WireFormat.GetTagWireType tag with
                    | WireFormat.WireType.Varint -> Varint(input.ReadInt64())
                    | WireFormat.WireType.Fixed64 -> Fixed64(input.ReadFixed64())
                    | WireFormat.WireType.Fixed32 -> Fixed32(input.ReadFixed32())
                    | WireFormat.WireType.LengthDelimited -> Bytes(input.ReadBytes().ToByteArray())
                    | other -> failtest $"wire type {other}"

                Some((WireFormat.GetTagFieldNumber tag, field), ()))
        ()

let private textOf (field: Field) =
    match field with
    | Bytes bytes -> Encoding.UTF8.GetString bytes
    | other -> failtest $"{other} is no text"

let private inside (field: Field) =
    match field with
    | Bytes bytes -> fields bytes
    | other -> failtest $"{other} is no message"

let private find (number: int) (message: (int * Field) list) : Field =
    message |> List.find (fst >> (=) number) |> snd

/// What an event holds of curves.
type private Event =
    {
        WallTime: float
        Step: int64
        Version: string option
        Scalars: (string * float32) list
    }

let private eventOf (message: byte[]) : Event =
    let all = fields message

    {
        WallTime =
            match find 1 all with
            | Fixed64 bits -> BitConverter.UInt64BitsToDouble bits
            | other -> failtest $"{other} is no time"
        Step =
            match find 2 all with
            | Varint step -> step
            | other -> failtest $"{other} is no step"
        Version = all |> List.tryFind (fst >> (=) 3) |> Option.map (snd >> textOf)
        Scalars =
            [
                for number, summary in all do
                    if number = 5 then
                        for _, value in inside summary do
                            match inside value with
                            | [ (1, tag); (2, Fixed32 bits) ] -> textOf tag, BitConverter.UInt32BitsToSingle bits
                            // a text
                            | _ -> ()
            ]
    }

/// The curves of a file with their steps, by tag, after the record that a file starts with.
let scalars (file: byte[]) : Map<string, (int64 * float32) list> =
    match List.map eventOf (messages file) with
    | first :: rest ->
        Expect.equal first.Version (Some "brain.Event:2") "version of the format"
        Expect.isTrue (rest |> List.forall (fun event -> event.Version.IsNone)) "once"

        [
            for event in rest do
                for tag, value in event.Scalars -> tag, (event.Step, value)
        ]
        |> List.groupBy fst
        |> List.map (fun (tag, points) -> tag, List.map snd points)
        |> Map.ofList
    | [] -> failtest "no record"

let private time = DateTimeOffset(2026, 1, 2, 3, 4, 5, 500, TimeSpan.Zero)

let private write (step: int64) (values: (string * float) list) =
    EventRecords.Scalars(time, step, [ for tag, value in values -> struct (tag, value) ])

let tests =
    testList
        "Host.EventFile"
        [
            test "the decoder of this test knows CRC-32C" {
                Expect.equal (crc32c "123456789"B) 0xE3069283u "the usual check value"
                Expect.equal (crc32c (Array.zeroCreate 32)) 0x8A9136AAu "32 zeros"
            }

            test "a file is called as TensorBoard wants it, and starts with the version of the format" {
                Expect.equal (EventRecords.FileName time) "events.out.tfevents.1767323045.cnn" "name"
                let only = EventRecords.Start time |> messages |> List.exactlyOne |> eventOf
                Expect.equal only.Version (Some "brain.Event:2") "version"
                Expect.equal only.WallTime 1767323045.5 "time"
                Expect.equal only.Step 0L "step"
            }

            testProperty "curves are read as they were written, in single precision"
            <| fun (NonNegativeInt step) (points: (NonNull<string> * NormalFloat) list) ->
                // half a character has no UTF-8
                let clean (tag: string) =
                    Encoding.UTF8.GetString(Encoding.UTF8.GetBytes tag)

                let points = [ for tag, value in points -> clean tag.Get, value.Get ]

                let event = write (int64 step) points |> messages |> List.exactlyOne |> eventOf

                Expect.equal event.Step (int64 step) "step"
                Expect.equal event.WallTime 1767323045.5 "time"
                Expect.equal event.Scalars [ for tag, value in points -> tag, float32 value ] "curves"

            test "steps beyond 32 bits, and messages of more than 127 bytes" {
                let tag = String('x', 300)

                let event =
                    write 5_000_000_000L [ tag, 0.5 ] |> messages |> List.exactlyOne |> eventOf

                Expect.equal event.Step 5_000_000_000L "step"
                Expect.equal event.Scalars [ tag, 0.5f ] "curve"
            }

            test "records follow each other, and a changed byte is found" {
                let file =
                    Array.concat [ EventRecords.Start time; write 1L [ "a", 1.0 ]; write 2L [ "a", 2.0 ] ]

                Expect.equal (scalars file) (Map [ "a", [ 1L, 1.0f; 2L, 2.0f ] ]) "both"
                let damaged = Array.copy file
                damaged[file.Length - 5] <- damaged[file.Length - 5] ^^^ 1uy
                Expect.throws (fun () -> scalars damaged |> ignore) "a wrong checksum"
            }

            test "a text is a string tensor for the text plugin" {
                let value =
                    EventRecords.Text(time, "config", "# é")
                    |> messages
                    |> List.exactlyOne
                    |> fields
                    |> find 5
                    |> inside
                    |> find 1
                    |> inside

                Expect.equal (textOf (find 1 value)) "config" "tag"
                let tensor = inside (find 8 value)
                Expect.equal (find 1 tensor) (Varint 7L) "DT_STRING"
                Expect.isEmpty (inside (find 2 tensor)) "no axes"
                Expect.equal (textOf (find 8 tensor)) "# é" "text"
                let metadata = inside (find 9 value)
                Expect.equal (textOf (find 1 (inside (find 1 metadata)))) "text" "plugin"
                Expect.equal (find 4 metadata) (Varint 2L) "DATA_CLASS_TENSOR"
            }
        ]
