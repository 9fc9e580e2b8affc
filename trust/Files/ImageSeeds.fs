/// Small images in all the formats that can be read.
module Cnn.Trust.Files.ImageSeeds

open System
open System.Buffers.Binary
open SkiaSharp

[<Literal>]
let private Side = 9

let private encode (format: SKEncodedImageFormat) (quality: int) (colour: int -> int -> SKColor) : byte[] =
    use bitmap =
        new SKBitmap(SKImageInfo(Side, Side, SKColorType.Rgba8888, SKAlphaType.Unpremul))

    for row in 0 .. Side - 1 do
        for column in 0 .. Side - 1 do
            bitmap.SetPixel(column, row, colour row column)

    use data = bitmap.Encode(format, quality)
    data.ToArray()

let private grey (row: int) (column: int) =
    let value = byte (20 * row + 7 * column)
    SKColor(value, value, value)

let private colours (row: int) (column: int) =
    SKColor(byte (25 * row), byte (25 * column), byte (200 - 9 * row))

let private transparent (row: int) (column: int) =
    SKColor(byte (25 * row), 77uy, 99uy, byte (28 * column))

/// 24 bits a pixel, rows from the bottom up, each filled to a multiple of four bytes.
let private bmp: byte[] =
    let rowBytes = (3 * Side + 3) / 4 * 4
    let headerBytes = 54
    let file: byte[] = Array.zeroCreate (headerBytes + Side * rowBytes)

    let write (at: int) (value: int) =
        BinaryPrimitives.WriteInt32LittleEndian(Span(file, at, 4), value)

    file[0] <- 'B'B
    file[1] <- 'M'B
    write 2 file.Length
    write 10 headerBytes
    write 14 40
    write 18 Side
    write 22 Side
    write 26 (1 ||| (24 <<< 16))
    write 34 (Side * rowBytes)

    for i in headerBytes .. file.Length - 1 do
        file[i] <- byte (5 * i)

    file

/// Two colours. Its codes are never longer than the shortest, because the table is cleared before it grows.
let private gif: byte[] =
    let clear, ending = 4, 5

    // before the fourth code after a clearing, codes would take four bits
    let codes =
        [
            for i in 0 .. Side * Side - 1 do
                if i % 2 = 0 then
                    clear

                i / 3 % 2
            ending
        ]

    let packed = Array.zeroCreate ((3 * codes.Length + 7) / 8)

    codes
    |> List.iteri (fun i code ->
        for bit in 0..2 do
            if (code >>> bit) &&& 1 = 1 then
                let at = 3 * i + bit
                packed[at / 8] <- packed[at / 8] ||| (1uy <<< (at % 8)))

    [|
        yield! "GIF89a"B
        yield! [| byte Side; 0uy; byte Side; 0uy; 0x80uy; 0uy; 0uy |]
        yield! [| 10uy; 20uy; 30uy; 250uy; 240uy; 230uy |]
        yield! [| 0x2Cuy; 0uy; 0uy; 0uy; 0uy; byte Side; 0uy; byte Side; 0uy; 0uy |]
        2uy
        byte packed.Length
        yield! packed
        0uy
        0x3Buy
    |]

/// The seeds, and what they are.
let all: (string * byte[]) list =
    [
        "PNG, grey", encode SKEncodedImageFormat.Png 100 grey
        "PNG, colours", encode SKEncodedImageFormat.Png 100 colours
        "PNG, transparent", encode SKEncodedImageFormat.Png 100 transparent
        "JPEG", encode SKEncodedImageFormat.Jpeg 80 colours
        "JPEG, grey", encode SKEncodedImageFormat.Jpeg 80 grey
        "WebP", encode SKEncodedImageFormat.Webp 80 colours
        "WebP, lossless", encode SKEncodedImageFormat.Webp 100 transparent
        "BMP", bmp
        "GIF", gif
    ]
