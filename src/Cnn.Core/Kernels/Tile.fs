namespace Cnn.Kernels

#nowarn "9"
#nowarn "3535"
#nowarn "3536"

open System.Runtime.CompilerServices
open Microsoft.FSharp.NativeInterop

/// The loop that products are taken in: a few rows, in registers. (WideTile is the same for four vectors of columns.)
/// Every sum is taken in the order of k: tiles and vectors of any size give the same bits.
module internal Tile =

    /// The address `bytes` behind p.
    let inline at (p: nativeptr<'T>) (bytes: nativeint) : nativeptr<'T> =
        NativePtr.ofNativeInt (NativePtr.toNativeInt p + bytes)

    /// `count` tiles, one below the other, of the product with these corners.
    [<MethodImpl(MethodImplOptions.AggressiveOptimization)>]
    let multiply<'T, 'V, 'S, 'N when 'T: unmanaged and 'S :> ISimd<'T, 'V> and 'N :> ITile>
        (p: inref<Product<'T>>)
        (count: int)
        =
        let v = 'S.Width
        // addresses as base + a few fixed distances, or the loop would run out of registers
        let step = nativeint p.AStep * nativeint sizeof<'T>
        let step2 = 2n * step
        let step3 = 3n * step
        let bStride = nativeint p.BStep * nativeint sizeof<'T>
        let last = NativePtr.toNativeInt (p.Offsets +! p.Depth)
        let mutable line = 0

        while line < p.Lines do
            let mutable a = p.A +! (line * p.ALine)
            let mutable start = p.Start +! (line * p.StartLine)
            let mutable c = p.C +! (line * p.CLine)
            let mutable tile = 0

            while tile < count do
                let startStep = p.StartStep
                let mutable c00 = 'S.Load start

                let mutable c01 =
                    if 'N.Vectors > 1 then
                        'S.Load(start +! v)
                    else
                        Unchecked.defaultof<'V>

                let mutable c10 =
                    if 'N.Rows > 1 then
                        'S.Load(start +! startStep)
                    else
                        Unchecked.defaultof<'V>

                let mutable c11 =
                    if 'N.Rows > 1 && 'N.Vectors > 1 then
                        'S.Load(start +! (startStep + v))
                    else
                        Unchecked.defaultof<'V>

                let mutable c20 =
                    if 'N.Rows > 2 then
                        'S.Load(start +! (2 * startStep))
                    else
                        Unchecked.defaultof<'V>

                let mutable c21 =
                    if 'N.Rows > 2 && 'N.Vectors > 1 then
                        'S.Load(start +! (2 * startStep + v))
                    else
                        Unchecked.defaultof<'V>

                let mutable c30 =
                    if 'N.Rows > 3 then
                        'S.Load(start +! (3 * startStep))
                    else
                        Unchecked.defaultof<'V>

                let mutable c31 =
                    if 'N.Rows > 3 && 'N.Vectors > 1 then
                        'S.Load(start +! (3 * startStep + v))
                    else
                        Unchecked.defaultof<'V>

                let mutable c40 =
                    if 'N.Rows > 4 then
                        'S.Load(start +! (4 * startStep))
                    else
                        Unchecked.defaultof<'V>

                let mutable c41 =
                    if 'N.Rows > 4 && 'N.Vectors > 1 then
                        'S.Load(start +! (4 * startStep + v))
                    else
                        Unchecked.defaultof<'V>

                let mutable c50 =
                    if 'N.Rows > 5 then
                        'S.Load(start +! (5 * startStep))
                    else
                        Unchecked.defaultof<'V>

                let mutable c51 =
                    if 'N.Rows > 5 && 'N.Vectors > 1 then
                        'S.Load(start +! (5 * startStep + v))
                    else
                        Unchecked.defaultof<'V>

                let mutable c60 =
                    if 'N.Rows > 6 then
                        'S.Load(start +! (6 * startStep))
                    else
                        Unchecked.defaultof<'V>

                let mutable c61 =
                    if 'N.Rows > 6 && 'N.Vectors > 1 then
                        'S.Load(start +! (6 * startStep + v))
                    else
                        Unchecked.defaultof<'V>

                let mutable c70 =
                    if 'N.Rows > 7 then
                        'S.Load(start +! (7 * startStep))
                    else
                        Unchecked.defaultof<'V>

                let mutable c71 =
                    if 'N.Rows > 7 && 'N.Vectors > 1 then
                        'S.Load(start +! (7 * startStep + v))
                    else
                        Unchecked.defaultof<'V>

                let mutable row = p.B +! (line * p.BLine)
                let mutable offset = p.Offsets

                while NativePtr.toNativeInt offset <> last do
                    let near = at a (NativePtr.read offset)
                    let far = at near (4n * step)
                    let b0 = 'S.Load row
                    let b1 = if 'N.Vectors > 1 then 'S.Load(row +! v) else b0

                    let x = 'S.Splat(NativePtr.read near)
                    c00 <- 'S.MultiplyAdd(x, b0, c00)

                    if 'N.Vectors > 1 then
                        c01 <- 'S.MultiplyAdd(x, b1, c01)

                    if 'N.Rows > 1 then
                        let x = 'S.Splat(NativePtr.read (at near step))
                        c10 <- 'S.MultiplyAdd(x, b0, c10)

                        if 'N.Vectors > 1 then
                            c11 <- 'S.MultiplyAdd(x, b1, c11)

                    if 'N.Rows > 2 then
                        let x = 'S.Splat(NativePtr.read (at near step2))
                        c20 <- 'S.MultiplyAdd(x, b0, c20)

                        if 'N.Vectors > 1 then
                            c21 <- 'S.MultiplyAdd(x, b1, c21)

                    if 'N.Rows > 3 then
                        let x = 'S.Splat(NativePtr.read (at near step3))
                        c30 <- 'S.MultiplyAdd(x, b0, c30)

                        if 'N.Vectors > 1 then
                            c31 <- 'S.MultiplyAdd(x, b1, c31)

                    if 'N.Rows > 4 then
                        let x = 'S.Splat(NativePtr.read far)
                        c40 <- 'S.MultiplyAdd(x, b0, c40)

                        if 'N.Vectors > 1 then
                            c41 <- 'S.MultiplyAdd(x, b1, c41)

                    if 'N.Rows > 5 then
                        let x = 'S.Splat(NativePtr.read (at far step))
                        c50 <- 'S.MultiplyAdd(x, b0, c50)

                        if 'N.Vectors > 1 then
                            c51 <- 'S.MultiplyAdd(x, b1, c51)

                    if 'N.Rows > 6 then
                        let x = 'S.Splat(NativePtr.read (at far step2))
                        c60 <- 'S.MultiplyAdd(x, b0, c60)

                        if 'N.Vectors > 1 then
                            c61 <- 'S.MultiplyAdd(x, b1, c61)

                    if 'N.Rows > 7 then
                        let x = 'S.Splat(NativePtr.read (at far step3))
                        c70 <- 'S.MultiplyAdd(x, b0, c70)

                        if 'N.Vectors > 1 then
                            c71 <- 'S.MultiplyAdd(x, b1, c71)

                    row <- at row bStride
                    offset <- offset +! 1

                let cStep = p.CStep
                'S.Store(c, c00)

                if 'N.Vectors > 1 then
                    'S.Store(c +! v, c01)

                if 'N.Rows > 1 then
                    'S.Store(c +! cStep, c10)

                    if 'N.Vectors > 1 then
                        'S.Store(c +! (cStep + v), c11)

                if 'N.Rows > 2 then
                    'S.Store(c +! (2 * cStep), c20)

                    if 'N.Vectors > 1 then
                        'S.Store(c +! (2 * cStep + v), c21)

                if 'N.Rows > 3 then
                    'S.Store(c +! (3 * cStep), c30)

                    if 'N.Vectors > 1 then
                        'S.Store(c +! (3 * cStep + v), c31)

                if 'N.Rows > 4 then
                    'S.Store(c +! (4 * cStep), c40)

                    if 'N.Vectors > 1 then
                        'S.Store(c +! (4 * cStep + v), c41)

                if 'N.Rows > 5 then
                    'S.Store(c +! (5 * cStep), c50)

                    if 'N.Vectors > 1 then
                        'S.Store(c +! (5 * cStep + v), c51)

                if 'N.Rows > 6 then
                    'S.Store(c +! (6 * cStep), c60)

                    if 'N.Vectors > 1 then
                        'S.Store(c +! (6 * cStep + v), c61)

                if 'N.Rows > 7 then
                    'S.Store(c +! (7 * cStep), c70)

                    if 'N.Vectors > 1 then
                        'S.Store(c +! (7 * cStep + v), c71)

                a <- at a (nativeint 'N.Rows * step)
                start <- start +! ('N.Rows * p.StartStep)
                c <- c +! ('N.Rows * cStep)
                tile <- tile + 1

            line <- line + 1
