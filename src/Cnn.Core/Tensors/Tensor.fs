namespace Cnn.Tensors

open System
open System.Collections.Generic
open System.Numerics

/// Fills the fresh buffer of a tensor that is being made; the buffer starts as zeros.
type Fill<'T> = delegate of buffer: Span<'T> -> unit

/// An immutable array of any number of axes, stored contiguously, last axis fastest (row-major).
/// Nothing that a caller can reach changes its values once it is made.
[<Sealed; AllowNullLiteral(false)>]
type Tensor<'T> internal (shape: Shape, values: 'T[]) =
    do
        if Shape.size shape <> values.Length then
            invalidArg
                (nameof values)
                $"a {Shape.format shape} tensor holds {Shape.size shape} values, not {values.Length}"

    /// Extents of the axes, outermost first.
    member _.Shape = shape

    /// Number of elements.
    member _.Count = values.Length

    /// The elements in row-major order, without a copy.
    member _.Span = ReadOnlySpan<'T>(values)

    /// The element at a row-major position.
    member _.Item
        with get (index: int) = values[index]

    /// A copy of the elements in row-major order.
    member _.ToArray() = Array.copy values

    /// The storage itself: only kernels may see it, and only to read.
    member internal _.Values = values

    override _.Equals other =
        match other with
        | :? Tensor<'T> as that ->
            shape = that.Shape
            && values.AsSpan().SequenceEqual(that.Span, EqualityComparer<'T>.Default)
        | _ -> false

    override _.GetHashCode() = HashCode.Combine(shape, values.Length)

    override _.ToString() = $"tensor {Shape.format shape}"

module Tensor =

    /// Makes a tensor by filling its fresh buffer.
    let create (shape: Shape) (fill: Fill<'T>) : Tensor<'T> =
        let values = Array.zeroCreate (Shape.size shape)
        fill.Invoke(Span values)
        Tensor(shape, values)

    /// A tensor of the given values in row-major order (copied). Raises ArgumentException when the count differs.
    let ofSeq (shape: Shape) (values: 'T seq) : Tensor<'T> = Tensor(shape, Seq.toArray values)

    /// A tensor of zeros.
    let zeros<'T> (shape: Shape) : Tensor<'T> =
        Tensor(shape, Array.zeroCreate (Shape.size shape))

    /// A tensor whose element at row-major position i is f i.
    let init (shape: Shape) (f: int -> 'T) : Tensor<'T> =
        Tensor(shape, Array.init (Shape.size shape) f)

    /// Applies f to each element.
    let map (f: 'T -> 'U) (x: Tensor<'T>) : Tensor<'U> = Tensor(x.Shape, Array.map f x.Values)

    /// The same elements under another shape of the same size; nothing is copied.
    let reshape (shape: Shape) (x: Tensor<'T>) : Tensor<'T> = Tensor(shape, x.Values)

    /// The `count` examples from `start` on, along the outermost axis (copied).
    let slice (start: int) (count: int) (x: Tensor<'T>) : Tensor<'T> =
        let row = Shape.size x.Shape.Tail
        Tensor(count :: x.Shape.Tail, Array.sub x.Values (start * row) (count * row))

    /// Puts tensors of equal inner shape one after the other along the outermost axis.
    let concat (parts: Tensor<'T> list) : Tensor<'T> =
        let inner = parts.Head.Shape.Tail

        if parts |> List.exists (fun part -> part.Shape.Tail <> inner) then
            invalidArg (nameof parts) "the tensors differ in their inner shape"

        Tensor(
            (parts |> List.sumBy (fun part -> part.Shape.Head)) :: inner,
            parts |> List.map (fun part -> part.Values) |> Array.concat
        )

    /// Whether every number is finite.
    let isFinite<'T when 'T :> INumberBase<'T>> (x: Tensor<'T>) : bool =
        let mutable finite = true

        for value in x.Span do
            finite <- finite && 'T.IsFinite value

        finite
