/// Model files changed by hand, as somebody without this program would change them.
module Cnn.Tests.Storage.Tampering

open System
open System.Buffers.Binary
open System.Security.Cryptography
open System.Text

/// The header of a safetensors file, as text.
let header (file: byte[]) : string =
    Encoding.UTF8.GetString(file, 8, int (BinaryPrimitives.ReadInt64LittleEndian(ReadOnlySpan file)))

/// A file with this header and these values.
let file (header: string) (values: byte[]) : byte[] =
    let text = Encoding.UTF8.GetBytes header
    let length = Array.zeroCreate 8
    BinaryPrimitives.WriteInt64LittleEndian(Span length, int64 text.Length)
    Array.concat [ length; text; values ]

let values (file: byte[]) : byte[] =
    file[8 + Encoding.UTF8.GetByteCount(header file) ..]

/// The digest that a file holds, and where its digits begin.
let private digits (file: byte[]) : int =
    let mark = Encoding.UTF8.GetBytes "\"sha256\":\""
    let start = file.AsSpan().IndexOf(ReadOnlySpan mark)
    if start < 0 then -1 else start + mark.Length

/// The SHA-256 of a file whose own digits are taken for zeros, by the rule of SECURITY.md.
let digest (file: byte[]) : string =
    let copy = Array.copy file
    Array.fill copy (digits file) 64 (byte '0')
    Convert.ToHexStringLower(SHA256.HashData copy)

/// The digest that a file holds.
let held (file: byte[]) : string =
    Encoding.ASCII.GetString(file, digits file, 64)

/// The same file with the digest that belongs to it; one that holds none is as it was.
let resigned (file: byte[]) : byte[] =
    let copy = Array.copy file

    if digits file >= 0 then
        (Encoding.ASCII.GetBytes(digest file)).CopyTo(copy, digits file)

    copy

/// The file with another text in its header, and the digest that then belongs to it.
let edited (before: string) (after: string) (original: byte[]) : byte[] =
    let text = header original

    if not (text.Contains before) then
        invalidArg (nameof before) $"the header has no {before}"

    resigned (file (text.Replace(before, after)) (values original))

/// The file as a program would write it that knows nothing of digests.
let withoutDigest (original: byte[]) : byte[] =
    file ((header original).Replace($",\"sha256\":\"{held original}\"", "")) (values original)
