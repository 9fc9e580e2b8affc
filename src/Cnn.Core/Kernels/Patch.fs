namespace Cnn.Kernels

#nowarn "9"
#nowarn "3535"
#nowarn "3536"

open System.Numerics
open System.Runtime.CompilerServices
open System.Runtime.Intrinsics
open Microsoft.FSharp.NativeInterop

/// The entries of a convolution's gradient that are not 0, and what they are multiplied with: those of one example, of up to
/// 64 cells and of up to 4 positions of the window under each. A position of a window is a place of the kernel.
[<Struct>]
type internal LiveEntries<'T when 'T: unmanaged> =
    {
        Filters: int
        Cells: int
        /// [ Filters; 3 ], a bit for each cell: whether one of its positions is live, and which, in two bits, the lower first.
        ByFilter: nativeptr<uint64>
        /// [ groups of 32 filters; 64 cells; 4 positions ], a bit for each filter.
        ByPlace: nativeptr<uint32>
        /// [ Cells ]: bytes to a cell in Gradient, whose numbers are those of the filters.
        CellOffsets: nativeptr<nativeint>
        /// [ Cells; 4 ]: bytes to the corner of the patch that the kernel meets in an image.
        PlaceOffsets: nativeptr<nativeint>
        Gradient: nativeptr<'T>
        /// [ Filters; Rows; Columns ]: the weights or their gradient.
        Kernel: nativeptr<'T>
        Rows: int
        /// Numbers in a row of the kernel: a whole number of vectors.
        Columns: int
        /// The input or its gradient, in rows of `Pitch` numbers.
        Image: nativeptr<'T>
        Pitch: int
    }

/// The loops of sparse gradients. Behind max-pooling and ReLU nearly all of a gradient is 0. For each entry g that is not, of filter o
/// at the patch p,
///
///   dweight[o; k] += g x[p + k]
///   dx[p + k] += g weight[o; k]
///
/// for all k under the kernel, of which some are summed in registers: in the first form, while the entries of a filter go by;
/// in the second, while those of a patch do. Nothing lists the entries: they are found in the bits.
module internal Patch =

    /// Words of a group of filters in ByPlace.
    [<Literal>]
    let private GroupWords = 256

    [<MethodImpl(MethodImplOptions.AggressiveInlining)>]
    let private gather<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (wanted: bool)
        (value: 'V)
        (source: nativeptr<'T>)
        (sum: 'V)
        : 'V =
        if wanted then
            'S.MultiplyAdd(value, 'S.Load source, sum)
        else
            sum

    /// The sums of a filter. One run of entries for each: at the end of a run the processor guesses wrong.
    [<MethodImpl(MethodImplOptions.AggressiveOptimization)>]
    let private byFilter<'T, 'V, 'S, 'R, 'N when 'T: unmanaged and 'S :> ISimd<'T, 'V> and 'R :> ICount and 'N :> ICount>
        (e: inref<LiveEntries<'T>>)
        (row: int)
        (column: int)
        =
        let v = 'S.Width
        let size = nativeint sizeof<'T>
        let line = nativeint e.Columns * size
        let pitch = nativeint e.Pitch * size
        let image = e.Image +! (row * e.Pitch + column)
        let cells, places = e.CellOffsets, e.PlaceOffsets
        let mutable filter = 0

        while filter < e.Filters do
            let mutable live = NativePtr.get e.ByFilter (3 * filter)

            if live <> 0UL then
                let low = NativePtr.get e.ByFilter (3 * filter + 1)
                let high = NativePtr.get e.ByFilter (3 * filter + 2)
                let gradient = e.Gradient +! filter

                let d0 = e.Kernel +! ((filter * e.Rows + row) * e.Columns + column)
                let d1 = Tile.at d0 line
                let d2 = Tile.at d1 line
                let mutable t00 = Registers.load<'T, 'V, 'S> true d0
                let mutable t01 = Registers.load<'T, 'V, 'S> ('N.Count > 1) (d0 +! v)
                let mutable t02 = Registers.load<'T, 'V, 'S> ('N.Count > 2) (d0 +! (2 * v))
                let mutable t03 = Registers.load<'T, 'V, 'S> ('N.Count > 3) (d0 +! (3 * v))
                let mutable t04 = Registers.load<'T, 'V, 'S> ('N.Count > 4) (d0 +! (4 * v))
                let mutable t10 = Registers.load<'T, 'V, 'S> ('R.Count > 1) d1

                let mutable t11 =
                    Registers.load<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 1) (d1 +! v)

                let mutable t12 =
                    Registers.load<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 2) (d1 +! (2 * v))

                let mutable t13 =
                    Registers.load<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 3) (d1 +! (3 * v))

                let mutable t14 =
                    Registers.load<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 4) (d1 +! (4 * v))

                let mutable t20 = Registers.load<'T, 'V, 'S> ('R.Count > 2) d2

                let mutable t21 =
                    Registers.load<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 1) (d2 +! v)

                let mutable t22 =
                    Registers.load<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 2) (d2 +! (2 * v))

                let mutable t23 =
                    Registers.load<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 3) (d2 +! (3 * v))

                let mutable t24 =
                    Registers.load<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 4) (d2 +! (4 * v))

                while live <> 0UL do
                    let cell = BitOperations.TrailingZeroCount live
                    live <- live &&& (live - 1UL)

                    let position = int ((low >>> cell) &&& 1UL) + 2 * int ((high >>> cell) &&& 1UL)

                    let x0 = Tile.at image (NativePtr.get places (4 * cell + position))
                    let x1 = Tile.at x0 pitch
                    let x2 = Tile.at x1 pitch
                    let value = 'S.Splat(NativePtr.read (Tile.at gradient (NativePtr.get cells cell)))
                    t00 <- gather<'T, 'V, 'S> true value x0 t00
                    t01 <- gather<'T, 'V, 'S> ('N.Count > 1) value (x0 +! v) t01
                    t02 <- gather<'T, 'V, 'S> ('N.Count > 2) value (x0 +! (2 * v)) t02
                    t03 <- gather<'T, 'V, 'S> ('N.Count > 3) value (x0 +! (3 * v)) t03
                    t04 <- gather<'T, 'V, 'S> ('N.Count > 4) value (x0 +! (4 * v)) t04
                    t10 <- gather<'T, 'V, 'S> ('R.Count > 1) value x1 t10
                    t11 <- gather<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 1) value (x1 +! v) t11
                    t12 <- gather<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 2) value (x1 +! (2 * v)) t12
                    t13 <- gather<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 3) value (x1 +! (3 * v)) t13
                    t14 <- gather<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 4) value (x1 +! (4 * v)) t14
                    t20 <- gather<'T, 'V, 'S> ('R.Count > 2) value x2 t20
                    t21 <- gather<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 1) value (x2 +! v) t21
                    t22 <- gather<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 2) value (x2 +! (2 * v)) t22
                    t23 <- gather<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 3) value (x2 +! (3 * v)) t23
                    t24 <- gather<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 4) value (x2 +! (4 * v)) t24

                Registers.store<'T, 'V, 'S> true d0 t00
                Registers.store<'T, 'V, 'S> ('N.Count > 1) (d0 +! v) t01
                Registers.store<'T, 'V, 'S> ('N.Count > 2) (d0 +! (2 * v)) t02
                Registers.store<'T, 'V, 'S> ('N.Count > 3) (d0 +! (3 * v)) t03
                Registers.store<'T, 'V, 'S> ('N.Count > 4) (d0 +! (4 * v)) t04
                Registers.store<'T, 'V, 'S> ('R.Count > 1) d1 t10
                Registers.store<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 1) (d1 +! v) t11
                Registers.store<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 2) (d1 +! (2 * v)) t12
                Registers.store<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 3) (d1 +! (3 * v)) t13
                Registers.store<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 4) (d1 +! (4 * v)) t14
                Registers.store<'T, 'V, 'S> ('R.Count > 2) d2 t20
                Registers.store<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 1) (d2 +! v) t21
                Registers.store<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 2) (d2 +! (2 * v)) t22
                Registers.store<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 3) (d2 +! (3 * v)) t23
                Registers.store<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 4) (d2 +! (4 * v)) t24

            filter <- filter + 1

    /// The sums of a patch of the input's gradient.
    [<MethodImpl(MethodImplOptions.AggressiveOptimization)>]
    let private byPlace<'T, 'V, 'S, 'R, 'N when 'T: unmanaged and 'S :> ISimd<'T, 'V> and 'R :> ICount and 'N :> ICount>
        (e: inref<LiveEntries<'T>>)
        (row: int)
        (column: int)
        =
        let v = 'S.Width
        let size = nativeint sizeof<'T>
        let line = nativeint e.Columns * size
        let filterSize = nativeint e.Rows * line
        let pitch = nativeint e.Pitch * size
        let image = e.Image +! (row * e.Pitch + column)
        let kernel = e.Kernel +! (row * e.Columns + column)
        let beyond = GroupWords * ((e.Filters + 31) / 32)
        let mutable place = 0

        while place < 4 * e.Cells do
            let mutable any = 0u
            let mutable group = place

            while group < beyond do
                any <- any ||| NativePtr.get e.ByPlace group
                group <- group + GroupWords

            // a position outside the image has no memory of its own
            if any <> 0u then
                let d0 = Tile.at image (NativePtr.get e.PlaceOffsets place)
                let d1 = Tile.at d0 pitch
                let d2 = Tile.at d1 pitch
                let mutable t00 = Registers.load<'T, 'V, 'S> true d0
                let mutable t01 = Registers.load<'T, 'V, 'S> ('N.Count > 1) (d0 +! v)
                let mutable t02 = Registers.load<'T, 'V, 'S> ('N.Count > 2) (d0 +! (2 * v))
                let mutable t03 = Registers.load<'T, 'V, 'S> ('N.Count > 3) (d0 +! (3 * v))
                let mutable t04 = Registers.load<'T, 'V, 'S> ('N.Count > 4) (d0 +! (4 * v))
                let mutable t10 = Registers.load<'T, 'V, 'S> ('R.Count > 1) d1

                let mutable t11 =
                    Registers.load<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 1) (d1 +! v)

                let mutable t12 =
                    Registers.load<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 2) (d1 +! (2 * v))

                let mutable t13 =
                    Registers.load<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 3) (d1 +! (3 * v))

                let mutable t14 =
                    Registers.load<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 4) (d1 +! (4 * v))

                let mutable t20 = Registers.load<'T, 'V, 'S> ('R.Count > 2) d2

                let mutable t21 =
                    Registers.load<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 1) (d2 +! v)

                let mutable t22 =
                    Registers.load<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 2) (d2 +! (2 * v))

                let mutable t23 =
                    Registers.load<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 3) (d2 +! (3 * v))

                let mutable t24 =
                    Registers.load<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 4) (d2 +! (4 * v))

                let mutable gradient = Tile.at e.Gradient (NativePtr.get e.CellOffsets (place / 4))
                let mutable kernel = kernel
                group <- place

                while group < beyond do
                    let mutable bits = NativePtr.get e.ByPlace group

                    while bits <> 0u do
                        let filter = BitOperations.TrailingZeroCount bits
                        bits <- bits &&& (bits - 1u)
                        let x0 = Tile.at kernel (nativeint filter * filterSize)
                        let x1 = Tile.at x0 line
                        let x2 = Tile.at x1 line
                        let value = 'S.Splat(NativePtr.get gradient filter)
                        t00 <- gather<'T, 'V, 'S> true value x0 t00
                        t01 <- gather<'T, 'V, 'S> ('N.Count > 1) value (x0 +! v) t01
                        t02 <- gather<'T, 'V, 'S> ('N.Count > 2) value (x0 +! (2 * v)) t02
                        t03 <- gather<'T, 'V, 'S> ('N.Count > 3) value (x0 +! (3 * v)) t03
                        t04 <- gather<'T, 'V, 'S> ('N.Count > 4) value (x0 +! (4 * v)) t04
                        t10 <- gather<'T, 'V, 'S> ('R.Count > 1) value x1 t10
                        t11 <- gather<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 1) value (x1 +! v) t11
                        t12 <- gather<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 2) value (x1 +! (2 * v)) t12
                        t13 <- gather<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 3) value (x1 +! (3 * v)) t13
                        t14 <- gather<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 4) value (x1 +! (4 * v)) t14
                        t20 <- gather<'T, 'V, 'S> ('R.Count > 2) value x2 t20
                        t21 <- gather<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 1) value (x2 +! v) t21
                        t22 <- gather<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 2) value (x2 +! (2 * v)) t22
                        t23 <- gather<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 3) value (x2 +! (3 * v)) t23
                        t24 <- gather<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 4) value (x2 +! (4 * v)) t24

                    gradient <- gradient +! 32
                    kernel <- Tile.at kernel (32n * filterSize)
                    group <- group + GroupWords

                Registers.store<'T, 'V, 'S> true d0 t00
                Registers.store<'T, 'V, 'S> ('N.Count > 1) (d0 +! v) t01
                Registers.store<'T, 'V, 'S> ('N.Count > 2) (d0 +! (2 * v)) t02
                Registers.store<'T, 'V, 'S> ('N.Count > 3) (d0 +! (3 * v)) t03
                Registers.store<'T, 'V, 'S> ('N.Count > 4) (d0 +! (4 * v)) t04
                Registers.store<'T, 'V, 'S> ('R.Count > 1) d1 t10
                Registers.store<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 1) (d1 +! v) t11
                Registers.store<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 2) (d1 +! (2 * v)) t12
                Registers.store<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 3) (d1 +! (3 * v)) t13
                Registers.store<'T, 'V, 'S> ('R.Count > 1 && 'N.Count > 4) (d1 +! (4 * v)) t14
                Registers.store<'T, 'V, 'S> ('R.Count > 2) d2 t20
                Registers.store<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 1) (d2 +! v) t21
                Registers.store<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 2) (d2 +! (2 * v)) t22
                Registers.store<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 3) (d2 +! (3 * v)) t23
                Registers.store<'T, 'V, 'S> ('R.Count > 2 && 'N.Count > 4) (d2 +! (4 * v)) t24

            place <- place + 1

    let private blockOfRows<'T, 'V, 'S, 'R when 'T: unmanaged and 'S :> ISimd<'T, 'V> and 'R :> ICount>
        (ofInput: bool)
        (vectors: int)
        (e: inref<LiveEntries<'T>>)
        (row: int)
        (column: int)
        =
        match ofInput, vectors with
        | false, 1 -> byFilter<'T, 'V, 'S, 'R, One> &e row column
        | false, 2 -> byFilter<'T, 'V, 'S, 'R, Two> &e row column
        | false, 3 -> byFilter<'T, 'V, 'S, 'R, Three> &e row column
        | false, 4 -> byFilter<'T, 'V, 'S, 'R, Four> &e row column
        | false, _ -> byFilter<'T, 'V, 'S, 'R, Five> &e row column
        | true, 1 -> byPlace<'T, 'V, 'S, 'R, One> &e row column
        | true, 2 -> byPlace<'T, 'V, 'S, 'R, Two> &e row column
        | true, 3 -> byPlace<'T, 'V, 'S, 'R, Three> &e row column
        | true, 4 -> byPlace<'T, 'V, 'S, 'R, Four> &e row column
        | true, _ -> byPlace<'T, 'V, 'S, 'R, Five> &e row column

    /// `count` in pieces of up to `most`, as equal as can be: 6 are 3 and 3 rather than 5 and 1.
    let piece (most: int) (count: int) =
        let pieces = (count + most - 1) / most
        (count + pieces - 1) / pieces

    /// All blocks of a kernel of any size.
    let private run<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>> (ofInput: bool) (e: inref<LiveEntries<'T>>) =
        let width = 'S.Width
        // sums, and a few registers to work in
        let most = if Vector512.IsHardwareAccelerated then 15 else 12
        let vectors = e.Columns / width
        let vectorsInPiece = piece 5 vectors
        let rowsInPiece = piece (min 3 (most / vectorsInPiece)) e.Rows
        let mutable row = 0

        while row < e.Rows do
            let rows = min rowsInPiece (e.Rows - row)
            let mutable j = 0

            while j < vectors do
                let here = min vectorsInPiece (vectors - j)

                match rows with
                | 1 -> blockOfRows<'T, 'V, 'S, One> ofInput here &e row (j * width)
                | 2 -> blockOfRows<'T, 'V, 'S, Two> ofInput here &e row (j * width)
                | _ -> blockOfRows<'T, 'V, 'S, Three> ofInput here &e row (j * width)

                j <- j + here

            row <- row + rows

    /// Adds to the gradient of the weights.
    let addToWeights<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>> (e: inref<LiveEntries<'T>>) =
        run<'T, 'V, 'S> false &e

    /// Adds to the gradient of the input.
    let addToInput<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>> (e: inref<LiveEntries<'T>>) =
        run<'T, 'V, 'S> true &e
