namespace Cnn.Storage

open System
open System.Buffers.Binary
open System.Runtime.InteropServices
open Cnn.Tensors

/// How a file writes the numbers of a tensor: what safetensors calls its dtype. All are little-endian.
[<RequireQualifiedAccess>]
type NumberFormat =
    /// IEEE 754 binary16
    | F16
    /// The upper half of an F32.
    | BF16
    | F32
    | F64
    /// Whole numbers: counters, never weights.
    | I64

module NumberFormat =

    /// All that are known.
    let all: NumberFormat list =
        [
            NumberFormat.F16
            NumberFormat.BF16
            NumberFormat.F32
            NumberFormat.F64
            NumberFormat.I64
        ]

    /// As a header names it.
    let name (format: NumberFormat) : string =
        match format with
        | NumberFormat.F16 -> "F16"
        | NumberFormat.BF16 -> "BF16"
        | NumberFormat.F32 -> "F32"
        | NumberFormat.F64 -> "F64"
        | NumberFormat.I64 -> "I64"

    /// Bytes of a number.
    let size (format: NumberFormat) : int =
        match format with
        | NumberFormat.F16
        | NumberFormat.BF16 -> 2
        | NumberFormat.F32 -> 4
        | NumberFormat.F64
        | NumberFormat.I64 -> 8

/// A tensor as it stands in a file: its range of the file is known to fit its shape.
[<NoComparison; NoEquality>]
type StoredTensor =
    {
        Name: string
        Format: NumberFormat
        Shape: Shape
        Bytes: ReadOnlyMemory<byte>
    }

module StoredTensor =

    /// Its numbers, each rounded to the nearest float32; what is too large becomes infinite.
    let numbers (stored: StoredTensor) : Tensor<float32> =
        let size = NumberFormat.size stored.Format

        let fill (read: ReadOnlyMemory<byte> -> float32) =
            Fill(fun target ->
                for i in 0 .. target.Length - 1 do
                    target[i] <- read (stored.Bytes.Slice(size * i, size)))

        match stored.Format with
        | NumberFormat.F16 -> fill (fun bytes -> float32 (BinaryPrimitives.ReadHalfLittleEndian bytes.Span))
        | NumberFormat.BF16 ->
            fill (fun bytes ->
                let upper = BinaryPrimitives.ReadUInt16LittleEndian bytes.Span
                BitConverter.UInt32BitsToSingle(uint32 upper <<< 16))
        | NumberFormat.F32 when BitConverter.IsLittleEndian ->
            Fill(fun target -> stored.Bytes.Span.CopyTo(MemoryMarshal.AsBytes target))
        | NumberFormat.F32 -> fill (fun bytes -> BinaryPrimitives.ReadSingleLittleEndian bytes.Span)
        | NumberFormat.F64 -> fill (fun bytes -> float32 (BinaryPrimitives.ReadDoubleLittleEndian bytes.Span))
        | NumberFormat.I64 -> fill (fun bytes -> float32 (BinaryPrimitives.ReadInt64LittleEndian bytes.Span))
        |> Tensor.create stored.Shape

/// A tensor that is to be written: its form, and what fills the bytes that are kept for it.
[<NoComparison; NoEquality>]
type WrittenTensor =
    {
        Name: string
        Format: NumberFormat
        Shape: Shape
        Fill: Fill<byte>
    }

    /// How many bytes that are.
    member tensor.Size: int64 =
        int64 (Shape.size tensor.Shape) * int64 (NumberFormat.size tensor.Format)

module WrittenTensor =

    /// As F32, bit by bit.
    let ofNumbers (name: string) (tensor: Tensor<float32>) : WrittenTensor =
        {
            Name = name
            Format = NumberFormat.F32
            Shape = tensor.Shape
            Fill =
                Fill(fun target ->
                    if BitConverter.IsLittleEndian then
                        MemoryMarshal.AsBytes(tensor.Span).CopyTo target
                    else
                        for i in 0 .. tensor.Count - 1 do
                            BinaryPrimitives.WriteSingleLittleEndian(target.Slice(i * sizeof<float32>), tensor[i]))
        }

    /// A single whole number, without axes.
    let ofCounter (name: string) (value: int64) : WrittenTensor =
        {
            Name = name
            Format = NumberFormat.I64
            Shape = []
            Fill = Fill(fun target -> BinaryPrimitives.WriteInt64LittleEndian(target, value))
        }
