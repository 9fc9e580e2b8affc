namespace Cnn.Kernels

#nowarn "9"
#nowarn "3535"
#nowarn "3536"

open System.Runtime.CompilerServices
open Microsoft.FSharp.NativeInterop

/// Where some of the entries go: which patch of the target, and where the entries stand in their list.
[<Struct>]
type internal EntryGroup =
    {
        /// Bytes from the start of the target.
        Target: nativeint
        First: int
        Count: int
    }

/// How much of a patch is summed in registers at once: rows, and vectors in a row.
type internal IPatch =
    static abstract Rows: int
    static abstract Vectors: int

[<Struct>]
type internal Patch1x1 =
    interface IPatch with
        static member Rows = 1
        static member Vectors = 1

[<Struct>]
type internal Patch1x2 =
    interface IPatch with
        static member Rows = 1
        static member Vectors = 2

[<Struct>]
type internal Patch1x3 =
    interface IPatch with
        static member Rows = 1
        static member Vectors = 3

[<Struct>]
type internal Patch1x4 =
    interface IPatch with
        static member Rows = 1
        static member Vectors = 4

[<Struct>]
type internal Patch2x1 =
    interface IPatch with
        static member Rows = 2
        static member Vectors = 1

[<Struct>]
type internal Patch2x2 =
    interface IPatch with
        static member Rows = 2
        static member Vectors = 2

[<Struct>]
type internal Patch2x3 =
    interface IPatch with
        static member Rows = 2
        static member Vectors = 3

[<Struct>]
type internal Patch2x4 =
    interface IPatch with
        static member Rows = 2
        static member Vectors = 4

[<Struct>]
type internal Patch3x1 =
    interface IPatch with
        static member Rows = 3
        static member Vectors = 1

[<Struct>]
type internal Patch3x2 =
    interface IPatch with
        static member Rows = 3
        static member Vectors = 2

[<Struct>]
type internal Patch3x3 =
    interface IPatch with
        static member Rows = 3
        static member Vectors = 3

[<Struct>]
type internal Patch3x4 =
    interface IPatch with
        static member Rows = 3
        static member Vectors = 4

/// The second of the two loops that all the time of training is spent in: a sum of a few weighted patches.
///
///   target[Target + r * targetStep + j] += sum over its entries i of values[i] * source[offsets[i] + r * sourceStep + j]
///
/// for each group of entries.
/// Behind max-pooling and ReLU nearly all of a gradient is 0. Both gradients of a convolution are sums over the few
/// entries that are not: the gradient of a filter is a sum of patches of the input, and the gradient of a patch of
/// the input is a sum of filters.
module internal Patch =

    [<MethodImpl(MethodImplOptions.AggressiveOptimization)>]
    let private block<'T, 'V, 'S, 'N when 'T: unmanaged and 'S :> ISimd<'T, 'V> and 'N :> IPatch>
        (groups: nativeptr<EntryGroup>)
        (groupCount: int)
        (values: nativeptr<'T>)
        (offsets: nativeptr<nativeint>)
        (source: nativeptr<'T>)
        (sourceStep: int)
        (target: nativeptr<'T>)
        (targetStep: int)
        =
        let v = 'S.Width
        let rowBytes = nativeint sourceStep * nativeint sizeof<'T>
        let mutable g = 0

        while g < groupCount do
            let own = NativePtr.get groups g
            let corner = Tile.at target own.Target
            let mutable t00 = 'S.Load corner

            let mutable t01 =
                if 'N.Vectors > 1 then
                    'S.Load(corner +! v)
                else
                    Unchecked.defaultof<'V>

            let mutable t02 =
                if 'N.Vectors > 2 then
                    'S.Load(corner +! (2 * v))
                else
                    Unchecked.defaultof<'V>

            let mutable t03 =
                if 'N.Vectors > 3 then
                    'S.Load(corner +! (3 * v))
                else
                    Unchecked.defaultof<'V>

            let mutable t10 =
                if 'N.Rows > 1 then
                    'S.Load(corner +! targetStep)
                else
                    Unchecked.defaultof<'V>

            let mutable t11 =
                if 'N.Rows > 1 && 'N.Vectors > 1 then
                    'S.Load(corner +! (targetStep + v))
                else
                    Unchecked.defaultof<'V>

            let mutable t12 =
                if 'N.Rows > 1 && 'N.Vectors > 2 then
                    'S.Load(corner +! (targetStep + 2 * v))
                else
                    Unchecked.defaultof<'V>

            let mutable t13 =
                if 'N.Rows > 1 && 'N.Vectors > 3 then
                    'S.Load(corner +! (targetStep + 3 * v))
                else
                    Unchecked.defaultof<'V>

            let mutable t20 =
                if 'N.Rows > 2 then
                    'S.Load(corner +! (2 * targetStep))
                else
                    Unchecked.defaultof<'V>

            let mutable t21 =
                if 'N.Rows > 2 && 'N.Vectors > 1 then
                    'S.Load(corner +! (2 * targetStep + v))
                else
                    Unchecked.defaultof<'V>

            let mutable t22 =
                if 'N.Rows > 2 && 'N.Vectors > 2 then
                    'S.Load(corner +! (2 * targetStep + 2 * v))
                else
                    Unchecked.defaultof<'V>

            let mutable t23 =
                if 'N.Rows > 2 && 'N.Vectors > 3 then
                    'S.Load(corner +! (2 * targetStep + 3 * v))
                else
                    Unchecked.defaultof<'V>

            let mutable i = own.First
            let beyond = own.First + own.Count

            while i < beyond do
                let x = 'S.Splat(NativePtr.get values i)
                let row0 = Tile.at source (NativePtr.get offsets i)

                t00 <- 'S.MultiplyAdd(x, 'S.Load row0, t00)

                if 'N.Vectors > 1 then
                    t01 <- 'S.MultiplyAdd(x, 'S.Load(row0 +! v), t01)

                if 'N.Vectors > 2 then
                    t02 <- 'S.MultiplyAdd(x, 'S.Load(row0 +! (2 * v)), t02)

                if 'N.Vectors > 3 then
                    t03 <- 'S.MultiplyAdd(x, 'S.Load(row0 +! (3 * v)), t03)

                if 'N.Rows > 1 then
                    let row1 = Tile.at row0 rowBytes
                    t10 <- 'S.MultiplyAdd(x, 'S.Load row1, t10)

                    if 'N.Vectors > 1 then
                        t11 <- 'S.MultiplyAdd(x, 'S.Load(row1 +! v), t11)

                    if 'N.Vectors > 2 then
                        t12 <- 'S.MultiplyAdd(x, 'S.Load(row1 +! (2 * v)), t12)

                    if 'N.Vectors > 3 then
                        t13 <- 'S.MultiplyAdd(x, 'S.Load(row1 +! (3 * v)), t13)

                if 'N.Rows > 2 then
                    let row2 = Tile.at row0 (2n * rowBytes)
                    t20 <- 'S.MultiplyAdd(x, 'S.Load row2, t20)

                    if 'N.Vectors > 1 then
                        t21 <- 'S.MultiplyAdd(x, 'S.Load(row2 +! v), t21)

                    if 'N.Vectors > 2 then
                        t22 <- 'S.MultiplyAdd(x, 'S.Load(row2 +! (2 * v)), t22)

                    if 'N.Vectors > 3 then
                        t23 <- 'S.MultiplyAdd(x, 'S.Load(row2 +! (3 * v)), t23)

                i <- i + 1

            'S.Store(corner, t00)

            if 'N.Vectors > 1 then
                'S.Store(corner +! v, t01)

            if 'N.Vectors > 2 then
                'S.Store(corner +! (2 * v), t02)

            if 'N.Vectors > 3 then
                'S.Store(corner +! (3 * v), t03)

            if 'N.Rows > 1 then
                'S.Store(corner +! targetStep, t10)

            if 'N.Rows > 1 && 'N.Vectors > 1 then
                'S.Store(corner +! (targetStep + v), t11)

            if 'N.Rows > 1 && 'N.Vectors > 2 then
                'S.Store(corner +! (targetStep + 2 * v), t12)

            if 'N.Rows > 1 && 'N.Vectors > 3 then
                'S.Store(corner +! (targetStep + 3 * v), t13)

            if 'N.Rows > 2 then
                'S.Store(corner +! (2 * targetStep), t20)

            if 'N.Rows > 2 && 'N.Vectors > 1 then
                'S.Store(corner +! (2 * targetStep + v), t21)

            if 'N.Rows > 2 && 'N.Vectors > 2 then
                'S.Store(corner +! (2 * targetStep + 2 * v), t22)

            if 'N.Rows > 2 && 'N.Vectors > 3 then
                'S.Store(corner +! (2 * targetStep + 3 * v), t23)

            g <- g + 1

    let private blockOf<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (rows: int)
        (vectors: int)
        (groups: nativeptr<EntryGroup>)
        (groupCount: int)
        (values: nativeptr<'T>)
        (offsets: nativeptr<nativeint>)
        (source: nativeptr<'T>)
        (sourceStep: int)
        (target: nativeptr<'T>)
        (targetStep: int)
        =
        match 4 * rows + vectors with
        | 5 -> block<'T, 'V, 'S, Patch1x1> groups groupCount values offsets source sourceStep target targetStep
        | 6 -> block<'T, 'V, 'S, Patch1x2> groups groupCount values offsets source sourceStep target targetStep
        | 7 -> block<'T, 'V, 'S, Patch1x3> groups groupCount values offsets source sourceStep target targetStep
        | 8 -> block<'T, 'V, 'S, Patch1x4> groups groupCount values offsets source sourceStep target targetStep
        | 9 -> block<'T, 'V, 'S, Patch2x1> groups groupCount values offsets source sourceStep target targetStep
        | 10 -> block<'T, 'V, 'S, Patch2x2> groups groupCount values offsets source sourceStep target targetStep
        | 11 -> block<'T, 'V, 'S, Patch2x3> groups groupCount values offsets source sourceStep target targetStep
        | 12 -> block<'T, 'V, 'S, Patch2x4> groups groupCount values offsets source sourceStep target targetStep
        | 13 -> block<'T, 'V, 'S, Patch3x1> groups groupCount values offsets source sourceStep target targetStep
        | 14 -> block<'T, 'V, 'S, Patch3x2> groups groupCount values offsets source sourceStep target targetStep
        | 15 -> block<'T, 'V, 'S, Patch3x3> groups groupCount values offsets source sourceStep target targetStep
        | _ -> block<'T, 'V, 'S, Patch3x4> groups groupCount values offsets source sourceStep target targetStep

    /// For any number of rows and any whole number of vectors. Steps are in numbers, offsets in bytes.
    let accumulate<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (groups: nativeptr<EntryGroup>)
        (groupCount: int)
        (values: nativeptr<'T>)
        (offsets: nativeptr<nativeint>)
        (source: nativeptr<'T>)
        (sourceStep: int)
        (target: nativeptr<'T>)
        (targetStep: int)
        (rows: int)
        (columns: int)
        =
        let vectors = columns / 'S.Width
        let mutable r = 0

        while r < rows do
            let rowsHere = min 3 (rows - r)
            let mutable j = 0

            while j < vectors do
                // 5 vectors are 3 and 2, not 4 and 1
                let left = vectors - j
                let vectorsHere = if left = 5 then 3 else min 4 left

                blockOf<'T, 'V, 'S>
                    rowsHere
                    vectorsHere
                    groups
                    groupCount
                    values
                    offsets
                    (source +! (r * sourceStep + j * 'S.Width))
                    sourceStep
                    (target +! (r * targetStep + j * 'S.Width))
                    targetStep

                j <- j + vectorsHere

            r <- r + rowsHere
