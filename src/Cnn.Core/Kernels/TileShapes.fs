namespace Cnn.Kernels

#nowarn "9"
#nowarn "3535"
#nowarn "3536"

open Microsoft.FSharp.NativeInterop

/// A matrix product over memory:
///
///   c[l; r; j] = start[l; r; j] + sum over k of a[l * ALine + r * AStep + Offsets[k]] * b[l * BLine + k * BStep + j]
///
/// for Lines lines l of Rows rows r each: the lines of an image, whose rows are its cells, one line of a plain matrix, or
/// many small products of which each has its own b.
/// The table of offsets makes one loop serve all. For a dense layer it counts up; for a convolution it walks over the
/// cells under the kernel, so that patches never have to be copied; for a weight gradient it walks over the places of
/// the window. Steps are in numbers, offsets in bytes.
[<Struct>]
type internal Product<'T when 'T: unmanaged> =
    {
        Lines: int
        Rows: int
        /// Numbers in a row of b and c: a whole number of vectors.
        Columns: int
        Depth: int
        A: nativeptr<'T>
        ALine: int
        AStep: int
        Offsets: nativeptr<nativeint>
        B: nativeptr<'T>
        BLine: int
        BStep: int
        /// What the sums start from: c itself to add to it, or one row for all, with steps of 0.
        Start: nativeptr<'T>
        StartLine: int
        StartStep: int
        C: nativeptr<'T>
        CLine: int
        CStep: int
    }

/// How many numbers of a product are summed in registers at once: rows, and vectors in a row. Each size is a type of
/// its own, so that the JIT compiles a loop for it in which nothing is left to decide.
type internal ITile =
    static abstract Rows: int
    static abstract Vectors: int

[<Struct>]
type internal Tile1x1 =
    interface ITile with
        static member Rows = 1
        static member Vectors = 1

[<Struct>]
type internal Tile1x2 =
    interface ITile with
        static member Rows = 1
        static member Vectors = 2

[<Struct>]
type internal Tile2x1 =
    interface ITile with
        static member Rows = 2
        static member Vectors = 1

[<Struct>]
type internal Tile2x2 =
    interface ITile with
        static member Rows = 2
        static member Vectors = 2

[<Struct>]
type internal Tile3x1 =
    interface ITile with
        static member Rows = 3
        static member Vectors = 1

[<Struct>]
type internal Tile3x2 =
    interface ITile with
        static member Rows = 3
        static member Vectors = 2

[<Struct>]
type internal Tile4x1 =
    interface ITile with
        static member Rows = 4
        static member Vectors = 1

[<Struct>]
type internal Tile4x2 =
    interface ITile with
        static member Rows = 4
        static member Vectors = 2

[<Struct>]
type internal Tile5x1 =
    interface ITile with
        static member Rows = 5
        static member Vectors = 1

[<Struct>]
type internal Tile5x2 =
    interface ITile with
        static member Rows = 5
        static member Vectors = 2

[<Struct>]
type internal Tile6x1 =
    interface ITile with
        static member Rows = 6
        static member Vectors = 1

[<Struct>]
type internal Tile6x2 =
    interface ITile with
        static member Rows = 6
        static member Vectors = 2

[<Struct>]
type internal Tile7x1 =
    interface ITile with
        static member Rows = 7
        static member Vectors = 1

[<Struct>]
type internal Tile7x2 =
    interface ITile with
        static member Rows = 7
        static member Vectors = 2

[<Struct>]
type internal Tile8x1 =
    interface ITile with
        static member Rows = 8
        static member Vectors = 1

[<Struct>]
type internal Tile8x2 =
    interface ITile with
        static member Rows = 8
        static member Vectors = 2

[<Struct>]
type internal Tile1x4 =
    interface ITile with
        static member Rows = 1
        static member Vectors = 4

[<Struct>]
type internal Tile2x4 =
    interface ITile with
        static member Rows = 2
        static member Vectors = 4

[<Struct>]
type internal Tile3x4 =
    interface ITile with
        static member Rows = 3
        static member Vectors = 4

[<Struct>]
type internal Tile4x4 =
    interface ITile with
        static member Rows = 4
        static member Vectors = 4

[<Struct>]
type internal Tile5x4 =
    interface ITile with
        static member Rows = 5
        static member Vectors = 4

[<Struct>]
type internal Tile6x4 =
    interface ITile with
        static member Rows = 6
        static member Vectors = 4
