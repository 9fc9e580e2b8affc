/// Model files made by hand to be wrong, each in its own way, and some that are unusual and right.
module Cnn.Trust.Files.HostileHeaders

open System
open System.Buffers.Binary
open System.Text

/// A file, and whether it should be accepted; without a value, where either will do.
[<NoComparison>]
type Case =
    {
        Name: string
        File: byte[]
        IsRight: bool option
    }

let private wrong (name: string) (file: byte[]) =
    {
        Name = name
        File = file
        IsRight = Some false
    }

let private right (name: string) (file: byte[]) =
    {
        Name = name
        File = file
        IsRight = Some true
    }

/// A file of another program, without a digest: dense 2, from one pixel.
let private metadata =
    """"__metadata__":{"architecture":"flatten, dense 2","input":"1x1x1"}"""

let private weight =
    """"1.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}"""

let private bias = """"1.bias":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}"""

let private values = Array.zeroCreate<byte> 16

let private file (members: string list) : byte[] =
    SafetensorsFile.assemble (Encoding.UTF8.GetBytes("{" + String.Join(',', members) + "}")) values

let private header (text: string) : byte[] =
    SafetensorsFile.assemble (Encoding.UTF8.GetBytes text) values

let private good = file [ metadata; weight; bias ]

let private announcing (length: int64) : byte[] =
    let changed = Array.copy good
    BinaryPrimitives.WriteInt64LittleEndian(Span changed, length)
    changed

let private lengths =
    [
        wrong "no bytes" [||]
        wrong "seven bytes" good[..6]
        wrong "a length and nothing else" good[..7]
        for length in
            [
                0L
                1L
                -1L
                Int64.MinValue
                Int64.MaxValue
                int64 UInt32.MaxValue
                99_999_999L
                100_000_001L
            ] do
            wrong $"header of {length} bytes" (announcing length)
        wrong "header one byte beyond the file" (announcing (int64 good.Length - 7L))
        wrong "header up to the end of the file" (announcing (int64 good.Length - 8L))
    ]

/// With a byte of the header that no UTF-8 has in the place of each '~'.
let private notUtf8 (members: string list) : byte[] =
    file members |> Array.map (fun b -> if b = '~'B then 0xFFuy else b)

let private json =
    [
        wrong "header an array" (header "[]")
        wrong "header a number" (header "42")
        wrong "header a text" (header "\"{}\"")
        wrong "header null" (header "null")
        wrong "header of spaces" (header "        ")
        wrong "header cut off" (header "{\"a\":")
        wrong "header with more behind it" (header ("{" + metadata + "}}"))
        wrong "header with a comment" (header ("{/**/" + metadata + "}"))
        wrong "header with a byte order mark" (header ("\uFEFF{" + metadata + "," + weight + "," + bias + "}"))
        wrong "100 arrays in each other" (header (String.replicate 100 "[" + String.replicate 100 "]"))
        wrong "100,000 arrays in each other" (header (String.replicate 100_000 "["))
        wrong
            "100,000 tables in each other"
            (header (String.replicate 100_000 "{\"a\":" + "1" + String.replicate 100_000 "}"))
        wrong "a table in a shape" (file [ metadata; weight; bias.Replace("[2]", "[{\"a\":[[[[[1]]]]]}]") ])
        wrong "a key that is not UTF-8" (notUtf8 [ metadata; weight; bias.Replace("1.bias", "1.bias~") ])
        wrong "a dtype that is not UTF-8" (notUtf8 [ metadata; weight; bias.Replace("F32", "F32~") ])
        wrong "an architecture that is not UTF-8" (notUtf8 [ metadata.Replace("dense 2", "dense 2~"); weight; bias ])
        wrong "half a surrogate in a key" (file [ metadata; weight; bias.Replace("1.bias", "\\ud800") ])
        wrong "half a surrogate in the metadata" (file [ metadata.Replace("1x1x1", "\\ud800"); weight; bias ])
        wrong "a tensor twice" (file [ metadata; weight; bias; bias ])
        wrong "a tensor twice, once escaped" (file [ metadata; weight; bias; bias.Replace("1.bias", "\\u0031.bias") ])
        wrong "metadata twice" (file [ metadata; weight; bias; metadata ])
        wrong "a key of the metadata twice" (file [ metadata.Replace("}", ""","input":"1x1x1"}"""); weight; bias ])
        wrong "a shape twice" (file [ metadata; weight; bias.Replace("\"shape\"", "\"shape\":[2],\"shape\"") ])
        right "spaces around everything" (header (" { " + metadata + " , " + weight + " , " + bias + " } "))
        right "entries in another order" (file [ bias; metadata; weight ])
        right "a key that nobody knows in an entry" (file [ metadata; weight; bias.Replace("{", "{\"more\":[1],") ])
    ]

/// The bias with something else in it.
let private biased (name: string) (from: string) (target: string) =
    wrong name (file [ metadata; weight; bias.Replace(from, target) ])

let private tensors =
    [
        biased "offsets before the start" "[8,16]" "[-8,0]"
        biased "offsets backward" "[8,16]" "[16,8]"
        biased "offsets beyond the end" "[8,16]" "[16,24]"
        biased "offsets that overflow 64 bits" "[8,16]" "[9223372036854775808,9223372036854775816]"
        biased "offsets at the end of 64 bits" "[8,16]" "[9223372036854775799,9223372036854775807]"
        biased "offsets that are fractions" "[8,16]" "[8.0,16.0]"
        biased "offsets with exponents" "[8,16]" "[8e0,1.6e1]"
        biased "offsets beyond a double" "[8,16]" "[8,1e400]"
        biased "one offset" "[8,16]" "[8]"
        biased "three offsets" "[8,16]" "[8,16,16]"
        biased "offsets as texts" "[8,16]" "[\"8\",\"16\"]"
        biased "no offsets" ",\"data_offsets\":[8,16]" ""
        biased "a negative shape" "[2]" "[-2]"
        biased "two negative extents" "[2]" "[-1,-2]"
        biased "an extent of 0" "[2]" "[0]"
        biased "a shape whose product overflows to 2" "[2]" "[4611686018427387905,2,2]"
        biased "a shape whose product overflows to 0" "[2]" "[4294967296,4294967296]"
        biased "an extent beyond 64 bits" "[2]" "[18446744073709551618]"
        biased "a shape of 9 axes" "[2]" "[2,1,1,1,1,1,1,1,1]"
        biased "a shape of 100,000 axes" "[2]" ("[2" + String.replicate 100_000 ",1" + "]")
        biased "a shape that is no array" "[2]" "2"
        biased "another shape of as many numbers" "[2]" "[1,2]"
        biased "two tensors on the same bytes" "[8,16]" "[0,8]"
        biased "two tensors that overlap" "[8,16]" "[4,12]"
        wrong
            "a hole between tensors"
            (SafetensorsFile.assemble
                (Encoding.UTF8.GetBytes("{" + metadata + "," + weight + "," + bias.Replace("[8,16]", "[12,20]") + "}"))
                (Array.zeroCreate 20))
        wrong "bytes after the last tensor" (Array.append good [| 0uy |])
        wrong "a byte too few" good[.. good.Length - 2]
        biased "dtype F16" "F32" "F16"
        biased "dtype f32" "F32" "f32"
        biased "dtype unknown" "F32" "Q4_K"
        biased "dtype a number" "\"F32\"" "32"
        biased "no name" "1.bias" ""
        biased "a name with a line feed" "1.bias" "1.bias\\n\\n"
        wrong
            "a wrong entry whose name has a line feed"
            (file [ metadata; weight; bias.Replace("1.bias", "1.bias\\n").Replace("F32", "F16") ])
        biased "a name of 100,000 characters" "1.bias" (String.replicate 100_000 "b")
        wrong
            "a wrong entry whose name has 100,000 characters"
            (file
                [
                    metadata
                    weight
                    bias.Replace("1.bias", String.replicate 100_000 "b").Replace("F32", "F16")
                ])
        biased "a name of another layer" "1.bias" "2.bias"
        wrong
            "a tensor too many"
            (file
                [
                    metadata
                    weight
                    bias
                    bias.Replace("1.bias", "2.bias").Replace("[8,16]", "[16,16]")
                ])
        wrong "a tensor too few" (file [ metadata; weight.Replace("[1,2]", "[2,2]").Replace("[0,8]", "[0,16]") ])
        wrong
            "100,000 tensors of no bytes"
            (file
                [
                    metadata
                    for i in 1..100_000 do
                        $"\"{i}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}"
                ])
        wrong
            "100,000 tensors of no bytes and no axes"
            (file
                [
                    metadata
                    for i in 1..100_000 do
                        $"\"{i}\":{{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,0]}}"
                ])
    ]

/// The metadata with something else in them.
let private described (name: string) (from: string) (target: string) =
    wrong name (file [ metadata.Replace(from, target); weight; bias ])

let private adding (name: string) (more: string) =
    described name "\"1x1x1\"" ("\"1x1x1\"," + more)

let private texts =
    [
        wrong "no metadata" (file [ weight; bias ])
        wrong "metadata an array" (file [ "\"__metadata__\":[]"; weight; bias ])
        wrong "metadata null" (file [ "\"__metadata__\":null"; weight; bias ])
        adding "metadata a number" "\"more\":7"
        adding "metadata a table" "\"more\":{}"
        described "input of nothing" "1x1x1" ""
        described "input of 0 pixels" "1x1x1" "0x1x1"
        described "input of negative extents" "1x1x1" "-1x-1x1"
        described "input whose product overflows" "1x1x1" "2147483647x2147483647x2147483647"
        described "input of 50,000 axes" "1x1x1" ("1" + String.replicate 50_000 "x1")
        described "architecture empty" "flatten, dense 2" ""
        described "architecture of another size" "dense 2" "dense 3"
        described "architecture unknown" "dense 2" "attention 2"
        described "architecture of 0 classes" "dense 2" "dense 0"
        described "architecture of 2,000,000,000 classes" "dense 2" "dense 2000000000"
        described "architecture of 50,000 layers" "dense 2" ("dense 2" + String.replicate 50_000 ", relu")
        described "architecture of 10,000 brackets" "dense 2" (String.replicate 10_000 "residual(")
        described
            "architecture of 17 brackets and 100,000 characters"
            "dense 2"
            (String.replicate 17 "residual ("
             + String.replicate 100_000 "d"
             + String.replicate 17 " )")
        described
            "architecture of 4 brackets and 100,000 characters"
            "dense 2"
            (String.replicate 4 "residual ("
             + String.replicate 100_000 "d"
             + String.replicate 4 " )")
        described "architecture of 100,000 words" "dense 2" (String.replicate 100_000 "a ")
        right
            "architecture of 1,000 layers"
            (file
                [
                    metadata.Replace("flatten", "flatten" + String.replicate 998 ", relu")
                    weight.Replace("1.", "999.")
                    bias.Replace("1.", "999.")
                ])
        described "architecture of several lines" "dense 2" "dense\\n2\\r\\nattention"
        described "architecture of one word of 100,000 characters" "dense 2" (String.replicate 100_000 "d")
        {
            Name = "input of 2,000,000 classes and no numbers"
            File =
                SafetensorsFile.assemble
                    (Encoding.UTF8.GetBytes """{"__metadata__":{"architecture":"flatten","input":"1x2000000x1"}}""")
                    [||]
            IsRight = None
        }
        for deviation in [ "0"; "-0"; "-1"; "NaN"; "Infinity"; "1e400"; "1e-400"; ""; "0x1"; "1,5" ] do
            adding $"standard deviation '{deviation}'" $"\"mean\":\"0\",\"standard_deviation\":\"{deviation}\""
        adding "a mean alone" "\"mean\":\"0\""
        adding "a mean of NaN" "\"mean\":\"NaN\",\"standard_deviation\":\"1\""
        adding "names for three classes" "\"class_names\":\"[\\\"a\\\",\\\"b\\\",\\\"c\\\"]\""
        adding "the same name twice" "\"class_names\":\"[\\\"a\\\",\\\"a\\\"]\""
        adding "a name with a control character" "\"class_names\":\"[\\\"a\\\",\\\"\\\\u001b[2J\\\"]\""
        adding "names that are no list" "\"class_names\":\"a,b\""
        adding "our format without a digest" "\"format\":\"functional-cnn\",\"version\":\"2\""
        adding "our format of version 3" "\"format\":\"functional-cnn\",\"version\":\"3\""
        adding "a version of several lines" "\"format\":\"functional-cnn\",\"version\":\"3\\n4\""
        adding "a checkpoint without a digest" "\"format\":\"functional-cnn-checkpoint\",\"version\":\"1\""
        adding "a digest of 63 digits" ("\"sha256\":\"" + String.replicate 63 "0" + "\"")
        adding "a digest of capitals" ("\"sha256\":\"" + String.replicate 64 "A" + "\"")
        adding "a digest of another file" ("\"sha256\":\"" + String.replicate 64 "0" + "\"")
        right "another program's file" good
        right "our format of version 1" ModelFiles.old
        right "our format" ModelFiles.small
    ]

/// A model with a number of its own at the end of its values, signed.
let private ending (file: byte[]) (number: float32) : byte[] =
    let changed = Array.copy file
    BinaryPrimitives.WriteSingleLittleEndian(Span(changed, changed.Length - 4, 4), number)
    SafetensorsFile.resign changed

/// Its last value is a variance.
let private normalized: byte[] =
    Cnn.Model.Create("batchnorm, gap", 1, 2, 2, "he", 1).Encode()

let private numbers =
    [
        wrong "a weight that is NaN" (ending ModelFiles.small nanf)
        wrong "a weight that is infinite" (ending ModelFiles.small infinityf)
        wrong "a variance below 0" (ending normalized -1.0f)
        wrong "a variance that is NaN" (ending normalized nanf)
        right "a variance of 0" (ending normalized 0.0f)
        right "a variance of -0" (ending normalized -0.0f)
        right "the largest weight there is" (ending ModelFiles.small Single.MaxValue)
    ]

/// All cases, in the order of the reader's work.
let all: Case list = lengths @ json @ tensors @ texts @ numbers
