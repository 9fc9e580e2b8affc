namespace Cnn.Trust.Files

open System
open System.Diagnostics
open Cnn
open Cnn.Host
open Cnn.Networks

/// Bytes for a reader.
[<NoComparison>]
type Input =
    {
        Bytes: byte[]
        /// Whether what protects the bytes, a digest or a checksum, was put right after they were changed, or is not there at all:
        /// then nobody can tell them from what was meant.
        IsSigned: bool
    }

/// What a reader made of an input that it took.
[<NoComparison; NoEquality>]
type Contents =
    {
        /// Bytes of the result, where they can be more than those of the input.
        Held: int64
        /// Why the input should not have been accepted, if so. Looked for after the measurement.
        Fault: unit -> string option
    }

/// A reader of files from strangers, and how to try it. It may take Constant + Factor x size bytes of managed memory, where the size is
/// that of the input or of what the input unpacks to, whichever is larger; and what it takes to judge the layers of a network, of which
/// there are at most 1000.
[<NoComparison; NoEquality>]
type Reader =
    {
        Name: string
        /// The next input, from a generator that starts at its seed and index.
        Generate: Random -> Input
        /// Before the measurement; the path is that of a file that belongs to the thread.
        Prepare: string -> byte[] -> unit
        Read: string -> Input -> Contents
        Constant: int64
        Factor: int64
        /// Bytes that an input unpacks to; asked only where it seems to have taken too much.
        Unpacked: byte[] -> int64
        /// Layers that an input describes.
        Layers: byte[] -> int
    }

/// What became of an input.
type Verdict =
    | Accepted
    /// With one sentence, as it should.
    | Refused of sentence: string
    /// With an exception that is not a refusal, or a refusal that is not a sentence.
    | Crashed of reason: string
    | Hung
    /// It should have been refused.
    | Corrupt of reason: string
    /// It took more memory than it may.
    | Gorged of reason: string

type Trial =
    {
        Verdict: Verdict
        Milliseconds: float
        Allocated: int64
        /// What it may take.
        Bound: int64
        /// Bytes for each byte of the input, beyond the constant and what is due to layers.
        PerByte: float
    }

module Trial =

    /// The longest that one input may take.
    [<Literal>]
    let MostMilliseconds = 2000.0

    /// What a reader may take for each layer of a network, in blocks within blocks: shapes and sentences.
    [<Literal>]
    let PerLayer = 10_240L

    /// Characters of a sentence that is still read by a person.
    [<Literal>]
    let private LongestSentence = 1000

    /// What is wrong with a sentence for the user.
    let private faultOfSentence (sentence: string) : string option =
        if String.IsNullOrWhiteSpace sentence then
            Some "an empty sentence"
        elif sentence.IndexOfAny [| '\n'; '\r' |] >= 0 then
            Some "a sentence of several lines"
        elif sentence.Length > LongestSentence then
            Some $"a sentence of {sentence.Length} characters"
        else
            None

    let private shown (text: string) =
        let start = text.Substring(0, min 120 text.Length)
        String.map (fun c -> if Char.IsControl c then '?' else c) start

    let private judge (cause: exn) : Verdict =
        match cause with
        | :? CnnException
        | :? CommandException ->
            match faultOfSentence cause.Message with
            | None -> Refused cause.Message
            | Some fault -> Crashed $"{fault}: {shown cause.Message}"
        | _ -> Crashed $"{cause.GetType().Name}: {shown cause.Message}"

    let private once (reader: Reader) (scratch: string) (input: Input) : Trial =
        reader.Prepare scratch input.Bytes
        let before = GC.GetAllocatedBytesForCurrentThread()
        let started = Stopwatch.GetTimestamp()

        let outcome =
            try
                Choice1Of2(reader.Read scratch input)
            with cause ->
                Choice2Of2 cause

        let elapsed = Stopwatch.GetElapsedTime(started).TotalMilliseconds
        let allocated = GC.GetAllocatedBytesForCurrentThread() - before

        let held =
            match outcome with
            | Choice1Of2 contents -> contents.Held
            | Choice2Of2 _ -> 0L

        let layers = PerLayer * int64 (min Network.MostLayers (reader.Layers input.Bytes))

        let bound (size: int64) =
            reader.Constant + reader.Factor * size + layers

        let size = max held (max 1L (int64 input.Bytes.Length))

        let size =
            if allocated > bound size then
                max size (reader.Unpacked input.Bytes)
            else
                size

        let verdict =
            match outcome with
            | _ when elapsed > MostMilliseconds -> Hung
            | Choice2Of2 cause ->
                match judge cause with
                | Refused _ when allocated > bound size ->
                    Gorged $"{allocated} bytes for an input of {input.Bytes.Length}: {shown cause.Message}"
                | verdict -> verdict
            | Choice1Of2 _ when allocated > bound size ->
                Gorged $"{allocated} bytes for an input of {input.Bytes.Length} that was accepted"
            | Choice1Of2 contents ->
                try
                    match contents.Fault() with
                    | None -> Accepted
                    | Some reason -> Corrupt reason
                with cause ->
                    Crashed $"after it was accepted, {cause.GetType().Name}: {shown cause.Message}"

        {
            Verdict = verdict
            Milliseconds = elapsed
            Allocated = allocated
            Bound = bound size
            PerByte = float (max 0L (allocated - reader.Constant - layers)) / float size
        }

    /// Tries an input. What took too much is tried once more, and that counts: the first call of anything also prepares it, and a
    /// busy machine may have had no time for us.
    let run (reader: Reader) (scratch: string) (input: Input) : Trial =
        let first = once reader scratch input

        match first.Verdict with
        | Hung
        | Gorged _ -> once reader scratch input
        | _ -> first
