namespace Cnn

open System
open System.Collections.Generic
open System.Globalization
open System.Threading
open Cnn.Tensors
open Cnn.Operations

/// Kernels of image filters as text: a name of ImageKernels.all, or rows with semicolons between them, and in them numbers or
/// fractions with spaces or commas between: "1 0 -1; 2 0 -2; 1 0 -1".
module private KernelText =

    /// Rows and columns, at most.
    let most = 31

    /// The largest magnitude of an entry: sums of so many of them times bytes are exact enough to be shown.
    let largest = 1e6

    let private (|Finite|_|) (text: string) =
        match Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | true, value when Double.IsFinite value -> Some value
        | _ -> None

    let private parseEntry (text: string) : Result<float, string> =
        let value =
            match text.Split '/' with
            | [| Finite value |] -> Some value
            | [| Finite above; Finite below |] when Double.IsFinite(above / below) -> Some(above / below)
            | _ -> None

        match value with
        | Some value when abs value <= largest -> Ok value
        | Some _ -> Error $"the kernel has the number {text}; its magnitude may be 1,000,000 at most"
        | None -> Error $"the kernel has '{text}' where a number such as -1, 0.5 or 1/9 is expected"

    let private parseRow (text: string) : Result<float list, string> =
        text.Split([| ' '; ','; '\t' |], StringSplitOptions.RemoveEmptyEntries)
        |> Array.fold
            (fun row entry ->
                match row, parseEntry entry with
                | Ok numbers, Ok number -> Ok(number :: numbers)
                | Error reason, _
                | Ok _, Error reason -> Error reason)
            (Ok [])
        |> Result.map List.rev

    let private hasNoMiddle (count: int) = count % 2 = 0

    let private check (rows: float list list) : Result<float list list, string> =
        let width = rows.Head.Length

        match rows |> List.tryFindIndex (fun row -> row.Length <> width) with
        | _ when rows |> List.forall List.isEmpty ->
            Error "the kernel is empty; give rows such as \"1 0 -1; 2 0 -2; 1 0 -1\""
        | Some i ->
            Error
                $"row {i + 1} of the kernel has {rows[i].Length} numbers, but row 1 has {width}; all must have as many"
        | None when rows.Length > most || width > most ->
            Error $"the kernel is {rows.Length}x{width}; it may be {most}x{most} at most"
        | None when hasNoMiddle rows.Length || hasNoMiddle width ->
            Error
                $"the kernel is {rows.Length}x{width}; both numbers must be odd, so that it has a middle: add zeros on one side"
        | None -> Ok rows

    /// The kernel as weights of one filter over one channel.
    let parse (text: string) : Result<Tensor<float>, string> =
        let trimmed = text.Trim()

        match ImageKernels.all |> List.tryFind (fun (name, _) -> name = trimmed) with
        | Some(_, weight) -> Ok weight
        // a word is meant for a name
        | None when trimmed <> "" && Char.IsLetter trimmed[0] ->
            let names = ImageKernels.all |> List.map fst |> String.concat ", "
            Error $"there is no kernel '{trimmed}'; choose {names}, or give rows such as \"1 0 -1; 2 0 -2; 1 0 -1\""
        | None ->
            // a semicolon may end the last row as well
            (trimmed.TrimEnd(';').Split ';', Ok [])
            ||> Array.foldBack (fun row rows ->
                match parseRow row, rows with
                | Ok numbers, Ok others -> Ok(numbers :: others)
                | Error reason, _
                | Ok _, Error reason -> Error reason)
            |> Result.bind check
            |> Result.map (fun rows -> Tensor.ofSeq [ 1; 1; rows.Length; rows.Head.Length ] (List.concat rows))

/// What stands for a sum in the picture of a filter.
module private FilteredByte =

    let clip (sum: float) : byte =
        byte (Math.Round(Math.Clamp(sum, 0.0, 255.0), MidpointRounding.AwayFromZero))

    /// `largest` is the largest magnitude of all sums.
    let signed (largest: float) (sum: float) : byte =
        if largest = 0.0 then
            128uy
        else
            clip (128.0 + 127.0 * sum / largest)

/// An image that a filter made, and the numbers behind its bytes.
[<Sealed>]
type FilteredImage internal (pixels: byte[], lowest: float, highest: float) =
    /// As many bytes as the image had, in the same order.
    member _.Pixels = ReadOnlyMemory<byte> pixels
    /// The lowest sum of all places and channels, in units of a byte.
    member _.Lowest = lowest
    /// The highest one.
    member _.Highest = highest

/// A filter of image processing: one kernel that is moved over an image by Conv2d, the convolution of the networks, which does
/// not flip it. Each channel is filtered on its own. The image is continued beyond its edges by its outermost pixels, so that the
/// result is as large, and its edges are not taken for edges of what it shows.
[<Sealed>]
type ImageFilter private (text: string, weight: Tensor<float>) =

    let rows, columns = weight.Shape[2], weight.Shape[3]
    let bias = Tensor.zeros [ 1 ]

    let config: Conv2d.Config =
        {
            Filters = 1
            Kernel = (rows, columns)
            Stride = (1, 1)
            Padding = (0, 0)
        }

    // fractions such as 1/3 add up to 0 but for rounding
    let sumsToZero =
        let entries = weight.ToArray()
        abs (Array.sum entries) <= 1e-12 * Array.sumBy abs entries

    // convolution lays out its input once for each entry of the kernel: that is 8 MB for a tile of such sides, which caches hold
    let usualSide = 1024 / max rows columns

    /// The sums of a tile, whose first place is (top, left), of one channel.
    let convolve (plane: ReadOnlyMemory<byte>) (imageHeight, imageWidth) (top, left) (height, width) : Tensor<float> =
        let paddedWidth = width + columns - 1

        let padded =
            Tensor.create
                [ 1; 1; height + rows - 1; paddedWidth ]
                (Fill(fun target ->
                    let source = plane.Span

                    for i in 0 .. height + rows - 2 do
                        let row = Math.Clamp(top - rows / 2 + i, 0, imageHeight - 1)

                        for j in 0 .. paddedWidth - 1 do
                            let column = Math.Clamp(left - columns / 2 + j, 0, imageWidth - 1)
                            target[i * paddedWidth + j] <- float source[row * imageWidth + column]))

        let struct (y, _) = Conv2d.forward config weight bias padded
        y

    /// The names of the kernels that have one.
    static member Names: IReadOnlyList<string> =
        ImageKernels.all |> List.map fst |> Array.ofList :> _

    /// Reads a kernel: one of Names, or its rows, such as "1 0 -1; 2 0 -2; 1 0 -1", of numbers or fractions. Raises CnnException
    /// when it cannot be read, has no cell in its middle, or is larger than 31 x 31.
    static member Parse(kernel: string) : ImageFilter =
        match KernelText.parse kernel with
        | Ok weight -> ImageFilter(kernel.Trim(), weight)
        | Error reason -> raise (CnnException reason)

    /// The kernel as it was given.
    member _.Text = text

    /// Rows of the kernel.
    member _.Rows = rows

    /// Columns of the kernel.
    member _.Columns = columns

    /// Whether the entries add up to 0, as those of edge detectors do: an even brightness then gives 0.
    member _.SumsToZero = sumsToZero

    /// The filtered image, worked in tiles of at most `side` x `side` places: the same for any. All sums at once would take eight
    /// times the memory of the image.
    member internal _.ApplyInTiles
        (
            side: int,
            pixels: ReadOnlyMemory<byte>,
            channels: int,
            height: int,
            width: int,
            isSigned: bool,
            stop: CancellationToken
        ) : FilteredImage =
        if
            channels < 1
            || height < 1
            || width < 1
            || bigint channels * bigint height * bigint width <> bigint pixels.Length
        then
            raise (CnnException $"{pixels.Length} bytes are not an image of {channels}x{height}x{width}")

        let plane = height * width
        let result = Array.zeroCreate<byte> pixels.Length

        /// Writes all bytes; gives the lowest and the highest sum.
        let write (toByte: float -> byte) : struct (float * float) =
            let mutable lowest = Double.PositiveInfinity
            let mutable highest = Double.NegativeInfinity

            for channel in 0 .. channels - 1 do
                for top in 0..side .. height - 1 do
                    for left in 0..side .. width - 1 do
                        stop.ThrowIfCancellationRequested()
                        let tileHeight, tileWidth = min side (height - top), min side (width - left)

                        let sums =
                            convolve
                                (pixels.Slice(channel * plane, plane))
                                (height, width)
                                (top, left)
                                (tileHeight, tileWidth)

                        for i in 0 .. tileHeight - 1 do
                            for j in 0 .. tileWidth - 1 do
                                let sum = sums[i * tileWidth + j]
                                lowest <- min lowest sum
                                highest <- max highest sum
                                result[channel * plane + (top + i) * width + left + j] <- toByte sum

            struct (lowest, highest)

        let struct (lowest, highest) =
            write (
                if sumsToZero then
                    abs >> FilteredByte.clip
                else
                    FilteredByte.clip
            )

        if isSigned then
            // the scale is known only when all sums are: they are worked out once more, which is cheaper than keeping them
            let struct (_, _) = write (FilteredByte.signed (max (abs lowest) (abs highest)))
            ()

        FilteredImage(result, lowest, highest)

    /// The filtered image of an image [ channels; height; width ], of the same size. What stands in its bytes:
    ///
    ///   SumsToZero  the magnitude of each sum, at most 255
    ///   otherwise   the sum, not below 0 and at most 255
    ///   isSigned    128 + 127 * sum / (the largest magnitude of all sums): 128, mid-grey, for 0
    ///
    /// each rounded to the nearest whole number. Raises CnnException unless the bytes are one such image, and
    /// OperationCanceledException once the token says so.
    member filter.Apply
        (pixels: ReadOnlyMemory<byte>, channels: int, height: int, width: int, isSigned: bool, stop: CancellationToken)
        : FilteredImage =
        filter.ApplyInTiles(usualSide, pixels, channels, height, width, isSigned, stop)
