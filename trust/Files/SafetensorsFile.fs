/// Safetensors files as bytes, for those who want to break them.
module Cnn.Trust.Files.SafetensorsFile

open System
open System.Buffers.Binary
open System.Security.Cryptography
open System.Text

[<Literal>]
let LengthBytes = 8

[<Literal>]
let private Digits = 64

/// A file of this header and these values.
let assemble (header: byte[]) (values: byte[]) : byte[] =
    let length = Array.zeroCreate LengthBytes
    BinaryPrimitives.WriteInt64LittleEndian(Span length, int64 header.Length)
    Array.concat [ length; header; values ]

/// Header and values of a file that is in order.
let split (file: byte[]) : byte[] * byte[] =
    let length = int (BinaryPrimitives.ReadInt64LittleEndian(ReadOnlySpan file))
    file[LengthBytes .. LengthBytes + length - 1], file[LengthBytes + length ..]

/// Puts the SHA-256 right that a file holds of itself, so that what lies behind that check is tried as well. It is looked for as text,
/// not as the reader does it, and computed over the file with zeros in the place of its digits. A file without one is left as it is.
let resign (file: byte[]) : byte[] =
    let key = "\"sha256\":\""B
    let at = file.AsSpan().IndexOf(ReadOnlySpan key)
    let first = at + key.Length

    if at < 0 || first + Digits > file.Length then
        file
    else
        let signed = Array.copy file
        let place = Span(signed, first, Digits)
        place.Fill '0'B
        let digest = SHA256.HashData(ReadOnlySpan signed)
        Encoding.ASCII.GetBytes(Convert.ToHexStringLower digest).CopyTo place
        signed

/// The same file with another header.
let withHeader (change: Json -> Json) (file: byte[]) : byte[] =
    let header, values = split file
    assemble (Json.write (change (Json.parse header))) values
