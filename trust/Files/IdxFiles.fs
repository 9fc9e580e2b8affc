/// The reader of IDX files, plain and gzipped.
module Cnn.Trust.Files.IdxFiles

open System
open System.Buffers.Binary
open System.IO
open System.IO.Compression
open Cnn.Host.Data
open Cnn.Trust.Files.Mutation

/// A magic number, extents, and as many bytes as these say.
let plain (magic: int) (extents: int list) : byte[] =
    let header = Array.zeroCreate (4 + 4 * extents.Length)

    magic :: extents
    |> List.iteri (fun i n -> BinaryPrimitives.WriteInt32BigEndian(Span(header, 4 * i, 4), n))

    Array.append header (Array.init (List.reduce (*) extents) (fun i -> byte (7 * i)))

let gzip (bytes: byte[]) : byte[] =
    use packed = new MemoryStream()

    do
        use stream = new GZipStream(packed, CompressionLevel.Fastest)
        stream.Write(bytes, 0, bytes.Length)

    packed.ToArray()

/// More than any input here unpacks to.
[<Literal>]
let private Enough = 64_000_000

/// Bytes that gzip data unpacks to, as far as they can be.
let private unpacked (bytes: byte[]) : int64 =
    use stream = new GZipStream(new MemoryStream(bytes), CompressionMode.Decompress)
    let buffer: byte[] = Array.zeroCreate 65_536

    let rec count (total: int64) =
        match stream.Read(buffer, 0, buffer.Length) with
        | 0 -> total
        | _ when total > int64 Enough -> total
        | n -> count (total + int64 n)

    try
        count 0L
    with :? InvalidDataException ->
        int64 bytes.Length

let private isGzip (bytes: byte[]) =
    bytes.Length > 1 && bytes[0] = 0x1fuy && bytes[1] = 0x8buy

let private generate (seeds: byte[][]) : Random -> Input =
    let packed = Array.map gzip seeds
    let all = Array.append seeds packed

    fun random ->
        match random.Next 4 with
        | 0 ->
            {
                Bytes = mutate random seeds
                IsSigned = true
            }
        | 1 ->
            let contents = mutate random seeds

            // seldom one that unpacks to a thousand times its size
            let contents =
                if random.Next 500 = 0 then
                    Array.append contents (Array.zeroCreate (random.Next 2_000_000))
                else
                    contents

            {
                Bytes = gzip contents
                IsSigned = true
            }
        | n ->
            let bytes = mutate random (if n = 2 then packed else all)

            {
                Bytes = bytes
                IsSigned = not (isGzip bytes)
            }

let private faultOf (seeds: byte[][]) (input: Input) (file: IdxFile) : string option =
    let bytes = input.Bytes
    let product = file.Dimensions |> Seq.fold (fun size n -> size * bigint n) 1I
    let headerBytes = 4 + 4 * file.Dimensions.Count

    let isContentOf (seed: byte[]) =
        seed.AsSpan(headerBytes).SequenceEqual(ReadOnlySpan file.Data)

    if bigint file.Data.Length <> product then
        Some $"{file.Data.Length} bytes were read where the dimensions say {product}"
    elif
        not (isGzip bytes)
        && not (bytes.AsSpan(headerBytes).SequenceEqual(ReadOnlySpan file.Data))
    then
        Some "its data are not the bytes after its header"
    elif not input.IsSigned && not (Array.exists isContentOf seeds) then
        Some "it was changed, its checksum was not, and it was accepted with other contents"
    else
        None

let private reader (name: string) (seeds: byte[] list) (read: string -> IdxFile) : Reader =
    let seeds = Array.ofList seeds

    {
        Name = name
        Generate = generate seeds
        Prepare = fun path bytes -> File.WriteAllBytes(path, bytes)
        Read =
            fun path input ->
                let file = read path

                {
                    Held = int64 file.Data.Length
                    Fault = fun () -> faultOf seeds input file
                }
        // the buffers of the stream
        Constant = 131_072L
        // eight times a gzipped file at once, then twice what has arrived
        Factor = 8L
        Unpacked = fun bytes -> if isGzip bytes then unpacked bytes else int64 bytes.Length
        Layers = fun _ -> 0
    }

/// Images of a few bytes, and labels.
let imageFile, labelFile = plain 0x803 [ 3; 4; 5 ], plain 0x801 [ 30 ]

let images: Reader =
    reader "IDX images" [ imageFile; plain 0x804 [ 2; 3; 2; 2 ]; plain 0x803 [ 20; 8; 8 ] ] IdxFile.ReadImages

let labels: Reader =
    reader "IDX labels" [ labelFile; plain 0x801 [ 300 ] ] IdxFile.ReadLabels
