/// The reader of pictures. Its decoders are native code: what they do wrong ends the process, so each input is in a file while it is read.
module Cnn.Trust.Files.ImageFiles

open System
open System.Buffers.Binary
open System.IO
open Cnn.Host.Data
open Cnn.Trust.Files.Mutation

/// The checksum of PNG, CRC-32 as in ISO 3309.
let private crc: ReadOnlyMemory<byte> -> uint32 =
    let table =
        Array.init 256 (fun n ->
            (uint32 n, seq { 1..8 })
            ||> Seq.fold (fun c _ -> if c &&& 1u = 1u then 0xEDB88320u ^^^ (c >>> 1) else c >>> 1))

    fun bytes ->
        let mutable c = 0xFFFFFFFFu

        for b in bytes.Span do
            c <- table[int ((c ^^^ uint32 b) &&& 0xFFu)] ^^^ (c >>> 8)

        ~~~c

/// A PNG file with the checksums of its chunks put right, as far as its chunks can be followed.
let private resign (file: byte[]) : byte[] =
    let signed = Array.copy file

    let rec walk (at: int) =
        if at + 12 <= signed.Length then
            let length = BinaryPrimitives.ReadUInt32BigEndian(ReadOnlySpan(signed, at, 4))

            if int64 at + 12L + int64 length <= int64 signed.Length then
                let last = at + 8 + int length

                BinaryPrimitives.WriteUInt32BigEndian(
                    Span(signed, last, 4),
                    crc (ReadOnlyMemory(signed, at + 4, int length + 4))
                )

                walk (last + 4)

    walk 8
    signed

let private generate: Random -> Input =
    let seeds = ImageSeeds.all |> List.map snd |> Array.ofList

    fun random ->
        let bytes = mutate random seeds
        let isPng = bytes.AsSpan().StartsWith(ReadOnlySpan [| 0x89uy; 'P'B; 'N'B; 'G'B |])

        {
            Bytes = if isPng && random.Next 3 > 0 then resign bytes else bytes
            IsSigned = true
        }

let private faultOf (picture: Picture) : string option =
    let cells = int64 picture.Height * int64 picture.Width

    if picture.Channels <> 1 && picture.Channels <> 3 then
        Some $"a picture of {picture.Channels} channels"
    elif cells < 1L || cells > ImageFile.MostPixels then
        Some $"a picture of {picture.Height}x{picture.Width} pixels"
    elif int64 picture.Pixels.Length <> cells * int64 picture.Channels then
        Some $"{picture.Pixels.Length} bytes of pixels for {picture.Height}x{picture.Width}"
    else
        None

let images: Reader =
    {
        Name = "image"
        Generate = generate
        Prepare = fun path bytes -> File.WriteAllBytes(path, bytes)
        Read =
            fun path _ ->
                let picture = ImageFile.Read path

                {
                    Held = int64 picture.Pixels.Length
                    Fault = fun () -> faultOf picture
                }
        Constant = 65_536L
        // the file, a byte for each channel of a pixel, and as much again for what surrounds them
        Factor = 4L
        Unpacked = fun bytes -> int64 bytes.Length
        Layers = fun _ -> 0
    }
