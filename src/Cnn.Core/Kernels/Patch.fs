namespace Cnn.Kernels

#nowarn "9"
#nowarn "3535"
#nowarn "3536"

open System.Runtime.CompilerServices
open Microsoft.FSharp.NativeInterop

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
///   target[r; j] += sum over i of values[i] * source[offsets[i] + r * sourceStep + j]
///
/// Behind max-pooling and ReLU nearly all of a gradient is 0. Both gradients of a convolution are sums over the few
/// entries that are not: the gradient of a filter is a sum of patches of the input, and the gradient of a patch of
/// the input is a sum of filters.
module internal Patch =

    [<MethodImpl(MethodImplOptions.AggressiveOptimization)>]
    let private block<'T, 'V, 'S, 'N when 'T: unmanaged and 'S :> ISimd<'T, 'V> and 'N :> IPatch>
        (count: int)
        (values: nativeptr<'T>)
        (offsets: nativeptr<nativeint>)
        (source: nativeptr<'T>)
        (sourceStep: int)
        (target: nativeptr<'T>)
        (targetStep: int)
        =
        let v = 'S.Width
        let mutable t00 = 'S.Load target
        let mutable t01 = if 'N.Vectors > 1 then 'S.Load(target +! v) else Unchecked.defaultof<'V>
        let mutable t02 = if 'N.Vectors > 2 then 'S.Load(target +! (2 * v)) else Unchecked.defaultof<'V>
        let mutable t03 = if 'N.Vectors > 3 then 'S.Load(target +! (3 * v)) else Unchecked.defaultof<'V>
        let mutable t10 = if 'N.Rows > 1 then 'S.Load(target +! targetStep) else Unchecked.defaultof<'V>
        let mutable t11 = if 'N.Rows > 1 && 'N.Vectors > 1 then 'S.Load(target +! (targetStep + v)) else Unchecked.defaultof<'V>
        let mutable t12 = if 'N.Rows > 1 && 'N.Vectors > 2 then 'S.Load(target +! (targetStep + 2 * v)) else Unchecked.defaultof<'V>
        let mutable t13 = if 'N.Rows > 1 && 'N.Vectors > 3 then 'S.Load(target +! (targetStep + 3 * v)) else Unchecked.defaultof<'V>
        let mutable t20 = if 'N.Rows > 2 then 'S.Load(target +! (2 * targetStep)) else Unchecked.defaultof<'V>
        let mutable t21 = if 'N.Rows > 2 && 'N.Vectors > 1 then 'S.Load(target +! (2 * targetStep + v)) else Unchecked.defaultof<'V>
        let mutable t22 = if 'N.Rows > 2 && 'N.Vectors > 2 then 'S.Load(target +! (2 * targetStep + 2 * v)) else Unchecked.defaultof<'V>
        let mutable t23 = if 'N.Rows > 2 && 'N.Vectors > 3 then 'S.Load(target +! (2 * targetStep + 3 * v)) else Unchecked.defaultof<'V>
        let rowBytes = nativeint sourceStep * nativeint sizeof<'T>
        let mutable i = 0

        while i < count do
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

        'S.Store(target, t00)

        if 'N.Vectors > 1 then
            'S.Store(target +! v, t01)

        if 'N.Vectors > 2 then
            'S.Store(target +! (2 * v), t02)

        if 'N.Vectors > 3 then
            'S.Store(target +! (3 * v), t03)

        if 'N.Rows > 1 then
            'S.Store(target +! targetStep, t10)

        if 'N.Rows > 1 && 'N.Vectors > 1 then
            'S.Store(target +! (targetStep + v), t11)

        if 'N.Rows > 1 && 'N.Vectors > 2 then
            'S.Store(target +! (targetStep + 2 * v), t12)

        if 'N.Rows > 1 && 'N.Vectors > 3 then
            'S.Store(target +! (targetStep + 3 * v), t13)

        if 'N.Rows > 2 then
            'S.Store(target +! (2 * targetStep), t20)

        if 'N.Rows > 2 && 'N.Vectors > 1 then
            'S.Store(target +! (2 * targetStep + v), t21)

        if 'N.Rows > 2 && 'N.Vectors > 2 then
            'S.Store(target +! (2 * targetStep + 2 * v), t22)

        if 'N.Rows > 2 && 'N.Vectors > 3 then
            'S.Store(target +! (2 * targetStep + 3 * v), t23)

    let private blockOf<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (rows: int)
        (vectors: int)
        (count: int)
        (values: nativeptr<'T>)
        (offsets: nativeptr<nativeint>)
        (source: nativeptr<'T>)
        (sourceStep: int)
        (target: nativeptr<'T>)
        (targetStep: int)
        =
        match 4 * rows + vectors with
        | 5 -> block<'T, 'V, 'S, Patch1x1> count values offsets source sourceStep target targetStep
        | 6 -> block<'T, 'V, 'S, Patch1x2> count values offsets source sourceStep target targetStep
        | 7 -> block<'T, 'V, 'S, Patch1x3> count values offsets source sourceStep target targetStep
        | 8 -> block<'T, 'V, 'S, Patch1x4> count values offsets source sourceStep target targetStep
        | 9 -> block<'T, 'V, 'S, Patch2x1> count values offsets source sourceStep target targetStep
        | 10 -> block<'T, 'V, 'S, Patch2x2> count values offsets source sourceStep target targetStep
        | 11 -> block<'T, 'V, 'S, Patch2x3> count values offsets source sourceStep target targetStep
        | 12 -> block<'T, 'V, 'S, Patch2x4> count values offsets source sourceStep target targetStep
        | 13 -> block<'T, 'V, 'S, Patch3x1> count values offsets source sourceStep target targetStep
        | 14 -> block<'T, 'V, 'S, Patch3x2> count values offsets source sourceStep target targetStep
        | 15 -> block<'T, 'V, 'S, Patch3x3> count values offsets source sourceStep target targetStep
        | _ -> block<'T, 'V, 'S, Patch3x4> count values offsets source sourceStep target targetStep

    /// For any number of rows and any whole number of vectors. Steps are in numbers, offsets in bytes.
    let accumulate<'T, 'V, 'S when 'T: unmanaged and 'S :> ISimd<'T, 'V>>
        (count: int)
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
                    count
                    values
                    offsets
                    (source +! (r * sourceStep + j * 'S.Width))
                    sourceStep
                    (target +! (r * targetStep + j * 'S.Width))
                    targetStep

                j <- j + vectorsHere

            r <- r + rowsHere
