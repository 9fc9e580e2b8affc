namespace Cnn.Storage

open System
open System.Security.Cryptography
open System.Text
open System.Text.Json

/// The SHA-256 that a safetensors file holds of itself, as 64 hexadecimal digits in its metadata:
///
///   {"__metadata__":{…,"sha256":"9f2c…"},…}
///
/// It is that of the whole file, length and header included, with each of its own 64 digits taken for a 0.
module FileDigest =

    /// The key in the metadata.
    [<Literal>]
    let Key = "sha256"

    /// Hexadecimal digits.
    [<Literal>]
    let Digits = 64

    [<Literal>]
    let private MetadataKey = "__metadata__"

    /// What stands in the place of the digits while they are computed.
    let zeros: string = String('0', Digits)

    /// Where in a header, which is known to be JSON, the digits begin: none, if it holds no digest, or what is wrong with it.
    let find (header: ReadOnlySpan<byte>) : Result<int voption, string> =
        let mutable json = Utf8JsonReader header
        let mutable isInMetadata = false
        let mutable isNext = false
        let mutable found = Ok ValueNone

        while json.Read() do
            match json.TokenType, json.CurrentDepth with
            | JsonTokenType.PropertyName, 1 -> isInMetadata <- json.ValueTextEquals MetadataKey
            | JsonTokenType.PropertyName, 2 -> isNext <- isInMetadata && json.ValueTextEquals Key
            | JsonTokenType.String, 2 when isNext ->
                isNext <- false
                let digits = json.ValueSpan

                // as they are written, without escapes and capitals: there is but one way to write a digest
                if
                    digits.Length = Digits
                    && digits.IndexOfAnyExcept("0123456789abcdef"B.AsSpan()) < 0
                then
                    found <- Ok(ValueSome(int json.TokenStartIndex + 1))
                else
                    found <- Error $"its {Key} is not {Digits} hexadecimal digits"
            | _ -> isNext <- false

        found

    /// The digits that belong into a file at this place.
    let compute (file: ReadOnlySpan<byte>) (place: int) : byte[] =
        use hash = IncrementalHash.CreateHash HashAlgorithmName.SHA256
        hash.AppendData(file.Slice(0, place))
        hash.AppendData(Encoding.ASCII.GetBytes zeros)
        hash.AppendData(file.Slice(place + Digits))
        Encoding.ASCII.GetBytes(Convert.ToHexStringLower(hash.GetHashAndReset()))

    /// Whether the digits at this place are those that belong there.
    let isRight (file: ReadOnlySpan<byte>) (place: int) : bool =
        file.Slice(place, Digits).SequenceEqual(ReadOnlySpan(compute file place))
