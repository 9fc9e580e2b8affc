namespace Cnn.Storage

open System
open System.Buffers
open System.Buffers.Binary
open System.Collections.Generic
open System.Text.Encodings.Web
open System.Text.Json
open Cnn.Tensors
open Cnn.Networks

/// The contents of a safetensors file: text metadata, and named tensors in order.
[<NoComparison; NoEquality>]
type Safetensors =
    {
        /// With the digest of the file under FileDigest.Key, where it was read from a file that holds one; it has then been checked.
        Metadata: IReadOnlyDictionary<string, string>
        Tensors: (string * Tensor<float32>) list
    }

/// The safetensors format, as published by Hugging Face: 8 bytes with the length of a JSON header (little-endian), the
/// header, and the raw little-endian values. The header maps each tensor to its dtype, shape and byte range.
///
/// The reader trusts nothing: lengths, offsets, overlaps, holes, keys that are there twice, dtypes and shapes are checked before
/// memory is taken for a number, and all that it takes is bounded by the size of the file.
module Safetensors =

    [<Literal>]
    let private LengthBytes = 8

    /// The most that a header may take, as in the reference implementation: 100 MB.
    [<Literal>]
    let private MostHeaderBytes = 100_000_000L

    /// Axes of a tensor, at most.
    [<Literal>]
    let private MostAxes = 8

    /// Whether the values of these tensors, and a header, fit into one array.
    let internal fitsWritten (tensors: WrittenTensor list) : bool =
        tensors |> List.sumBy (fun tensor -> tensor.Size) < int64 Array.MaxLength - (1L <<< 24)

    let private written (tensors: (string * Tensor<float32>) list) : WrittenTensor list =
        tensors |> List.map (fun (name, tensor) -> WrittenTensor.ofNumbers name tensor)

    /// The same for tensors of float32.
    let fits (tensors: (string * Tensor<float32>) list) : bool = fitsWritten (written tensors)

    /// The bytes of a file with these contents and its own digest; the same contents always give the same bytes. The contents must fit.
    let internal write (metadata: IReadOnlyDictionary<string, string>) (tensors: WrittenTensor list) : byte[] =
        let buffer = ArrayBufferWriter<byte>()

        let offsets =
            (0, tensors) ||> List.scan (fun start tensor -> start + int tensor.Size)

        let placed = List.zip tensors (List.take tensors.Length offsets)

        do
            // quotes in a text as \", which people can read
            use json =
                new Utf8JsonWriter(buffer, JsonWriterOptions(Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping))

            json.WriteStartObject()
            json.WriteStartObject "__metadata__"

            for KeyValue(key, value) in metadata do
                if key <> FileDigest.Key then
                    json.WriteString(key, value)

            json.WriteString(FileDigest.Key, FileDigest.zeros)
            json.WriteEndObject()

            for tensor, start in placed do
                json.WriteStartObject tensor.Name
                json.WriteString("dtype", NumberFormat.name tensor.Format)
                json.WriteStartArray "shape"
                tensor.Shape |> List.iter json.WriteNumberValue
                json.WriteEndArray()
                json.WriteStartArray "data_offsets"
                json.WriteNumberValue start
                json.WriteNumberValue(start + int tensor.Size)
                json.WriteEndArray()
                json.WriteEndObject()

            json.WriteEndObject()

        // padded with spaces, so that the values start at a multiple of 8
        let headerBytes = (buffer.WrittenCount + 7) / 8 * 8
        let file = Array.zeroCreate (LengthBytes + headerBytes + List.last offsets)
        BinaryPrimitives.WriteInt64LittleEndian(Span file, int64 headerBytes)
        let header = Span(file, LengthBytes, headerBytes)
        header.Fill(byte ' ')
        buffer.WrittenSpan.CopyTo header

        for tensor, start in placed do
            tensor.Fill.Invoke(Span(file, LengthBytes + headerBytes + start, int tensor.Size))

        match FileDigest.find (Span.op_Implicit header) with
        | Ok(ValueSome place) ->
            let place = LengthBytes + place
            (FileDigest.compute (ReadOnlySpan file) place).CopyTo(file, place)
        | Ok ValueNone
        | Error _ -> invalidOp "the header has lost its digest"

        file

    /// `write` for tensors of float32.
    let encode (contents: Safetensors) : byte[] =
        write contents.Metadata (written contents.Tensors)

    /// Where a tensor stands among the values, as its header entry says.
    type private Entry =
        {
            Name: string
            Format: NumberFormat
            Shape: Shape
            Start: int64
            End: int64
        }

    /// An array of a few whole numbers, none below zero; longer ones cost no memory.
    let private integers (element: JsonElement) : int64 list option =
        if element.ValueKind <> JsonValueKind.Array || element.GetArrayLength() > MostAxes then
            None
        else
            let numbers =
                [
                    for item in element.EnumerateArray() ->
                        match item.ValueKind with
                        | JsonValueKind.Number ->
                            match item.TryGetInt64() with
                            | true, n when n >= 0L -> Some n
                            | _ -> None
                        | _ -> None
                ]

            if List.forall Option.isSome numbers then
                Some(List.choose id numbers)
            else
                None

    let private entry (formats: NumberFormat list) (name: string) (element: JsonElement) : Result<Entry, string> =
        let property (key: string) =
            match element.ValueKind with
            | JsonValueKind.Object ->
                match element.TryGetProperty key with
                | true, value -> Some value
                | _ -> None
            | _ -> None

        let format (dtype: JsonElement) =
            formats
            |> List.tryFind (fun format ->
                dtype.ValueKind = JsonValueKind.String
                && dtype.ValueEquals(NumberFormat.name format))

        match
            property "dtype" |> Option.map format,
            property "shape" |> Option.bind integers,
            property "data_offsets" |> Option.bind integers
        with
        | Some None, _, _ ->
            let known = formats |> List.map NumberFormat.name |> String.concat " or "
            Error $"tensor {Quotation.quote name} is not of dtype {known}"
        | Some _, Some shape, _ when List.contains 0L shape -> Error $"tensor {Quotation.quote name} is empty"
        | Some(Some format), Some shape, Some [ first; last ] ->
            let size = (1I, shape) ||> List.fold (fun product extent -> product * bigint extent)

            if
                last < first
                || bigint (last - first) <> size * bigint (NumberFormat.size format)
            then
                Error $"tensor {Quotation.quote name} has a byte range that does not fit its shape"
            elif List.exists (fun extent -> extent > int64 Int32.MaxValue) shape then
                Error $"tensor {Quotation.quote name} is larger than an array can be"
            else
                Ok
                    {
                        Name = name
                        Format = format
                        Shape = List.map int shape
                        Start = first
                        End = last
                    }
        | _ ->
            Error
                $"the entry of tensor {Quotation.quote name} lacks a dtype, a shape of at most {MostAxes} axes or data_offsets"

    let private metadata (root: JsonElement) : Result<IReadOnlyDictionary<string, string>, string> =
        match root.TryGetProperty "__metadata__" with
        | true, table when table.ValueKind = JsonValueKind.Object ->
            let texts = Dictionary<string, string>()

            let isText (item: JsonProperty) =
                item.Value.ValueKind = JsonValueKind.String
                && texts.TryAdd(item.Name, item.Value.GetString())

            if table.EnumerateObject() |> Seq.forall isText then
                Ok(texts :> IReadOnlyDictionary<string, string>)
            else
                Error "its metadata is not a table of texts"
        | true, _ -> Error "its metadata is not a table of texts"
        | _ -> Ok(readOnlyDict [])

    /// Every byte of the values belongs to exactly one tensor.
    let private covers (length: int64) (entries: Entry list) : Result<unit, string> =
        let sorted = entries |> List.sortBy (fun e -> e.Start, e.End)

        let rec walk (position: int64) (rest: Entry list) =
            match rest with
            | [] when position = length -> Ok()
            | [] when position < length -> Error $"{length - position} bytes after the last tensor belong to none"
            | [] -> Error $"it ends {position - length} bytes too early"
            | e :: _ when e.Start < position -> Error $"tensor {Quotation.quote e.Name} overlaps another"
            | e :: _ when e.Start > position -> Error $"there is a hole before tensor {Quotation.quote e.Name}"
            | e :: others -> walk e.End others

        walk 0L sorted

    let private readHeader (formats: NumberFormat list) (header: ReadOnlyMemory<byte>) (valueBytes: int64) =
        use document =
            JsonDocument.Parse(header, JsonDocumentOptions(MaxDepth = 8, AllowDuplicateProperties = false))

        let root = document.RootElement

        if root.ValueKind <> JsonValueKind.Object then
            Error "its header is not a JSON object"
        else
            let entries =
                (Ok [], root.EnumerateObject())
                ||> Seq.fold (fun found item ->
                    match found with
                    | Error _ -> found
                    | Ok _ when item.Name = "__metadata__" -> found
                    | Ok before -> entry formats item.Name item.Value |> Result.map (fun e -> e :: before))
                |> Result.map List.rev

            match entries, metadata root with
            | Ok entries, Ok table -> covers valueBytes entries |> Result.map (fun () -> entries, table)
            | Error reason, _
            | _, Error reason -> Error reason

    /// A file without a digest is as good as one whose digest is right.
    let private verify (file: ReadOnlySpan<byte>) (header: ReadOnlySpan<byte>) : Result<unit, string> =
        match FileDigest.find header with
        | Error reason -> Error reason
        | Ok(ValueSome place) when not (FileDigest.isRight file (LengthBytes + place)) ->
            Error "it is damaged: its SHA-256 is not the one that it holds"
        | Ok _ -> Ok()

    /// The metadata of a file and its tensors, whose numbers are still bytes of the file, or what is wrong with it, as the rest of a
    /// sentence that starts with the file's name ("model.bin is not a model: …"). Tensors of other formats are refused.
    let internal read
        (formats: NumberFormat list)
        (file: ReadOnlyMemory<byte>)
        : Result<IReadOnlyDictionary<string, string> * StoredTensor list, string> =
        if file.Length < LengthBytes then
            Error $"it has {file.Length} bytes, fewer than the 8 that a safetensors file starts with"
        else
            let announced = BinaryPrimitives.ReadInt64LittleEndian file.Span
            let present = int64 file.Length - int64 LengthBytes

            if announced < 2L || announced > MostHeaderBytes then
                Error "it does not start with the length of a safetensors header"
            elif announced > present then
                Error $"its header should have {announced} bytes, but only {present} are there"
            else
                let header = file.Slice(LengthBytes, int announced)
                let rest = file.Slice(LengthBytes + int announced)

                try
                    match readHeader formats header (int64 rest.Length) with
                    | Error reason -> Error reason
                    | Ok(entries, table) ->
                        verify file.Span header.Span
                        |> Result.map (fun () ->
                            table,
                            entries
                            |> List.map (fun e ->
                                ({
                                    Name = e.Name
                                    Format = e.Format
                                    Shape = e.Shape
                                    Bytes = rest.Slice(int e.Start, int (e.End - e.Start))
                                }
                                : StoredTensor)))
                with
                | :? JsonException -> Error "its header is not valid JSON"
                // what the JSON reader says of text that is not UTF-8
                | :? InvalidOperationException -> Error "its header holds text that is not UTF-8"

    /// The contents of a file all of whose tensors are of float32, or what is wrong with it, as `read` says it.
    let decode (file: ReadOnlyMemory<byte>) : Result<Safetensors, string> =
        read [ NumberFormat.F32 ] file
        |> Result.map (fun (metadata, tensors) ->
            {
                Metadata = metadata
                Tensors = tensors |> List.map (fun tensor -> tensor.Name, StoredTensor.numbers tensor)
            })
