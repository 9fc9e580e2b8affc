namespace Cnn.Storage

open System
open Cnn.Networks

/// How bytes of an image become inputs of the network: (byte / 255 - Mean) / StandardDeviation.
type Normalization =
    {
        Mean: float
        StandardDeviation: float
    }

module Normalization =

    /// Bytes 0 .. 255 become 0 .. 1, as in the guide: background stays exactly 0.
    let unit: Normalization = { Mean = 0.0; StandardDeviation = 1.0 }

    /// Mean 0 and variance 1 over all these bytes, or a sentence where there is no variance.
    let ofBytes (pixels: ReadOnlySpan<byte>) : Result<Normalization, string> =
        // whole numbers, so that no order of additions matters
        let counts: int64[] = Array.zeroCreate 256

        for pixel in pixels do
            counts[int pixel] <- counts[int pixel] + 1L

        let total = float pixels.Length

        let mean =
            Seq.sum (Seq.mapi (fun byte count -> float byte * float count) counts) / total

        let variance =
            Seq.sum (Seq.mapi (fun byte count -> (float byte - mean) ** 2.0 * float count) counts)
            / total

        if pixels.Length = 0 || variance = 0.0 then
            Error "images whose pixels are all the same cannot be normalised"
        else
            Ok
                {
                    Mean = mean / 255.0
                    StandardDeviation = sqrt variance / 255.0
                }

    /// The input that each of the 256 bytes becomes.
    let table (normalization: Normalization) : float32[] =
        Array.init 256 (fun byte ->
            float32 ((float byte / 255.0 - normalization.Mean) / normalization.StandardDeviation))

module ClassNames =

    /// Characters of a name, at most.
    [<Literal>]
    let private Longest = 100

    /// The names of classes that have none: "0", "1", …
    let numbers (classes: int) : string list = List.init classes string

    /// Names for so many classes, or what is wrong with them. They will be shown in terminals and pages, so that a name which
    /// could do something there is none.
    let check (classes: int) (names: string list) : Result<string list, string> =
        let isPossible (name: string) =
            name <> "" && name.Length <= Longest && not (String.exists Char.IsControl name)

        if names.Length <> classes then
            Error $"there are {names.Length} names for {classes} classes"
        elif not (List.forall isPossible names) then
            Error $"a name of a class is empty, longer than {Longest} characters, or has control characters"
        elif (List.distinct names).Length <> classes then
            Error "two classes have the same name"
        else
            Ok names

/// A network with its numbers, what it expects of its input, and what is known of it.
[<NoComparison>]
type TrainedNetwork =
    {
        Network: Network
        Parameters: Parameters<float32>
        State: LayerState<float32>
        Normalization: Normalization
        /// One a class, in their order.
        ClassNames: string list
        /// The command that repeats the training; empty where nobody said.
        Command: string
    }
