/// A data set that a run is through with in an instant: what it learns does not matter, but that it does so again to the last bit.
module Cnn.Trust.Runs.SmallData

open System
open System.Buffers.Binary
open System.IO

/// An IDX file: magic number, extents, bytes.
let idx (magic: int) (extents: int list) (values: byte[]) : byte[] =
    let header = Array.zeroCreate (4 + 4 * extents.Length)

    magic :: extents
    |> List.iteri (fun i n -> BinaryPrimitives.WriteInt32BigEndian(Span(header, 4 * i, 4), n))

    Array.append header values

/// Images of bars: class 0 is a row, class 1 a column, class 2 a diagonal, each at a place that the seed determines,
/// over a little noise. A small network learns them within a few epochs.
let private bars (size: int) (count: int) (seed: int) : byte[] * byte[] =
    let random = Random seed
    let labels = Array.init count (fun i -> byte (i % 3))

    let images =
        labels
        |> Array.collect (fun label ->
            let place = random.Next size

            Array.init (size * size) (fun cell ->
                let row, column = cell / size, cell % size

                let lit =
                    match label with
                    | 0uy -> row = place
                    | 1uy -> column = place
                    | _ -> (row + place) % size = column

                if lit then 255uy else byte (random.Next 40)))

    images, labels

/// Writes a data set of three classes in the four files that `--data` expects, not gzipped.
let write (folder: string) (size: int) (training: int) (test: int) : unit =
    let half (prefix: string) (count: int) (seed: int) =
        let images, labels = bars size count seed
        File.WriteAllBytes(Path.Combine(folder, $"{prefix}-images-idx3-ubyte"), idx 0x803 [ count; size; size ] images)
        File.WriteAllBytes(Path.Combine(folder, $"{prefix}-labels-idx1-ubyte"), idx 0x801 [ count ] labels)

    half "train" training 1
    half "t10k" test 2
