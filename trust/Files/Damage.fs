/// A file in order, cut off after every byte, and with every bit of it the other way round.
module Cnn.Trust.Files.Damage

open System

/// What became of the damaged copies of a file.
type Damage =
    {
        Name: string
        Bytes: int
        Truncations: int
        Flips: int
        Refused: int
        /// Taken for what they are: what was changed means nothing, as the date in a gzip header, or nobody can see it.
        Accepted: int
        /// Anything else, with the damage that was done.
        Failures: (string * Verdict) list
    }

let private truncations (file: byte[]) =
    seq { 0 .. file.Length - 1 }
    |> Seq.map (fun length -> $"the first {length} bytes", file[.. length - 1])

let private flips (file: byte[]) =
    seq { 0 .. 8 * file.Length - 1 }
    |> Seq.map (fun bit ->
        let changed = Array.copy file
        changed[bit / 8] <- changed[bit / 8] ^^^ (1uy <<< (bit % 8))
        $"bit {bit % 8} of byte {bit / 8} flipped", changed)

/// Tries all of them. A file is protected if it holds a digest or a checksum.
let inflict (reader: Reader) (scratch: string) (name: string, file: byte[], isProtected: bool) : Damage =
    let verdicts =
        Seq.append (truncations file) (flips file)
        |> Seq.map (fun (damage, bytes) ->
            damage,
            (Trial.run
                reader
                scratch
                {
                    Bytes = bytes
                    IsSigned = not isProtected
                })
                .Verdict)
        |> List.ofSeq

    let count (isSo: Verdict -> bool) =
        verdicts |> List.filter (snd >> isSo) |> List.length

    {
        Name = name
        Bytes = file.Length
        Truncations = file.Length
        Flips = 8 * file.Length
        Refused = count _.IsRefused
        Accepted = count _.IsAccepted
        Failures = verdicts |> List.filter (fun (_, v) -> not (v.IsRefused || v.IsAccepted))
    }

/// The files that are damaged, with their readers.
let protectedFiles: (Reader * string * byte[]) list =
    [
        ModelFiles.models, "model", ModelFiles.small
        ModelFiles.models, "checkpoint, as a model", ModelFiles.checkpoint
        ModelFiles.checkpoints, "checkpoint", ModelFiles.checkpoint
        IdxFiles.images, "IDX images, gzip", IdxFiles.gzip IdxFiles.imageFile
        IdxFiles.labels, "IDX labels, gzip", IdxFiles.gzip IdxFiles.labelFile
    ]

/// The same where nothing in the file protects what it says: that it does no harm is all that can be asked for.
let otherFiles: (Reader * string * byte[]) list =
    [
        ModelFiles.models, "safetensors of another program", ModelFiles.foreign
        IdxFiles.images, "IDX images", IdxFiles.imageFile
        for place, table in List.indexed DataFiles.tables do
            DataFiles.csv, $"CSV, number {place + 1}", table

        for name, bytes in ImageSeeds.all do
            ImageFiles.images, $"image, {name}", bytes
    ]
