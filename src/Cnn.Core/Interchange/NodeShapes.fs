namespace Cnn.Interchange

open Cnn.Tensors
open Cnn.Networks
open Cnn.Interchange.NodeReading

/// Arithmetic on shapes, which exporters leave in a graph to say "the batch, and all the rest in one row". A shape is a list of extents.
module internal NodeShapes =

    /// Extents of a shape, at most.
    [<Literal>]
    let Most = 16

    /// An index from the end where it is negative.
    let private position (count: int) (index: int64) : Result<int, string> =
        let counted = if index < 0L then index + int64 count else index

        if counted >= 0L && counted < int64 count then
            Ok(int counted)
        else
            Error $"its index {index} is outside of the {count} extents of a shape"

    let private fixedOnly (extents: Extent list) : Result<int64 list, string> =
        if
            extents
            |> List.forall (function
                | Fixed _ -> true
                | Open _ -> false)
        then
            extents
            |> List.choose (function
                | Fixed extent -> Some extent
                | Open _ -> None)
            |> Ok
        else
            Error "it computes with the size of the batch"

    /// Some of the extents of a shape.
    let gather (node: GraphNode) (extents: Extent list) (indices: Extent list) : Result<Extent list, string> =
        result {
            do! only [ "axis" ] node
            do! integerIs "axis" 0L node
            let! indices = fixedOnly indices

            return!
                (indices, Ok [])
                ||> List.foldBack (fun index after ->
                    after
                    |> Result.bind (fun after ->
                        position extents.Length index |> Result.map (fun i -> extents[i] :: after)))
        }

    /// The extents from one on and up to another.
    let slice (extents: Extent list) (start: int64) (stop: int64) : Extent list =
        let bound (index: int64) =
            let counted = if index < 0L then index + int64 extents.Length else index

            int (max 0L (min counted (int64 extents.Length)))

        let first = bound start
        extents |> List.skip first |> List.truncate (max 0 (bound stop - first))

    /// Several shapes one after the other.
    let concat (node: GraphNode) (parts: Extent list list) : Result<Extent list, string> =
        result {
            do! only [ "axis" ] node
            do! integerIs "axis" 0L node
            let all = List.concat parts
            do! refuseUnless (all.Length <= Most) $"it makes a shape of {all.Length} extents"
            return all
        }

    let private format (extents: Extent list) : string =
        extents
        |> List.map (function
            | Fixed extent -> string extent
            | Open _ -> "N")
        |> String.concat "x"

    /// Refuses every shape but that of a batch whose examples are flat. `example` is what an example is before.
    let expectFlat (batch: Extent) (copiesZero: bool) (example: Shape) (target: Extent list) : Result<unit, string> =
        let size = int64 (Shape.size example)

        let isRight =
            match target with
            | [ Fixed -1L; Fixed rest ] -> rest = size
            | [ first; Fixed rest ] ->
                (match first, batch with
                 | Open _, _ -> true
                 | Fixed 0L, _ -> copiesZero
                 | Fixed extent, Fixed all -> extent = all
                 | _ -> false)
                && (rest = -1L || rest = size)
            | _ -> false

        refuseUnless
            isRight
            $"it makes {format target} of examples of {Shape.format example}; the one layer for that is flatten, which gives Nx{size}"
