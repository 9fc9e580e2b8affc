namespace Cnn.Fusion

open System
open Cnn.Tensors
open Cnn.Kernels

/// The examples of a batch: numbers, or bytes each of which stands for one of 256 numbers.
[<RequireQualifiedAccess>]
type internal Examples<'T when 'T: unmanaged> =
    | Numbers of Tensor<'T>
    | Bytes of bytes: ReadOnlyMemory<byte> * numbers: 'T[]

module internal Examples =

    /// How many there are of this shape. Raises ArgumentException where they have another one.
    let count (shape: Shape) (size: int) (examples: Examples<'T>) : int =
        match examples with
        | Examples.Numbers x when not x.Shape.IsEmpty && x.Shape.Tail = shape -> x.Shape.Head
        | Examples.Numbers x ->
            let expected =
                (if x.Shape.IsEmpty then shape else x.Shape.Head :: shape) |> Shape.format

            invalidArg (nameof examples) $"network input: expects shape {expected}, but gets {Shape.format x.Shape}"
        | Examples.Bytes(bytes, _) when bytes.Length % size = 0 -> bytes.Length / size
        | Examples.Bytes(bytes, _) ->
            invalidArg
                (nameof examples)
                $"network input: {bytes.Length} bytes are no whole number of {Shape.format shape}"

    /// Fills a map with those from `start` on.
    let load (start: int) (map: FeatureMap<'T>) (examples: Examples<'T>) =
        let size = map.Channels * map.Cells

        match examples with
        | Examples.Numbers x -> FeatureMap.load (x.Span.Slice(start * size, map.Examples * size)) map
        | Examples.Bytes(bytes, numbers) ->
            FeatureMap.loadBytes numbers (bytes.Span.Slice(start * size, map.Examples * size)) map
