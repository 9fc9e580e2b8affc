namespace Cnn.Kernels

#nowarn "9"

open System
open Microsoft.FSharp.NativeInterop

/// A batch of images in memory with the channels innermost: [ N; rows; columns; channels ].
///
/// Each image may have a border, which is where the padding of the convolution that reads it is kept. `Step` numbers
/// lie between one cell and the next: at least as many as there are channels, so that whole vectors of them can be
/// read; the numbers in between are 0. A flat vector is an image of one cell.
[<Struct>]
type internal FeatureMap<'T when 'T: unmanaged> =
    {
        Data: nativeptr<'T>
        Examples: int
        Channels: int
        Step: int
        Rows: int
        Columns: int
        BorderRows: int
        BorderColumns: int
    }

    member m.RowPitch = (m.Columns + 2 * m.BorderColumns) * m.Step

    /// Raises OverflowException where no memory has that many numbers.
    member m.ImagePitch =
        Checked.(*) (m.Rows + 2 * m.BorderRows) (Checked.(*) (m.Columns + 2 * m.BorderColumns) m.Step)

    member m.Cells = m.Rows * m.Columns

    /// The first number of image n, in its border if it has one.
    member m.Image(n: int) = m.Data +! (n * m.ImagePitch)

    /// The first cell of image n inside the border.
    member m.Inner(n: int) =
        m.Data
        +! (n * m.ImagePitch + m.BorderRows * m.RowPitch + m.BorderColumns * m.Step)

module internal FeatureMap =

    /// An image that does not fill more than an array could.
    let private numbers (m: FeatureMap<'T>) = Checked.(*) m.Examples m.ImagePitch

    /// Memory for a map; every cell has yet to be written, but for those of the border, which are 0.
    let take<'T when 'T: unmanaged>
        (workspace: Workspace)
        (examples: int)
        (channels: int)
        (step: int)
        (rows: int, columns: int)
        (borderRows: int, borderColumns: int)
        : FeatureMap<'T> =
        let empty: FeatureMap<'T> =
            {
                Data = NativePtr.nullPtr
                Examples = examples
                Channels = channels
                Step = step
                Rows = rows
                Columns = columns
                BorderRows = borderRows
                BorderColumns = borderColumns
            }

        let map =
            { empty with
                Data = workspace.Take(numbers empty)
            }

        if borderRows > 0 || borderColumns > 0 then
            let clear (from: nativeptr<'T>) (count: int) =
                Span<'T>(NativePtr.toVoidPtr from, count).Clear()

            let side = borderColumns * step

            for n in 0 .. examples - 1 do
                let image = map.Image n
                let above = borderRows * map.RowPitch
                clear image above
                clear (image +! (map.ImagePitch - above)) above

                if side > 0 then
                    for row in borderRows .. borderRows + rows - 1 do
                        clear (image +! (row * map.RowPitch)) side
                        clear (image +! ((row + 1) * map.RowPitch - side)) side

        map

    /// Some of the examples, in the same memory.
    let slice (start: int) (count: int) (map: FeatureMap<'T>) : FeatureMap<'T> =
        { map with
            Data = map.Image start
            Examples = count
        }

    /// Memory for a map with the extents of another; nothing of it is written, the border included.
    let like (workspace: Workspace) (other: FeatureMap<'T>) : FeatureMap<'T> =
        { other with
            Data = workspace.Take(numbers other)
        }

    /// Copies a map to another of the same extents, borders included.
    let copy<'T when 'T: unmanaged> (source: FeatureMap<'T>) (target: FeatureMap<'T>) =
        Span<'T>(NativePtr.toVoidPtr source.Data, numbers source)
            .CopyTo(Span<'T>(NativePtr.toVoidPtr target.Data, numbers target))

    /// Copies images [ count; channels; rows; columns ] into the map.
    let load<'T when 'T: unmanaged> (source: ReadOnlySpan<'T>) (map: FeatureMap<'T>) =
        use from = fixed source
        let cells = map.Cells

        for n in 0 .. map.Examples - 1 do
            let inner = map.Inner n
            let image = from +! (n * map.Channels * cells)

            for c in 0 .. map.Channels - 1 do
                for row in 0 .. map.Rows - 1 do
                    let mutable target = inner +! (row * map.RowPitch + c)
                    let line = image +! (c * cells + row * map.Columns)

                    if map.Step = 1 then
                        Span<'T>(NativePtr.toVoidPtr line, map.Columns)
                            .CopyTo(Span<'T>(NativePtr.toVoidPtr target, map.Columns))
                    else
                        for column in 0 .. map.Columns - 1 do
                            NativePtr.write target (NativePtr.get line column)
                            target <- target +! map.Step

            // lanes without a channel
            if map.Step > map.Channels then
                for row in 0 .. map.Rows - 1 do
                    for column in 0 .. map.Columns - 1 do
                        let cell = inner +! (row * map.RowPitch + column * map.Step)

                        for c in map.Channels .. map.Step - 1 do
                            NativePtr.set cell c Unchecked.defaultof<'T>

    /// Fills a map without lanes to spare with images [ count; channels; rows; columns ] of bytes, each of which stands for one of 256
    /// numbers.
    let loadBytes<'T when 'T: unmanaged> (numbers: 'T[]) (source: ReadOnlySpan<byte>) (map: FeatureMap<'T>) =
        use from = fixed source
        use numbers = fixed numbers
        let cells = map.Cells

        for n in 0 .. map.Examples - 1 do
            let inner = map.Inner n

            for c in 0 .. map.Channels - 1 do
                let image = from +! ((n * map.Channels + c) * cells)

                for row in 0 .. map.Rows - 1 do
                    let mutable target = inner +! (row * map.RowPitch + c)
                    let line = image +! (row * map.Columns)

                    for column in 0 .. map.Columns - 1 do
                        NativePtr.write target (NativePtr.get numbers (int (NativePtr.get line column)))
                        target <- target +! map.Step

    /// Copies the map into images [ N; channels; rows; columns ].
    let store<'T when 'T: unmanaged> (map: FeatureMap<'T>) (target: Span<'T>) =
        use into = fixed target
        let cells = map.Cells

        for n in 0 .. map.Examples - 1 do
            let inner = map.Inner n
            let image = into +! (n * map.Channels * cells)

            for c in 0 .. map.Channels - 1 do
                for row in 0 .. map.Rows - 1 do
                    let mutable source = inner +! (row * map.RowPitch + c)
                    let line = image +! (c * cells + row * map.Columns)

                    for column in 0 .. map.Columns - 1 do
                        NativePtr.set line column (NativePtr.read source)
                        source <- source +! map.Step
