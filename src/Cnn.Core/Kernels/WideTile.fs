namespace Cnn.Kernels

#nowarn "9"
#nowarn "3535"
#nowarn "3536"

open System.Runtime.CompilerServices
open Microsoft.FSharp.NativeInterop

/// The tile for long rows: up to 6 rows of 4 vectors. Processors multiply faster than they load; here 16 products share 8 loads and
/// 24 share 10, where 8 rows of 2 vectors need 10 for 16. It takes 32 registers.
module internal WideTile =

    /// `count` tiles, one below the other, of the product with these corners.
    [<MethodImpl(MethodImplOptions.AggressiveOptimization)>]
    let multiply<'T, 'V, 'S, 'N when 'T: unmanaged and 'S :> ISimd<'T, 'V> and 'N :> ITile>
        (p: inref<Product<'T>>)
        (count: int)
        =
        let v = 'S.Width
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
                let zero = Unchecked.defaultof<'V>
                let startStep = p.StartStep
                let mutable c00 = 'S.Load start
                let mutable c01 = 'S.Load(start +! v)
                let mutable c02 = 'S.Load(start +! (2 * v))
                let mutable c03 = 'S.Load(start +! (3 * v))
                let mutable c10 = if 'N.Rows > 1 then 'S.Load(start +! startStep) else zero

                let mutable c11 =
                    if 'N.Rows > 1 then
                        'S.Load(start +! (startStep + v))
                    else
                        zero

                let mutable c12 =
                    if 'N.Rows > 1 then
                        'S.Load(start +! (startStep + 2 * v))
                    else
                        zero

                let mutable c13 =
                    if 'N.Rows > 1 then
                        'S.Load(start +! (startStep + 3 * v))
                    else
                        zero

                let mutable c20 =
                    if 'N.Rows > 2 then
                        'S.Load(start +! (2 * startStep))
                    else
                        zero

                let mutable c21 =
                    if 'N.Rows > 2 then
                        'S.Load(start +! (2 * startStep + v))
                    else
                        zero

                let mutable c22 =
                    if 'N.Rows > 2 then
                        'S.Load(start +! (2 * startStep + 2 * v))
                    else
                        zero

                let mutable c23 =
                    if 'N.Rows > 2 then
                        'S.Load(start +! (2 * startStep + 3 * v))
                    else
                        zero

                let mutable c30 =
                    if 'N.Rows > 3 then
                        'S.Load(start +! (3 * startStep))
                    else
                        zero

                let mutable c31 =
                    if 'N.Rows > 3 then
                        'S.Load(start +! (3 * startStep + v))
                    else
                        zero

                let mutable c32 =
                    if 'N.Rows > 3 then
                        'S.Load(start +! (3 * startStep + 2 * v))
                    else
                        zero

                let mutable c33 =
                    if 'N.Rows > 3 then
                        'S.Load(start +! (3 * startStep + 3 * v))
                    else
                        zero

                let mutable c40 =
                    if 'N.Rows > 4 then
                        'S.Load(start +! (4 * startStep))
                    else
                        zero

                let mutable c41 =
                    if 'N.Rows > 4 then
                        'S.Load(start +! (4 * startStep + v))
                    else
                        zero

                let mutable c42 =
                    if 'N.Rows > 4 then
                        'S.Load(start +! (4 * startStep + 2 * v))
                    else
                        zero

                let mutable c43 =
                    if 'N.Rows > 4 then
                        'S.Load(start +! (4 * startStep + 3 * v))
                    else
                        zero

                let mutable c50 =
                    if 'N.Rows > 5 then
                        'S.Load(start +! (5 * startStep))
                    else
                        zero

                let mutable c51 =
                    if 'N.Rows > 5 then
                        'S.Load(start +! (5 * startStep + v))
                    else
                        zero

                let mutable c52 =
                    if 'N.Rows > 5 then
                        'S.Load(start +! (5 * startStep + 2 * v))
                    else
                        zero

                let mutable c53 =
                    if 'N.Rows > 5 then
                        'S.Load(start +! (5 * startStep + 3 * v))
                    else
                        zero

                let mutable row = p.B +! (line * p.BLine)
                let mutable offset = p.Offsets

                while NativePtr.toNativeInt offset <> last do
                    let near = Tile.at a (NativePtr.read offset)
                    let far = Tile.at near (4n * step)
                    let b0 = 'S.Load row
                    let b1 = 'S.Load(row +! v)
                    let b2 = 'S.Load(row +! (2 * v))
                    let b3 = 'S.Load(row +! (3 * v))

                    let x = 'S.Splat(NativePtr.read near)
                    c00 <- 'S.MultiplyAdd(x, b0, c00)
                    c01 <- 'S.MultiplyAdd(x, b1, c01)
                    c02 <- 'S.MultiplyAdd(x, b2, c02)
                    c03 <- 'S.MultiplyAdd(x, b3, c03)

                    if 'N.Rows > 1 then
                        let x = 'S.Splat(NativePtr.read (Tile.at near step))
                        c10 <- 'S.MultiplyAdd(x, b0, c10)
                        c11 <- 'S.MultiplyAdd(x, b1, c11)
                        c12 <- 'S.MultiplyAdd(x, b2, c12)
                        c13 <- 'S.MultiplyAdd(x, b3, c13)

                    if 'N.Rows > 2 then
                        let x = 'S.Splat(NativePtr.read (Tile.at near step2))
                        c20 <- 'S.MultiplyAdd(x, b0, c20)
                        c21 <- 'S.MultiplyAdd(x, b1, c21)
                        c22 <- 'S.MultiplyAdd(x, b2, c22)
                        c23 <- 'S.MultiplyAdd(x, b3, c23)

                    if 'N.Rows > 3 then
                        let x = 'S.Splat(NativePtr.read (Tile.at near step3))
                        c30 <- 'S.MultiplyAdd(x, b0, c30)
                        c31 <- 'S.MultiplyAdd(x, b1, c31)
                        c32 <- 'S.MultiplyAdd(x, b2, c32)
                        c33 <- 'S.MultiplyAdd(x, b3, c33)

                    if 'N.Rows > 4 then
                        let x = 'S.Splat(NativePtr.read far)
                        c40 <- 'S.MultiplyAdd(x, b0, c40)
                        c41 <- 'S.MultiplyAdd(x, b1, c41)
                        c42 <- 'S.MultiplyAdd(x, b2, c42)
                        c43 <- 'S.MultiplyAdd(x, b3, c43)

                    if 'N.Rows > 5 then
                        let x = 'S.Splat(NativePtr.read (Tile.at far step))
                        c50 <- 'S.MultiplyAdd(x, b0, c50)
                        c51 <- 'S.MultiplyAdd(x, b1, c51)
                        c52 <- 'S.MultiplyAdd(x, b2, c52)
                        c53 <- 'S.MultiplyAdd(x, b3, c53)

                    row <- Tile.at row bStride
                    offset <- offset +! 1

                let cStep = p.CStep
                'S.Store(c, c00)
                'S.Store(c +! v, c01)
                'S.Store(c +! (2 * v), c02)
                'S.Store(c +! (3 * v), c03)

                if 'N.Rows > 1 then
                    'S.Store(c +! cStep, c10)
                    'S.Store(c +! (cStep + v), c11)
                    'S.Store(c +! (cStep + 2 * v), c12)
                    'S.Store(c +! (cStep + 3 * v), c13)

                if 'N.Rows > 2 then
                    'S.Store(c +! (2 * cStep), c20)
                    'S.Store(c +! (2 * cStep + v), c21)
                    'S.Store(c +! (2 * cStep + 2 * v), c22)
                    'S.Store(c +! (2 * cStep + 3 * v), c23)

                if 'N.Rows > 3 then
                    'S.Store(c +! (3 * cStep), c30)
                    'S.Store(c +! (3 * cStep + v), c31)
                    'S.Store(c +! (3 * cStep + 2 * v), c32)
                    'S.Store(c +! (3 * cStep + 3 * v), c33)

                if 'N.Rows > 4 then
                    'S.Store(c +! (4 * cStep), c40)
                    'S.Store(c +! (4 * cStep + v), c41)
                    'S.Store(c +! (4 * cStep + 2 * v), c42)
                    'S.Store(c +! (4 * cStep + 3 * v), c43)

                if 'N.Rows > 5 then
                    'S.Store(c +! (5 * cStep), c50)
                    'S.Store(c +! (5 * cStep + v), c51)
                    'S.Store(c +! (5 * cStep + 2 * v), c52)
                    'S.Store(c +! (5 * cStep + 3 * v), c53)

                a <- Tile.at a (nativeint 'N.Rows * step)
                start <- start +! ('N.Rows * p.StartStep)
                c <- c +! ('N.Rows * cStep)
                tile <- tile + 1

            line <- line + 1
