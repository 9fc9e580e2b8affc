namespace Cnn

open System
open Cnn.Tensors

/// A number for each class of each image: a row an image, a column a class. It never changes.
[<Sealed>]
type ScoreTable<'T> internal (scores: Tensor<'T>) =
    let rows, columns = scores.Shape[0], scores.Shape[1]

    let check (name: string) (index: int) (count: int) =
        if index < 0 || index >= count then
            raise (ArgumentOutOfRangeException(name, index, $"counted from 0, there are {count}"))

    /// Images.
    member _.Rows = rows

    /// Classes.
    member _.Columns = columns

    /// All numbers: Rows times Columns.
    member _.Count = scores.Count

    /// The number of one class of one image, both counted from 0. Raises ArgumentOutOfRangeException for one that is not there.
    member _.Item
        with get (image: int, label: int): 'T =
            check (nameof image) image rows
            check (nameof label) label columns
            scores[image * columns + label]

    /// The numbers of one image. Raises ArgumentOutOfRangeException for one that is not there.
    member _.Row(image: int) : ReadOnlySpan<'T> =
        check (nameof image) image rows
        scores.Span.Slice(image * columns, columns)

    /// A copy of all numbers, row after row.
    member _.ToArray() : 'T[] = scores.ToArray()
