namespace Cnn.Kernels

#nowarn "9"
#nowarn "3535"
#nowarn "3536"

open System
open System.Buffers
open System.Numerics
open System.Runtime.CompilerServices
open Microsoft.FSharp.NativeInterop

/// A matrix laid over memory: element (i, j) stands at i * RowStep + j * ColumnStep.
/// Transposing one costs nothing.
[<Struct; IsByRefLike; IsReadOnly>]
type internal Matrix<'T> =
    val Span: ReadOnlySpan<'T>
    val Rows: int
    val Columns: int
    val RowStep: int
    val ColumnStep: int

    /// Raises ArgumentException when the last element would stand outside the span.
    new(span: ReadOnlySpan<'T>, rows: int, columns: int, rowStep: int, columnStep: int) =
        {
            Span = span
            Rows = rows
            Columns = columns
            RowStep = rowStep
            ColumnStep = columnStep
        }

        then
            let last = int64 (rows - 1) * int64 rowStep + int64 (columns - 1) * int64 columnStep

            if
                rowStep < 0
                || columnStep < 0
                || (rows > 0 && columns > 0 && last >= int64 span.Length)
            then
                invalidArg (nameof span) $"a {rows} x {columns} matrix does not fit into {span.Length} values"

    /// A matrix whose rows follow each other.
    new(span: ReadOnlySpan<'T>, rows: int, columns: int) = Matrix<'T>(span, rows, columns, columns, 1)

    member m.Transposed = Matrix<'T>(m.Span, m.Columns, m.Rows, m.ColumnStep, m.RowStep)

/// The matrix product that convolution and dense layers rest on.
///
/// The result is cut into tiles of 4 rows by 2 vectors, which fit the registers of every processor we know:
/// 8 running sums hide the latency of the fused multiply-add. Every element of the result is summed in the
/// order of k, so that vectors of any width give the same bits.
module internal Gemm =

    /// Rows of `b` that are multiplied before moving on: a panel of two vectors then stays in the L1 cache.
    [<Literal>]
    let private DepthBlock = 256

    [<Literal>]
    let private TileRows = 4

    /// The address `bytes` behind p.
    let inline private at (p: nativeptr<'T>) (bytes: nativeint) : nativeptr<'T> =
        NativePtr.ofNativeInt (NativePtr.toNativeInt p + bytes)

    /// c (4 rows by 2 vectors, row step `cStep`) += a (4 rows given by pointers, column step `aStep`) b
    let private tile<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (depth: int)
        (a0: nativeptr<'T>)
        (a1: nativeptr<'T>)
        (a2: nativeptr<'T>)
        (a3: nativeptr<'T>)
        (aStep: int)
        (b: nativeptr<'T>)
        (bStep: int)
        (c: nativeptr<'T>)
        (cStep: int)
        =
        let v = 'S.Width
        let mutable c00 = 'S.Load c
        let mutable c01 = 'S.Load(c +! v)
        let mutable c10 = 'S.Load(c +! cStep)
        let mutable c11 = 'S.Load(c +! (cStep + v))
        let mutable c20 = 'S.Load(c +! (2 * cStep))
        let mutable c21 = 'S.Load(c +! (2 * cStep + v))
        let mutable c30 = 'S.Load(c +! (3 * cStep))
        let mutable c31 = 'S.Load(c +! (3 * cStep + v))
        // one offset serves all four rows: the loop is bound by how many instructions the processor can decode
        let aStride = nativeint aStep * nativeint sizeof<'T>
        let bStride = nativeint bStep * nativeint sizeof<'T>
        let aEnd = nativeint depth * aStride
        let mutable offset = 0n
        let mutable bRow = b

        while offset < aEnd do
            let b0 = 'S.Load bRow
            let b1 = 'S.Load(bRow +! v)
            let x0 = 'S.Splat(NativePtr.read (at a0 offset))
            c00 <- 'S.MultiplyAdd(x0, b0, c00)
            c01 <- 'S.MultiplyAdd(x0, b1, c01)
            let x1 = 'S.Splat(NativePtr.read (at a1 offset))
            c10 <- 'S.MultiplyAdd(x1, b0, c10)
            c11 <- 'S.MultiplyAdd(x1, b1, c11)
            let x2 = 'S.Splat(NativePtr.read (at a2 offset))
            c20 <- 'S.MultiplyAdd(x2, b0, c20)
            c21 <- 'S.MultiplyAdd(x2, b1, c21)
            let x3 = 'S.Splat(NativePtr.read (at a3 offset))
            c30 <- 'S.MultiplyAdd(x3, b0, c30)
            c31 <- 'S.MultiplyAdd(x3, b1, c31)
            bRow <- at bRow bStride
            offset <- offset + aStride

        'S.Store(c, c00)
        'S.Store(c +! v, c01)
        'S.Store(c +! cStep, c10)
        'S.Store(c +! (cStep + v), c11)
        'S.Store(c +! (2 * cStep), c20)
        'S.Store(c +! (2 * cStep + v), c21)
        'S.Store(c +! (3 * cStep), c30)
        'S.Store(c +! (3 * cStep + v), c31)

    /// Copies a block of b into `panel`, row after row, filling up with zeros to whole vectors.
    let private pack
        (b: nativeptr<'T>)
        (rowStep: int)
        (columnStep: int)
        (depth: int)
        (columns: int)
        (panel: nativeptr<'T>)
        (panelColumns: int)
        =
        if columns < panelColumns then
            Span<'T>(NativePtr.toVoidPtr panel, depth * panelColumns).Clear()

        // read along the source's rows or along its columns, whichever lie closer together
        if columnStep < rowStep then
            let mutable k = 0

            while k < depth do
                let source = b +! (k * rowStep)
                let target = panel +! (k * panelColumns)
                let mutable j = 0

                while j < columns do
                    NativePtr.set target j (NativePtr.get source (j * columnStep))
                    j <- j + 1

                k <- k + 1
        else
            let mutable j = 0

            while j < columns do
                let mutable source = b +! (j * columnStep)
                let mutable target = panel +! j
                let mutable k = 0

                while k < depth do
                    NativePtr.write target (NativePtr.read source)
                    source <- source +! rowStep
                    target <- target +! panelColumns
                    k <- k + 1

                j <- j + 1

    /// target += a b, where target holds a.Rows rows of b.Columns values, one after the other.
    let multiplyAdd<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (a: Matrix<'T>)
        (b: Matrix<'T>)
        (target: Span<'T>)
        =
        let rows, columns, depth = a.Rows, b.Columns, a.Columns

        if b.Rows <> depth || target.Length <> rows * columns then
            invalidArg
                (nameof b)
                $"{a.Rows} x {a.Columns} times {b.Rows} x {b.Columns} does not give {target.Length} values"

        let tileColumns = 2 * 'S.Width
        let scratch = ArrayPool<'T>.Shared.Rent((DepthBlock + TileRows) * tileColumns)
        use scratchPointer = fixed scratch
        use aPointer = fixed a.Span
        use bPointer = fixed b.Span
        use cPointer = fixed target
        let panel = scratchPointer
        let edge = scratchPointer +! (DepthBlock * tileColumns)
        let mutable k = 0

        while k < depth do
            let depthHere = min DepthBlock (depth - k)
            let mutable j = 0

            while j < columns do
                let columnsHere = min tileColumns (columns - j)
                let block = bPointer +! (k * b.RowStep + j * b.ColumnStep)
                let direct = b.ColumnStep = 1 && columnsHere = tileColumns

                if not direct then
                    pack block b.RowStep b.ColumnStep depthHere columnsHere panel tileColumns

                let bBlock = if direct then block else panel
                let bStep = if direct then b.RowStep else tileColumns
                let mutable i = 0

                while i < rows do
                    let rowsHere = min TileRows (rows - i)
                    let a0 = aPointer +! (i * a.RowStep + k * a.ColumnStep)
                    // rows beyond the last repeat it; what they give is thrown away
                    let a1 = a0 +! (min 1 (rowsHere - 1) * a.RowStep)
                    let a2 = a0 +! (min 2 (rowsHere - 1) * a.RowStep)
                    let a3 = a0 +! (min 3 (rowsHere - 1) * a.RowStep)
                    let c = cPointer +! (i * columns + j)

                    if rowsHere = TileRows && columnsHere = tileColumns then
                        tile<'T, 'V, 'S> depthHere a0 a1 a2 a3 a.ColumnStep bBlock bStep c columns
                    else
                        pack c columns 1 rowsHere columnsHere edge tileColumns
                        tile<'T, 'V, 'S> depthHere a0 a1 a2 a3 a.ColumnStep bBlock bStep edge tileColumns
                        let mutable r = 0

                        while r < rowsHere do
                            let mutable s = 0

                            while s < columnsHere do
                                NativePtr.set c (r * columns + s) (NativePtr.get edge (r * tileColumns + s))
                                s <- s + 1

                            r <- r + 1

                    i <- i + TileRows

                j <- j + tileColumns

            k <- k + depthHere

        ArrayPool<'T>.Shared.Return scratch
